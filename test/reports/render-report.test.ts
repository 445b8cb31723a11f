import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, suite, test } from 'node:test';
import { makeReport, type Report } from '../../reports/daily.ts';
import { displayWidth } from '../../reports/render/display-width.ts';
import { PLAIN_STYLE } from '../../reports/render/text-style.ts';
import { renderReport } from '../../reports/render-report.ts';
import { DAY, storeHandMadeDay } from './hand-made-day.ts';
import { MemoryStore } from './memory-store.ts';

const GOLDEN = 'test/fixtures/reports';
const options = { style: { ...PLAIN_STYLE, zone: 'UTC' }, isTerminal: false };
const golden = (name: string): string => readFileSync(`${GOLDEN}/${name}`, 'utf8');

suite('a report as text, CSV and JSON', () => {
  let report: Report;
  let nothing: Report;

  before(async () => {
    const store = await MemoryStore.open();
    const ask = { report: 'daily', ...DAY, zone: 'UTC', top: 10 } as const;
    nothing = await makeReport(store, ask);
    await storeHandMadeDay(store);
    report = await makeReport(store, ask);
    store.close();
  });

  test('text is the golden one', () => {
    assert.equal(renderReport(report, 'text', options), golden('daily.txt'));
  });

  test('CSV is the golden one', () => {
    assert.equal(renderReport(report, 'csv', options), golden('daily.csv'));
  });

  test('JSON is the report itself', () => {
    assert.deepEqual(JSON.parse(renderReport(report, 'json', options)), report);
  });

  test('a day without mail is told in a few lines', () => {
    assert.equal(renderReport(nothing, 'text', options), golden('nothing.txt'));
  });

  /** The report with texts as long as they can be and numbers of a large site. */
  const swollen = (): Report => ({
    ...report,
    totals: Object.assign(
      {},
      ...Object.keys(report.totals).map((key) => ({ [key]: 9_876_543_210 })),
    ),
    sections: report.sections.map((section) => ({
      ...section,
      rows: section.rows.map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([key, value]) => {
            const long = typeof value === 'string' && !/^\d{4}-/.test(value);
            return [key, long ? value.padEnd(300, ' and so on') : value];
          }),
        ),
      ),
    })),
  });

  test('no line is wider than 80 columns', () => {
    for (const line of renderReport(swollen(), 'text', options).split('\n')) {
      assert.ok(displayWidth(line) <= 80, line);
    }
  });

  test('no line holds a control character, whatever was in the log', () => {
    const text = renderReport(report, 'text', options);
    assert.match(text, /\\x1b\[31mcannot bind/);
    assert.doesNotMatch(text.replaceAll('\n', ''), /\p{Cc}/u);
  });

  test('the ledger is in it, whichever report', () => {
    const text = renderReport({ ...report, report: 'tls', sections: [] }, 'text', options);
    assert.match(text, /read 61 = parsed 55 \+ foreign 3 \+ unsupported 0 \+/);
  });

  test('every line of CSV begins with the name of its section', () => {
    const names = new Set(report.sections.map(({ id }) => id));
    for (const line of renderReport(report, 'csv', options).trimEnd().split('\r\n')) {
      const [name = ''] = line.split(',');
      assert.ok(['section', 'totals', 'lines'].includes(name) || names.has(name), line);
    }
  });
});
