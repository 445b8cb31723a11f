/**
 * Does it add up? Arrivals held against outcomes, and the recipients that were announced against those
 * that the log names. Each with up to five queue ids to look at.
 */
import type { Row } from '../../src/store/store.ts';
import { CARRIED_IN, ENTRIES, EXAMPLE_IDS, NOTICE, STATES } from '../facts/accounts.ts';
import { CROSSING } from '../facts/entries.ts';
import { IN_PERIOD, KEY, keyOf } from '../facts/fact.ts';
import { count, numberOf, type RowOf, section, text } from '../section.ts';

const COLUMNS = [
  text('state', 'state'),
  count('entries', 'entries'),
  text('meaning', 'which is'),
  text('examples', 'for example'),
] as const;

type StateRow = RowOf<typeof COLUMNS>;

const EXAMPLES = 5;

const states = (kind: string): string => `SELECT s.state, any_value(s.entries) AS entries,
    string_agg(DISTINCT e.queue_id, ' ' ORDER BY e.queue_id) AS examples
  FROM (SELECT state, entries, unnest(coalesce(nullif(keys, []), [''])) AS k FROM states WHERE kind = '${kind}') s
  LEFT JOIN example_ids e ON e.k = s.k GROUP BY s.state`;

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
  needs: [STATES, EXAMPLE_IDS],
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
  needs: [ENTRIES, CROSSING],
  columns: COLUMNS,
  sql: () => `WITH elsewhere AS MATERIALIZED (
    SELECT k, CASE WHEN ${CARRIED_IN} THEN 'carried' WHEN ${NOTICE} THEN 'notices' END AS state FROM entries),
  groups AS MATERIALIZED (
    SELECT state, count(*) AS entries FROM elsewhere WHERE state IS NOT NULL GROUP BY state),
  ids AS (
    SELECT ${KEY} AS k, queue_id FROM crossing
    UNION
    SELECT ${keyOf('host', 'child_queue_id')}, child_queue_id FROM raw.queue_events WHERE ${IN_PERIOD} AND child_queue_id <> ''),
  named AS (
    SELECT w.state, min(i.queue_id, ${EXAMPLES}) AS queue_ids
    FROM elsewhere w JOIN ids i ON i.k = w.k WHERE w.state IS NOT NULL GROUP BY w.state)
  SELECT g.state, g.entries, array_to_string(n.queue_ids, ' ') AS examples
  FROM groups g LEFT JOIN named n ON n.state = g.state`,
  shape: explained({
    carried: 'came in before',
    notices: 'written by our servers',
  }),
});

export const RECIPIENTS_RECONCILED = section({
  id: 'recipients_reconciled',
  title: 'Recipients announced against recipients seen',
  question: 'Does the log name as many recipients as messages had?',
  needs: [STATES, EXAMPLE_IDS],
  columns: COLUMNS,
  sql: () => states('recipients'),
  shape: explained({
    same: 'as announced',
    more: 'aliases, lists',
    fewer: 'joined, or not tried',
    unseen: 'not tried yet',
  }),
});
