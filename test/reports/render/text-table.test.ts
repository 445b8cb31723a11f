/** Tables for people: looks, widths, and what happens when it does not fit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { displayWidth } from '../../../reports/render/display-width.ts';
import { PLAIN_STYLE, type TextStyle } from '../../../reports/render/text-style.ts';
import {
  renderFacts,
  renderHeading,
  renderTable,
  type Table,
} from '../../../reports/render/text-table.ts';
import type { JsonValue } from '../../../src/store/store.ts';
import { randomSource } from '../../support/random.ts';

const SENDERS: Table = {
  heading: 'Top senders by messages',
  columns: [
    { key: 'sender', title: 'sender', kind: 'text' },
    { key: 'messages', title: 'messages', kind: 'count' },
    { key: 'bytes', title: 'bytes', kind: 'bytes' },
    { key: 'share', title: 'share', kind: 'percent' },
    { key: 'delay', title: 'delay', kind: 'seconds' },
  ],
  rows: [
    {
      sender: 'newsletter-bounces+user=example.org@lists.marketing.example.com',
      messages: 12345,
      bytes: 987654321,
      share: 0.62,
      delay: 1.44,
    },
    { sender: 'ann@example.org', messages: 310, bytes: 123456, share: 0.0002, delay: 183600 },
    { sender: '用户@例え.テスト', messages: 7, bytes: 999, share: 0, delay: null },
  ],
  footer: { sender: 'all', messages: 12662, bytes: 987778776, share: 1 },
};

const style = (changes: Partial<TextStyle>): TextStyle => ({ ...PLAIN_STYLE, ...changes });
const lines = (...all: readonly string[]): string => `${all.join('\n')}\n`;

test('numbers to the right, texts to the left, sums below', () => {
  assert.equal(
    renderTable(SENDERS, PLAIN_STYLE),
    lines(
      'Top senders by messages',
      'sender                                      messages      bytes    share   delay',
      '──────────────────────────────────────────  ────────  ─────────  ───────  ──────',
      'newsletter-bounces+us…arketing.example.com    12,345  941.9 MiB   62.0 %   1.4 s',
      'ann@example.org                                  310  120.6 KiB   <0.1 %  2d 03h',
      '用户@例え.テスト                                   7      999 B    0.0 %       -',
      '──────────────────────────────────────────  ────────  ─────────  ───────  ──────',
      'all                                           12,662  942.0 MiB  100.0 %',
    ),
  );
});

test('a bar at the end of each line, to the largest', () => {
  const rows = [0, 99, 495, 1683, 9900].map((messages, hour) => ({
    hour: `0${hour}:00`,
    messages,
  }));
  const table: Table = {
    columns: [
      { key: 'hour', title: 'hour', kind: 'text' },
      { key: 'messages', title: 'messages', kind: 'count' },
    ],
    rows,
    bar: 'messages',
  };
  assert.equal(
    renderTable(table, style({ width: 35 })),
    lines(
      'hour   messages',
      '─────  ────────',
      '00:00         0',
      '01:00        99  ▏',
      '02:00       495  ▉',
      '03:00     1,683  ███',
      '04:00     9,900  ██████████████████',
    ),
  );
  assert.equal(
    renderTable({ ...table, rows: rows.slice(3) }, style({ width: 25, unicode: false })),
    lines('hour   messages', '-----  --------', '03:00     1,683  #', '04:00     9,900  ########'),
  );
});

test('a bar gives way where there is no room for one', () => {
  const table: Table = { ...SENDERS, bar: 'messages' };
  assert.doesNotMatch(renderTable(table, style({ width: 60 })), /█/);
  assert.match(renderTable(table, PLAIN_STYLE), /█/);
});

test('sentences are cut at their end, words in their middle', () => {
  const columns = [{ key: 'text', title: 'text', kind: 'text' }] as const;
  const rows = [
    { text: 'Connection timed out with mx.example.org' },
    { text: 'abcdefghijklmnopqrst' },
  ];
  assert.equal(
    renderTable({ columns, rows }, style({ width: 15 })),
    lines('text', '───────────────', 'Connection tim…', 'abcdefg…nopqrst'),
  );
  assert.equal(
    renderTable({ columns, rows }, style({ width: 15, unicode: false })),
    lines('text', '---------------', 'Connection ti..', 'abcdefg..opqrst'),
  );
  assert.match(renderTable({ columns, rows }, style({ width: null })), /with mx.example.org\n/);
});

test('where columns cannot fit, each row is a block, uncut', () => {
  const text = renderTable({ ...SENDERS, rows: SENDERS.rows.slice(0, 2) }, style({ width: 40 }));
  assert.equal(
    text,
    lines(
      'Top senders by messages',
      '1 of 2',
      'sender    newsletter-bounces+user=example.org@lists.marketing.example.com',
      'messages  12,345',
      'bytes     941.9 MiB',
      'share     62.0 %',
      'delay     1.4 s',
      '',
      '2 of 2',
      'sender    ann@example.org',
      'messages  310',
      'bytes     120.6 KiB',
      'share     <0.1 %',
      'delay     2d 03h',
      '',
      'total',
      'sender    all',
      'messages  12,662',
      'bytes     942.0 MiB',
      'share     100.0 %',
      'delay     -',
    ),
  );
});

test('without rows the columns are still named', () => {
  assert.equal(
    renderTable({ columns: [{ key: 'a', title: 'a\x1b', kind: 'text' }], rows: [] }, PLAIN_STYLE),
    lines('a\\x1b', '─────'),
  );
});

test('colour is only added where asked for, and changes no width', () => {
  const plain = renderTable({ ...SENDERS, bar: 'messages' }, PLAIN_STYLE);
  const coloured = renderTable({ ...SENDERS, bar: 'messages' }, style({ colour: true }));
  assert.ok(!plain.includes('\x1b'));
  assert.ok(coloured.startsWith('\x1b[1mTop senders'));
  assert.equal(stripVTControlCharacters(coloured), plain);
});

test('facts and headings', () => {
  const facts = [
    { label: 'came in', value: '1,234' },
    { label: 'size', value: '' },
  ];
  assert.equal(renderFacts(facts, PLAIN_STYLE), lines('came in  1,234', 'size'));
  assert.equal(renderFacts([], PLAIN_STYLE), '');
  assert.equal(renderHeading('a\nb', PLAIN_STYLE), 'a\\nb\n');
  assert.equal(renderHeading('one two three', style({ width: 9 })), 'one two …\n');
});

test('whatever is in the rows, lines stay within the width and end in no blanks', () => {
  const random = randomSource(80);
  const word = (): string => {
    let text = '';
    for (let length = random.below(60); length > 0; length -= 1) {
      text += String.fromCodePoint(
        random.chance(0.7) ? random.below(0x250) : random.below(0x12000),
      );
    }
    return text;
  };
  const value = (): JsonValue =>
    random.pick<JsonValue>([word(), random.below(1_000_000), null, true, [word()], 1 / 7]);
  const kinds = ['text', 'time', 'plain', 'count', 'bytes', 'seconds', 'percent'] as const;
  for (let round = 0; round < 500; round += 1) {
    const columns = Array.from({ length: 1 + random.below(5) }, (_, index) => ({
      key: `c${index}`,
      title: word(),
      kind: index === 0 ? ('text' as const) : random.pick(kinds),
    }));
    const rows = Array.from({ length: random.below(5) }, () =>
      Object.fromEntries(columns.map(({ key }) => [key, value()])),
    );
    const width = 20 + random.below(100);
    const text = renderTable({ columns, rows, bar: 'c1' }, style({ width }));
    assert.ok(text.endsWith('\n'));
    const isTable = text.includes('─\n') || text.includes('─  ─');
    for (const line of text.slice(0, -1).split('\n')) {
      assert.doesNotMatch(line, /\s$|\p{C}/u);
      assert.ok(!isTable || displayWidth(line) <= width, line);
    }
  }
});
