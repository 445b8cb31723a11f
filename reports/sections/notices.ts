/**
 * Mail our servers wrote themselves (RFC 3464 notifications), and what else happened to queue entries; first
 * of all, that rows of the period were dropped, if so.
 */
import { IN_PERIOD } from '../facts/fact.ts';
import { count, section, text } from '../section.ts';

export const NOTICES = section({
  id: 'notices',
  title: 'Notices and queue events',
  question: 'What bounces and warnings did we write, what else happened in the queue?',
  needs: [],
  columns: [text('what', 'what'), count('events', 'times'), text('detail', 'for example')],
  bar: 'events',
  sql: ({
    dropped,
  }) => `SELECT * FROM (SELECT what::VARCHAR AS what, count(*) AS events, min(detail) AS detail
  FROM queue_events WHERE ${IN_PERIOD} AND what <> 'removed' GROUP BY what
  ${dropped === undefined ? '' : `UNION ALL SELECT 'retention', NULL, '${dropped.replaceAll("'", "''")}'`})
  ORDER BY events DESC NULLS FIRST, what`,
});
