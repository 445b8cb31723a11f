/** What each mailer did: mailstats(8) for outgoing mail, in recipients, with the failures it lacks. */
import { DELIVERED, DELIVERED_BY } from '../facts/delivered.ts';
import { TRIES } from '../facts/troubles.ts';
import { bytes, count, seconds, section, text } from '../section.ts';

const attempts = (status: string, name: string): string =>
  `coalesce(sum(attempts) FILTER (status = '${status}'), 0)::BIGINT AS ${name}`;

export const MAILERS = section({
  id: 'mailers',
  title: 'Mailers',
  question: 'Which way did mail leave, and how did each way do?',
  needs: [DELIVERED, TRIES],
  columns: [
    text('mailer', 'mailer'),
    count('deliveries', 'delivered'),
    bytes('bytes', 'size'),
    count('relayed', 'passed'),
    count('deferrals', 'delayed'),
    count('bounced', 'bounced'),
    count('expired', 'expired'),
    seconds('mean_delay', 'delay'),
  ],
  sql: () => `SELECT mailer, ${attempts('sent', 'deliveries')}, coalesce(sum(bytes), 0)::BIGINT AS bytes,
    ${attempts('relayed', 'relayed')}, ${attempts('deferred', 'deferrals')}, ${attempts('bounced', 'bounced')},
    ${attempts('expired', 'expired')}, round(sum(waited) / sum(attempts) FILTER (status = 'sent'), 3) AS mean_delay
  FROM (
    SELECT mailer, CASE WHEN relayed THEN 'relayed' ELSE 'sent' END AS status, deliveries AS attempts,
      CASE WHEN NOT relayed THEN bytes END AS bytes, CASE WHEN NOT relayed THEN waited END AS waited
    FROM delivered WHERE cut = ${DELIVERED_BY.mailer}
    UNION ALL
    SELECT mailer, status, attempts, NULL, NULL FROM tries
  ) WHERE mailer IS NOT NULL GROUP BY mailer ORDER BY deliveries DESC, mailer`,
});
