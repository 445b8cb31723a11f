/**
 * Does it add up? Arrivals held against outcomes, and the recipients that were announced against those
 * that the log names. Each with up to five queue ids to look at.
 */
import type { Row } from '../../src/store/store.ts';
import { CARRIED_IN, ENTRIES, EXAMPLES, NOTICE, STATES } from '../facts/accounts.ts';
import { queueIdsOf } from '../facts/fact.ts';
import { count, numberOf, type RowOf, section, text } from '../section.ts';

const COLUMNS = [
  text('state', 'state'),
  count('entries', 'entries'),
  text('meaning', 'which is'),
  text('examples', 'for example'),
] as const;

type StateRow = RowOf<typeof COLUMNS>;

const states = (kind: string): string => `SELECT state, entries, ${queueIdsOf('keys')} AS examples
  FROM states WHERE kind = '${kind}'`;

const explained =
  (meanings: Readonly<Record<string, string>>) =>
  (rows: readonly Row[]): readonly StateRow[] =>
    Object.entries(meanings).flatMap(([state, meaning]) =>
      rows
        .filter((row) => row.state === state && numberOf(row, 'entries') > 0)
        .map((row) => ({
          state,
          entries: numberOf(row, 'entries'),
          meaning,
          examples: typeof row.examples === 'string' ? row.examples : null,
        })),
    );

export const ARRIVALS_RECONCILED = section({
  id: 'reconciliation',
  title: 'Arrivals against outcomes',
  question: 'Did everything that came in also come to an end?',
  needs: [STATES],
  columns: COLUMNS,
  sql: () => states('outcome'),
  shape: explained({
    complete: 'every recipient settled',
    partly: 'some recipients wait',
    none: 'all recipients wait',
  }),
});

export const BEGUN_ELSEWHERE = section({
  id: 'begun_elsewhere',
  title: 'Outcomes without an arrival in the period',
  question: 'Which outcomes belong to mail that did not come in during the period?',
  needs: [ENTRIES],
  columns: COLUMNS,
  sql: () => `SELECT state, count(*) AS entries, ${queueIdsOf(`min(k, ${EXAMPLES})`)} AS examples
  FROM (SELECT k, CASE WHEN ${CARRIED_IN} THEN 'carried' WHEN ${NOTICE} THEN 'notices' END AS state FROM entries)
  WHERE state IS NOT NULL GROUP BY state`,
  shape: explained({
    carried: 'came in before',
    notices: 'written by our servers',
  }),
});

export const RECIPIENTS_RECONCILED = section({
  id: 'recipients_reconciled',
  title: 'Recipients announced against recipients seen',
  question: 'Does the log name as many recipients as messages had?',
  needs: [STATES],
  columns: COLUMNS,
  sql: () => states('recipients'),
  shape: explained({
    same: 'as announced',
    more: 'aliases, lists',
    fewer: 'joined, or not tried',
    unseen: 'not tried yet',
  }),
});
