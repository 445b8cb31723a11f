/**
 * The figures at the head of a report: how much mail came in, went out, waited, failed and was refused.
 *
 * Promise: `messages` counts a message once however many queues of ours it passed (`hops` counts those),
 * `deliveries` counts recipients whose mail somebody else took, and every figure is what the public views
 * say of the period.
 */
import { ACCOUNTS, CARRIED_IN, ENTRIES } from './facts/accounts.ts';
import { ARRIVALS_BY, CLIENTS, SENDERS } from './facts/arrivals.ts';
import { DELIVERED, DELIVERED_BY, RECIPIENT_DOMAINS, RECIPIENTS } from './facts/delivered.ts';
import { ACCEPTED, has } from './facts/entries.ts';
import { IS_REFUSAL, REFUSALS } from './facts/refusals.ts';
import { TRIES } from './facts/troubles.ts';
import { bytes, count, section } from './section.ts';

const attempts = (status: string): string =>
  `(SELECT coalesce(sum(attempts), 0)::BIGINT FROM tries WHERE status = '${status}')`;

const sum = (figure: string, from: string): string =>
  `(SELECT coalesce(sum(${figure}), 0)::BIGINT FROM ${from})`;

const ARRIVED = `arrivals WHERE cut = ${ARRIVALS_BY.quarter}`;
const SENT = `delivered WHERE cut = ${DELIVERED_BY.mailer} AND NOT relayed`;

export const TOTALS = section({
  id: 'totals',
  title: 'Totals',
  question: 'How much mail came in, went out, waited, failed and was refused?',
  needs: [ACCEPTED, ENTRIES, ACCOUNTS, SENDERS, CLIENTS, TRIES, DELIVERED, RECIPIENTS, RECIPIENT_DOMAINS, REFUSALS],
  columns: [
    count('messages', 'messages accepted'),
    count('hops', 'queue entries'),
    count('deliveries', 'deliveries'),
    count('deferred_messages', 'messages delayed'),
    count('deferrals', 'failed tries'),
    count('bounced', 'bounced'),
    count('expired', 'given up'),
    count('rejected', 'refused'),
    count('discarded', 'discarded'),
    count('quarantined', 'quarantined'),
    bytes('bytes_received', 'bytes received'),
    bytes('bytes_delivered', 'bytes delivered'),
    count('senders', 'senders'),
    count('recipients', 'recipients'),
    count('sending_hosts', 'sending hosts'),
    count('recipient_domains', 'recipient domains'),
    count('carried_in', 'carried in'),
    count('carried_out', 'carried out'),
  ],
  sql: () => `SELECT
  ${sum('messages', ARRIVED)} AS messages,
  ${sum('arrivals', 'accepted')} AS hops,
  ${sum('deliveries', SENT)} AS deliveries,
  (SELECT count(*) FROM entries WHERE ${has('deferred')}) AS deferred_messages,
  ${attempts('deferred')} AS deferrals,
  ${attempts('bounced')} AS bounced,
  ${attempts('expired')} AS expired,
  (SELECT count(*) FROM refusals WHERE ${IS_REFUSAL}) AS rejected,
  ${attempts('discarded')} AS discarded,
  (SELECT count(*) FROM entries WHERE ${has('quarantined')}
    OR ${has('held')} AND came_in IS NOT NULL) AS quarantined,
  ${sum('bytes', ARRIVED)} AS bytes_received,
  ${sum('bytes', SENT)} AS bytes_delivered,
  (SELECT count(*) FROM senders WHERE sender <> '') AS senders,
  (SELECT count(*) FROM recipients) AS recipients,
  (SELECT count(*) FROM clients) AS sending_hosts,
  (SELECT count(*) FROM recipient_domains) AS recipient_domains,
  (SELECT count(*) FROM entries WHERE ${CARRIED_IN}) AS carried_in,
  ${sum('arrivals', `accounts WHERE outcome <> 'complete'`)} AS carried_out`,
});
