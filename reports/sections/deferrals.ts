/** Tries that failed for now: the mail stays in the queue and is tried again. */
import { FAILURES } from '../facts/attempts.ts';
import { count, seconds, section, text } from '../section.ts';

export const DEFERRALS_BY_REASON = section({
  id: 'deferrals_by_reason',
  title: 'Delays by reason',
  question: 'Why did mail have to wait?',
  needs: [FAILURES],
  columns: [
    count('deferrals', 'tries'),
    count('messages', 'messages'),
    text('bounce_class', 'class'),
    text('reason', 'reason'),
  ],
  sql: ({ top }) => `SELECT count(*) AS deferrals, count(DISTINCT k) AS messages,
    coalesce(bounce_class, 'Uncategorized') AS bounce_class, reason
  FROM failures WHERE status = 'deferred' GROUP BY coalesce(bounce_class, 'Uncategorized'), reason
  ORDER BY deferrals DESC, reason LIMIT ${top}`,
});

export const DEFERRALS_BY_DESTINATION = section({
  id: 'deferrals_by_destination',
  title: 'Delays by destination',
  question: 'Which domains does mail wait for?',
  needs: [FAILURES],
  columns: [
    text('domain', 'domain'),
    count('deferrals', 'tries'),
    count('messages', 'messages'),
    count('recipients', 'recipients'),
    seconds('longest', 'longest wait'),
  ],
  bar: 'deferrals',
  sql: ({ top }) => `SELECT domain, count(*) AS deferrals, count(DISTINCT k) AS messages,
    count(DISTINCT recipient) AS recipients, max(delay_ms) / 1000 AS longest
  FROM failures WHERE status = 'deferred' AND domain IS NOT NULL GROUP BY domain
  ORDER BY deferrals DESC, domain LIMIT ${top}`,
});
