/**
 * Does it add up? Arrivals held against outcomes, and the recipients that were announced against those
 * that the log names. Each with up to five queue ids to look at.
 */
import type { Row } from '../../src/store/store.ts';
import { ACCOUNTS, CARRIED_IN, NOTICE } from '../facts/accounts.ts';
import { IN_PERIOD, KEY } from '../facts/fact.ts';
import { FATES } from '../facts/fates.ts';
import { count, numberOf, type RowOf, section, text } from '../section.ts';

const EXAMPLES = 5;

const COLUMNS = [
  text('state', 'state'),
  count('entries', 'entries'),
  text('meaning', 'which is'),
  text('examples', 'for example'),
] as const;

type StateRow = RowOf<typeof COLUMNS>;

/** Numbers and a few queue ids of each group, the ids looked up in one scan of a table. */
const withExamples = (groups: string, table: string): string => `WITH groups AS MATERIALIZED (${groups}),
  chosen AS MATERIALIZED (SELECT state, unnest(keys) AS k FROM groups),
  named AS (
    SELECT c.state, string_agg(DISTINCT t.queue_id, ' ' ORDER BY t.queue_id) AS examples
    FROM (SELECT ${KEY} AS k, queue_id FROM raw.${table} WHERE ${IN_PERIOD}) t JOIN chosen c ON c.k = t.k GROUP BY c.state)
  SELECT g.state, g.entries, n.examples FROM groups g LEFT JOIN named n ON n.state = g.state`;

const explained =
  (meanings: Readonly<Record<string, string>>) =>
  (rows: readonly Row[]): readonly StateRow[] =>
    Object.entries(meanings).flatMap(([state, meaning]) =>
      rows
        .filter((row) => row['state'] === state && numberOf(row, 'entries') > 0)
        .map((row) => ({
          state,
          entries: numberOf(row, 'entries'),
          meaning,
          examples: typeof row['examples'] === 'string' ? row['examples'] : null,
        })),
    );

export const ARRIVALS_RECONCILED = section({
  id: 'reconciliation',
  title: 'Arrivals against outcomes',
  question: 'Did everything that came in also come to an end?',
  needs: [ACCOUNTS],
  columns: COLUMNS,
  sql: () =>
    withExamples(
      `SELECT outcome AS state, sum(arrived)::BIGINT AS entries, min(k, ${EXAMPLES}) AS keys FROM accounts GROUP BY outcome`,
      'envelopes',
    ),
  shape: explained({
    complete: 'done: every recipient has a final outcome',
    partly: 'still in the queue for some recipients',
    none: 'still in the queue for all recipients',
  }),
});

export const BEGUN_ELSEWHERE = section({
  id: 'begun_elsewhere',
  title: 'Outcomes without an arrival in the period',
  question: 'Which outcomes belong to mail that did not come in during the period?',
  needs: [FATES],
  columns: COLUMNS,
  sql: () =>
    withExamples(
      `SELECT state, count(*) AS entries, min(k, ${EXAMPLES}) AS keys
      FROM (SELECT k, CASE WHEN ${CARRIED_IN} THEN 'carried' WHEN ${NOTICE} THEN 'notices' END AS state FROM fates)
      WHERE state IS NOT NULL GROUP BY state`,
      'deliveries',
    ),
  shape: explained({
    carried: 'came in before the period, or before the log',
    notices: 'bounces and notices our servers wrote',
  }),
});

export const RECIPIENTS_RECONCILED = section({
  id: 'recipients_reconciled',
  title: 'Recipients announced against recipients seen',
  question: 'Does the log name as many recipients as messages had?',
  needs: [ACCOUNTS],
  columns: COLUMNS,
  sql: () =>
    withExamples(
      `SELECT CASE WHEN seen > announced THEN 'more' WHEN seen = announced THEN 'same'
        WHEN seen = 0 THEN 'unseen' ELSE 'fewer' END AS state,
      sum(arrived)::BIGINT AS entries, min(k, ${EXAMPLES}) AS keys
      FROM accounts WHERE seen IS NOT NULL AND announced IS NOT NULL GROUP BY state`,
      'envelopes',
    ),
  shape: explained({
    same: 'as many as announced',
    more: 'more: aliases and lists were expanded',
    fewer: 'fewer: joined by aliases, or not tried yet',
    unseen: 'none yet',
  }),
});
