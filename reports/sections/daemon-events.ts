/** What the mail servers said of themselves: starts, rebuilt aliases, errors; the gravest first. */
import { IN_PERIOD } from '../facts/fact.ts';
import { count, section, text, time } from '../section.ts';

export const DAEMON_EVENTS = section({
  id: 'daemon_events',
  title: 'Server events',
  question: 'What did the mail servers report about themselves?',
  needs: [],
  columns: [
    text('severity', 'severity'),
    text('what', 'what'),
    count('events', 'times'),
    time('latest', 'latest'),
    text('detail', 'latest words'),
  ],
  sql: ({ top }) => `SELECT severity::VARCHAR AS severity, what, count(*) AS events,
    strftime(max(logged_at), '%Y-%m-%dT%H:%M:%SZ') AS latest, arg_max(detail, logged_at) AS detail
  FROM daemon_events WHERE ${IN_PERIOD} AND severity <> 'debug' GROUP BY severity, what
  ORDER BY enum_code(daemon_events.severity) DESC, events DESC, what LIMIT ${top}`,
});
