import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { mailstatsForPrograms, mailstatsTable } from '../../src/format/mailstats-text.ts';
import { emptyStatistics, parseStatistics } from '../../src/format/sendmail-st.ts';

process.env.TZ = 'UTC';
const FIXTURES = 'test/fixtures/mailstats';
const NAMES = ['prog', '*file*', '*include*', 'local', 'smtp', 'esmtp', 'smtp8', 'dsmtp', 'relay'];
const START = '--- mailstats ';

/** The fixture is `cat -A` of four runs: each line ends in `$`, which is taken off here. */
const recorded = new Map(
  readFileSync(`${FIXTURES}/mailstats.txt`, 'utf8')
    .split(/^(?=--- mailstats )/m)
    .map((run) => {
      const [title = '', ...lines] = run.split('\n');
      return [title.slice(START.length).trim(), lines.join('\n').replaceAll('$\n', '\n')];
    }),
);

function recordedStatistics() {
  const outcome = parseStatistics(readFileSync(`${FIXTURES}/sendmail.st`));
  return outcome.kind === 'statistics' ? outcome.statistics : assert.fail(outcome.kind);
}

describe('output of the real mailstats on the same file', () => {
  const statistics = recordedStatistics();
  const now = BigInt(/^\d+ (\d+)$/m.exec(recorded.get('-P') ?? '')?.[1] ?? 0);

  test('four runs were recorded', () => {
    assert.deepEqual([...recorded.keys()], ['', '-o', '-P', '-P -o']);
  });
  test('the table', () => {
    assert.equal(mailstatsTable(statistics, { mailerNames: NAMES }), recorded.get(''));
  });
  test('the table without names', () => {
    assert.equal(mailstatsTable(statistics, { mailerNames: null }), recorded.get('-o'));
  });
  test('for programs', () => {
    const text = mailstatsForPrograms(statistics, { mailerNames: NAMES, now });
    assert.equal(text, recorded.get('-P'));
  });
  test('for programs without names', () => {
    const text = mailstatsForPrograms(statistics, { mailerNames: null, now });
    assert.equal(text, recorded.get('-P -o'));
  });
});

describe('rows', () => {
  test('a mailer with kilobytes alone is neither shown nor totalled', () => {
    const statistics = { ...emptyStatistics(5n), kilobytesFrom: [7n], kilobytesTo: [8n] };
    const text = mailstatsForPrograms(statistics, { mailerNames: null, now: 6n });
    assert.equal(
      text,
      [
        '5 6',
        ' T        0          0        0          0        0       0       0',
        ' C        0        0      0',
        '',
      ].join('\n'),
    );
  });

  test('a quarantined message alone shows a mailer', () => {
    const statistics = { ...emptyStatistics(5n), quarantined: [0n, 1n] };
    const text = mailstatsForPrograms(statistics, { mailerNames: NAMES, now: 6n });
    assert.match(text, /^ 1 {8}0 .* {7}1 {2}\*file\*$/m);
  });

  test('totals wrap at 64 bits', () => {
    const statistics = { ...emptyStatistics(0n), messagesTo: [2n ** 63n - 1n, 1n] };
    const text = mailstatsForPrograms(statistics, { mailerNames: null, now: 0n });
    assert.match(text, /^ T {8}0 {10}0 -9223372036854775808 /m);
  });

  test('a caller may tell the time its own way', () => {
    const options = { mailerNames: null, localTime: (seconds: bigint) => `second ${seconds}` };
    const text = mailstatsTable(emptyStatistics(9n), options);
    assert.ok(text.startsWith('Statistics from second 9\n M   msgsfr'));
  });

  test('a time that cannot be told takes its line end with it, as in C', () => {
    const text = mailstatsTable(emptyStatistics(2n ** 63n - 1n), { mailerNames: null });
    assert.ok(text.startsWith('Statistics from (null) M   msgsfr'));
  });
});
