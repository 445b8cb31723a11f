/** Tries that failed for now: the mail stays in the queue and is tried again. */
import { FAILURES } from '../facts/troubles.ts';
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
  sql: ({
    top,
  }) => `SELECT sum(tries)::BIGINT AS deferrals, count(*) AS messages, bounce_class, reason
  FROM (SELECT bounce_class, reason, k, count(*) AS tries FROM failures WHERE is_deferral GROUP BY bounce_class, reason, k)
  GROUP BY bounce_class, reason ORDER BY deferrals DESC, reason LIMIT ${top}`,
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
    seconds('longest', 'longest wait'),
  ],
  bar: 'deferrals',
  sql: ({
    top,
  }) => `SELECT domain, sum(tries)::BIGINT AS deferrals, count(*) AS messages, max(longest) AS longest
  FROM (SELECT domain, k, count(*) AS tries, max(delay) AS longest
    FROM failures WHERE is_deferral AND domain IS NOT NULL GROUP BY domain, k)
  GROUP BY domain ORDER BY deferrals DESC, domain LIMIT ${top}`,
});
