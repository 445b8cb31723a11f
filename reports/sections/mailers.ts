/** What each mailer did: the columns of mailstats(8) for its outgoing side, and the failures it lacks. */
import { TRIES } from '../facts/attempts.ts';
import { bytes, count, seconds, section, text } from '../section.ts';

const attempts = (status: string, name: string): string =>
  `coalesce(sum(attempts) FILTER (status = '${status}'), 0)::BIGINT AS ${name}`;

export const MAILERS = section({
  id: 'mailers',
  title: 'Mailers',
  question: 'Which way did mail leave, and how did each way do?',
  needs: [TRIES],
  columns: [
    text('mailer', 'mailer'),
    count('transactions', 'transfers'),
    count('deliveries', 'delivered'),
    bytes('bytes', 'size'),
    count('relayed', 'passed on'),
    count('deferrals', 'delayed'),
    count('bounced', 'bounced'),
    seconds('mean_delay', 'mean delay'),
  ],
  sql: () => `SELECT mailer,
    coalesce(sum(transactions) FILTER (status IN ('sent', 'relayed')), 0)::BIGINT AS transactions,
    ${attempts('sent', 'deliveries')}, coalesce(sum(bytes), 0)::BIGINT AS bytes, ${attempts('relayed', 'relayed')},
    ${attempts('deferred', 'deferrals')}, ${attempts('bounced', 'bounced')},
    round(sum(waited) / sum(attempts) FILTER (status = 'sent') / 1000, 3) AS mean_delay
  FROM tries WHERE mailer IS NOT NULL GROUP BY mailer ORDER BY deliveries DESC, mailer`,
});
