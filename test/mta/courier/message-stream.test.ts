import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  messageChunks,
  surveyMessage,
  WireEncoder,
  wireChunks,
} from '../../../src/mta/courier/message-stream.ts';
import { quotedPrintable, SevenBitEncoder } from '../../../src/mta/courier/seven-bit.ts';
import { withQuotedFrom } from '../../../src/mta/courier/unix-from.ts';
import { randomSource } from '../../support/random.ts';
import { messageFile } from './fake-smtp.ts';

function onWire(text: string, size = text.length, lineLimit = 990): string {
  const encoder = new WireEncoder({ lineLimit });
  const bytes = Buffer.from(text, 'latin1');
  let output = '';
  for (let at = 0; at < bytes.length; at += Math.max(1, size)) {
    output += encoder.encode(bytes.subarray(at, at + Math.max(1, size))).toString('latin1');
  }
  return output + encoder.end().toString('latin1');
}

test('lines end in CRLF, dots are doubled, the end is there', () => {
  assert.equal(onWire('a\n.\n..b\nc'), 'a\r\n..\r\n...b\r\nc\r\n');
  assert.equal(onWire(''), '');
  assert.equal(onWire('a\r\n.\rb\n'), 'a \r\n.. b\r\n');
});

test('a long line is broken as sendmail breaks it', () => {
  const wire = onWire(`${'x'.repeat(2000)}\n`).split('\r\n');
  assert.deepEqual(
    wire.map((line) => line.length),
    [990, 990, 24, 0],
  );
  assert.ok(wire[0]?.endsWith('!') && wire[1]?.startsWith(' '));
  assert.equal(onWire(`${'x'.repeat(990)}\n`), `${'x'.repeat(990)}\r\n`);
});

test('however it is cut, it is the same; no line of it is a lone dot', () => {
  const random = randomSource(7);
  for (let round = 0; round < 300; round++) {
    const text = Array.from({ length: random.below(60) }, () =>
      random.pick(['.', '\n', '\r', 'x', '\xff', 'x'.repeat(random.below(1200))]),
    ).join('');
    const whole = onWire(text);
    assert.equal(onWire(text, 1 + random.below(9)), whole);
    assert.ok(!`\r\n${whole}`.includes('\r\n.\r\n'));
    assert.ok(!/\r(?!\n)|(?<!\r)\n/.test(whole));
  }
});

test('a file is surveyed and streamed', async (t) => {
  const file = messageFile(t, 'Subject: x\nMime-Version: 1.0\n\n\xe9\n');
  assert.deepEqual(await surveyMessage(file.path), { has8Bit: true, isMime: true });
  let text = '';
  for await (const chunk of wireChunks(messageChunks(file.path), { lineLimit: 0 }))
    text += chunk.toString('latin1');
  assert.equal(text, 'Subject: x\r\nMime-Version: 1.0\r\n\r\n\xe9\r\n');
});

test('quoted-printable quotes what must be', () => {
  assert.deepEqual(quotedPrintable('a=b \xe9 '), ['a=3Db =E9=20']);
  for (const line of quotedPrintable('\xe9'.repeat(80))) assert.ok(line.length <= 76);
});

test('parts of a multipart are converted, each in its way', () => {
  const encoder = new SevenBitEncoder();
  const lines = [
    'Content-Type: multipart/mixed;',
    '\tboundary="b 1"',
    'Content-Transfer-Encoding: 8bit',
    '',
    'preamble',
    '--b 1',
    'Content-Type: text/plain',
    '',
    '\xe9',
    '--b 1',
    'Content-Type: application/x',
    'Content-Transfer-Encoding: binary',
    '',
    '\xe9',
    'x',
    '--b 1',
    'Content-Type: text/plain',
    'Content-Transfer-Encoding: base64',
    '',
    'AAAA',
    '--b 1--',
    'end',
  ];
  const output = [...lines.flatMap((line) => encoder.encode(line)), ...encoder.flush()];
  assert.deepEqual(output, [
    'Content-Type: multipart/mixed;',
    '\tboundary="b 1"',
    'Content-Transfer-Encoding: 7bit',
    '',
    'preamble',
    '--b 1',
    'Content-Type: text/plain',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    '=E9',
    '--b 1',
    'Content-Type: application/x',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from('\xe9\r\nx', 'latin1').toString('base64'),
    ...lines.slice(15),
  ]);
});

test('From at the head of a line is quoted, wherever the chunks are cut', async () => {
  const text = 'From a\nxFrom b\nFrom c\n\nFro';
  for (let size = 1; size < text.length; size++) {
    async function* chunks() {
      for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size));
    }
    let output = '';
    for await (const chunk of withQuotedFrom(chunks())) output += chunk.toString();
    assert.equal(output, '>From a\nxFrom b\n>From c\n\nFro\n', `chunks of ${size}`);
  }
});
