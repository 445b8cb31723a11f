/**
 * The figures at the head of a report: how much mail came in, went out, waited, failed and was refused.
 *
 * Promise: `messages` counts a message once however many queues of ours it passed (`hops` counts those),
 * `deliveries` counts recipients whose mail somebody else took, and every figure is what the public views
 * say of the period.
 */
import type { Row } from '../src/store/store.ts';
import { ACCOUNTS, CARRIED_IN, ENTRIES } from './facts/accounts.ts';
import { ARRIVALS, ARRIVALS_BY, CLIENTS, SENDERS } from './facts/arrivals.ts';
import { DELIVERED, DELIVERED_BY, RECIPIENTS } from './facts/delivered.ts';
import { ACCEPTED, has } from './facts/entries.ts';
import type { Fact } from './facts/fact.ts';
import { IS_REFUSAL, REFUSALS } from './facts/refusals.ts';
import { TRIES } from './facts/troubles.ts';
import { bytes, type Column, count, numberOf, section } from './section.ts';

const sum = (figure: string, where = 'true'): string =>
  `coalesce(sum(${figure}) FILTER (${where}), 0)::BIGINT`;

const BY_MAILER = `cut = ${DELIVERED_BY.mailer}`;

const tried = (status: string): string => sum('attempts', `status = '${status}'`);

const part = <const C extends readonly Column[]>(needs: readonly Fact[], columns: C, sql: string) =>
  section({
    id: 'totals',
    title: 'Totals',
    question: 'How much mail came in, went out, waited, failed and was refused?',
    needs,
    columns,
    sql: () => sql,
  });

/** Parts of one row, each from one fact: asked as one, the engine would plan a product of them. */
export const TOTALS = [
  part(
    [ARRIVALS],
    [count('messages', 'messages accepted'), bytes('bytes_received', 'bytes received')],
    `SELECT ${sum('messages')} AS messages, ${sum('bytes')} AS bytes_received
    FROM arrivals WHERE cut = ${ARRIVALS_BY.quarter}`,
  ),
  part(
    [ACCEPTED],
    [count('hops', 'queue entries')],
    `SELECT ${sum('arrivals')} AS hops FROM accepted`,
  ),
  part(
    [DELIVERED],
    [
      count('deliveries', 'deliveries'),
      bytes('bytes_delivered', 'bytes delivered'),
      count('recipient_domains', 'recipient domains'),
    ],
    `SELECT ${sum('deliveries', BY_MAILER)} AS deliveries, ${sum('bytes', BY_MAILER)} AS bytes_delivered,
      count(*) FILTER (cut = ${DELIVERED_BY.domain} AND recipient_domain IS NOT NULL) AS recipient_domains
    FROM delivered WHERE NOT relayed`,
  ),
  part(
    [RECIPIENTS],
    [count('recipients', 'recipients')],
    'SELECT count(*) AS recipients FROM recipients',
  ),
  part(
    [SENDERS],
    [count('senders', 'senders')],
    `SELECT count(*) AS senders FROM senders WHERE sender <> ''`,
  ),
  part(
    [CLIENTS],
    [count('sending_hosts', 'sending hosts')],
    'SELECT count(*) AS sending_hosts FROM clients',
  ),
  part(
    [TRIES],
    [
      count('deferrals', 'failed tries'),
      count('bounced', 'bounced'),
      count('expired', 'given up'),
      count('discarded', 'discarded'),
    ],
    `SELECT ${tried('deferred')} AS deferrals, ${tried('bounced')} AS bounced, ${tried('expired')} AS expired,
      ${tried('discarded')} AS discarded FROM tries`,
  ),
  part(
    [ENTRIES],
    [
      count('deferred_messages', 'messages delayed'),
      count('carried_in', 'carried in'),
      count('quarantined', 'quarantined'),
    ],
    `SELECT count(*) FILTER (${has('deferred')}) AS deferred_messages, count(*) FILTER (${CARRIED_IN}) AS carried_in,
      count(*) FILTER (${has('quarantined')} OR ${has('held')} AND came_in IS NOT NULL) AS quarantined FROM entries`,
  ),
  part(
    [ACCOUNTS],
    [count('carried_out', 'carried out')],
    `SELECT ${sum('arrivals', `outcome <> 'complete'`)} AS carried_out FROM accounts`,
  ),
  part(
    [REFUSALS],
    [count('rejected', 'refused')],
    `SELECT count(*) AS rejected FROM refusals WHERE ${IS_REFUSAL}`,
  ),
] as const;

type TotalKey = (typeof TOTALS)[number]['columns'][number]['key'];
export type Totals = { readonly [Key in TotalKey]: number };

/** In the order in which they are printed. */
export const TOTAL_KEYS = [
  'messages',
  'hops',
  'deliveries',
  'deferred_messages',
  'deferrals',
  'bounced',
  'expired',
  'rejected',
  'discarded',
  'quarantined',
  'bytes_received',
  'bytes_delivered',
  'senders',
  'recipients',
  'sending_hosts',
  'recipient_domains',
  'carried_in',
  'carried_out',
] as const satisfies readonly TotalKey[];

export function totalsOf(parts: readonly Row[]): Totals {
  const figures: Row = Object.assign({}, ...parts);
  return Object.fromEntries(TOTAL_KEYS.map((key) => [key, numberOf(figures, key)])) as Totals;
}
