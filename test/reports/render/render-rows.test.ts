/** One answer in every format. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROW_FORMATS, type RowOptions, renderRows } from '../../../reports/render/render-rows.ts';
import { PLAIN_STYLE } from '../../../reports/render/text-style.ts';

const RESULT = {
  columns: ['sender', 'messages', 'code', 'last'],
  rows: [
    { sender: '=a@b\x1b', messages: 1234, code: 1550, last: '2026-01-31T23:00:00Z' },
    { sender: null, messages: 2, code: null, last: null },
  ],
};

const OPTIONS: RowOptions = {
  style: { ...PLAIN_STYLE, zone: 'Europe/Berlin' },
  isTerminal: false,
  kinds: { messages: 'count' },
  titles: { code: 'reply code' },
};

test('text', () => {
  assert.equal(
    renderRows(RESULT, 'text', OPTIONS),
    [
      'sender    messages  reply code  last',
      '────────  ────────  ──────────  ───────────────────',
      '=a@b\\x1b     1,234        1550  2026-02-01 00:00:00',
      '-                2           -  -',
      '',
    ].join('\n'),
  );
  assert.match(
    renderRows(RESULT, 'text', { ...OPTIONS, heading: 'Senders', bar: 'messages' }),
    /^Senders\n.*\n.*\n.*█/,
  );
});

test('json', () => {
  assert.equal(
    renderRows(RESULT, 'json', OPTIONS),
    [
      '[',
      '  {"sender":"=a@b\\u001b","messages":1234,"code":1550,"last":"2026-01-31T23:00:00Z"},',
      '  {"sender":null,"messages":2,"code":null,"last":null}',
      ']',
      '',
    ].join('\n'),
  );
});

test('csv, to a file and to a terminal', () => {
  const lines = (sender: string): string =>
    ['sender,messages,code,last', `${sender},1234,1550,2026-01-31T23:00:00Z`, ',2,,', ''].join(
      '\r\n',
    );
  assert.equal(renderRows(RESULT, 'csv', OPTIONS), lines("'=a@b\x1b"));
  assert.equal(renderRows(RESULT, 'csv', { ...OPTIONS, isTerminal: true }), lines("'=a@b\\x1b"));
});

test('no rows', () => {
  const none = { columns: ['a', 'b'], rows: [] };
  const texts = ROW_FORMATS.map((format) => renderRows(none, format, OPTIONS));
  assert.deepEqual(texts, ['a  b\n─  ─\n', '[]\n', 'a,b\r\n']);
});
