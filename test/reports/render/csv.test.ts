/** CSV: RFC 4180, formulas made inert, and a reader gets back what was written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvField, renderCsv } from '../../../reports/render/csv.ts';
import { randomSource } from '../../support/random.ts';

/** Reads RFC 4180 by its grammar, by hand, so that it shares nothing with the writer. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < text.length) {
    const [field, next] = text[at] === '"' ? parseQuoted(text, at + 1) : parseBare(text, at);
    row.push(field);
    at = next + 1;
    if (text[next] !== ',') {
      assert.equal(text.slice(next, next + 2), '\r\n');
      at = next + 2;
      rows.push(row);
      row = [];
    }
  }
  assert.deepEqual(row, []);
  return rows;
}

/** A field and where it ends, its closing quote included. */
function parseQuoted(text: string, from: number): readonly [string, number] {
  let field = '';
  let at = from;
  while (text[at] !== '"' || text[at + 1] === '"') {
    assert.ok(at < text.length, 'a quote is not closed');
    field += text[at];
    at += text[at] === '"' ? 2 : 1;
  }
  return [field, at + 1];
}

function parseBare(text: string, from: number): readonly [string, number] {
  const [field = ''] = /^[^,\r]*/.exec(text.slice(from)) ?? [];
  assert.doesNotMatch(field, /["\n]/);
  return [field, from + field.length];
}

test('a header, a line for each row, CRLF, quotes where needed', () => {
  const rows = [
    { sender: 'a@b', messages: 12345, note: 'say "hi", then\r\ngo' },
    { sender: null, messages: -5.5, note: true },
    { sender: '', messages: 0, note: ['x', { y: null }] },
  ];
  assert.equal(
    renderCsv(['sender', 'messages', 'note', 'none'], rows),
    'sender,messages,note,none\r\n' +
      'a@b,12345,"say ""hi"", then\r\ngo",\r\n' +
      ',-5.5,true,\r\n' +
      ',0,"[""x"",{""y"":null}]",\r\n',
  );
  assert.equal(renderCsv(['a', 'b'], []), 'a,b\r\n');
});

test('texts that spreadsheets would run are made inert, numbers are not touched', () => {
  assert.equal(csvField('=HYPERLINK("http://x","y")'), `"'=HYPERLINK(""http://x"",""y"")"`);
  for (const first of ['=', '+', '-', '@', '＝', '＋', '－', '＠']) {
    assert.equal(csvField(`${first}1`), `'${first}1`);
  }
  assert.equal(csvField('\t=1'), `"'\t=1"`);
  assert.equal(csvField('\r=1'), `"'\r=1"`);
  assert.equal(csvField('\n=1'), `"'\n=1"`);
  assert.equal(csvField(' =1'), '" =1"');
  assert.equal(csvField('x;=1'), '"x;=1"');
  assert.equal(csvField('a=1'), 'a=1');
  assert.equal(csvField(-5), '-5');
  assert.equal(renderCsv(['=1+1'], []), "'=1+1\r\n");
});

test('on a terminal, texts are safe for it', () => {
  const rows = [{ reply: 'a\x1b[2J\nb\u202e' }];
  assert.equal(
    renderCsv(['reply'], rows, { forTerminal: true }),
    'reply\r\na\\x1b[2J\\nb\\u202e\r\n',
  );
  assert.equal(renderCsv(['reply'], rows), 'reply\r\n"a\x1b[2J\nb\u202e"\r\n');
});

test('random texts come back as they went in, but for the apostrophe, and none is a formula', () => {
  const random = randomSource(4180);
  const alphabet = [
    '"',
    ',',
    ';',
    '\r',
    '\n',
    '\t',
    ' ',
    '=',
    '+',
    '-',
    '@',
    "'",
    'a',
    'é',
    '＝',
    '\0',
  ];
  const word = (): string => {
    let text = '';
    for (let length = random.below(8); length > 0; length -= 1) {
      text += alphabet[random.below(alphabet.length)] ?? '';
    }
    return text;
  };
  for (let round = 0; round < 3000; round += 1) {
    const columns = Array.from({ length: 1 + random.below(4) }, (_, index) => `c${index}`);
    const rows = Array.from({ length: random.below(4) }, () =>
      Object.fromEntries(columns.map((column) => [column, word()])),
    );
    const [header, ...read] = parseCsv(renderCsv(columns, rows));
    assert.deepEqual(header, columns);
    assert.equal(read.length, rows.length);
    for (const [index, row] of rows.entries()) {
      for (const [place, column] of columns.entries()) {
        const written = row[column] ?? '';
        const field = read[index]?.[place] ?? '';
        assert.ok(field === written || field === `'${written}`, JSON.stringify([written, field]));
        assert.doesNotMatch(field, /^[=+\-@\t\r\n＝＋－＠]/);
      }
    }
  }
});
