/**
 * A report's totals in plain sentences: what came in, went out, is waiting, came back, was refused; and the
 * ledger, by which every line read is accounted for.
 */
import type { Report } from './daily.ts';
import { formatBytes, formatCount } from './render/numbers.ts';
import type { Fact } from './render/text-table.ts';

/** `1 message`, `2,000 messages`. */
const counted = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

/** Only the parts that there is something to say of. */
function sentence(parts: readonly (readonly [number, string])[], nothing: string): string {
  const said = parts.filter(([count]) => count > 0).map(([, text]) => text);
  return said.length === 0 ? nothing : said.join('; ');
}

function cameIn({ totals }: Report): string {
  const { messages, bytes_received, senders, sending_hosts } = totals;
  const from = `from ${counted(senders, 'sender')} on ${counted(sending_hosts, 'host')}`;
  const size = formatBytes(bytes_received);
  return sentence([[messages, `${counted(messages, 'message')} (${size}) ${from}`]], 'nothing');
}

function wentOut({ totals }: Report): string {
  const { deliveries, bytes_delivered, recipients, recipient_domains } = totals;
  const to = `to ${counted(recipients, 'recipient')} in ${counted(recipient_domains, 'domain')}`;
  const size = formatBytes(bytes_delivered);
  return sentence(
    [[deliveries, `${counted(deliveries, 'delivery', 'deliveries')} (${size}) ${to}`]],
    'nothing',
  );
}

function waiting({ totals }: Report): string {
  const { carried_out, deferred_messages, deferrals } = totals;
  const tries = counted(deferrals, 'failed try', 'failed tries');
  return sentence(
    [
      [carried_out, `${counted(carried_out, 'message')} still in the queue at the end`],
      [deferred_messages, `${counted(deferred_messages, 'message')} had to wait (${tries})`],
    ],
    'nothing',
  );
}

function cameBack({ totals: { bounced, expired } }: Report): string {
  return sentence(
    [
      [bounced, `${counted(bounced, 'recipient')} that mail could not be delivered to`],
      [expired, `${counted(expired, 'recipient')} given up after waiting too long`],
    ],
    'nothing',
  );
}

function refused({ totals: { rejected, discarded, quarantined } }: Report): string {
  return sentence(
    [
      [rejected, `${counted(rejected, 'time')} we said no`],
      [discarded, `${formatCount(discarded)} dropped unseen`],
      [quarantined, `${counted(quarantined, 'message')} put aside (quarantined)`],
    ],
    'nothing',
  );
}

function onTheWay({ totals: { carried_in, hops, messages } }: Report): string {
  const entries = counted(hops, 'queue entry', 'queue entries');
  return sentence(
    [
      [carried_in, `${counted(carried_in, 'message')} from before this period`],
      [hops === messages ? 0 : hops, `${entries}, as some mail passed several queues of ours`],
    ],
    'nothing else',
  );
}

/** What became of every line that was read: one equation, its sum first. */
export function ledgerLine({ ledger: { read, ...others } }: Report): string {
  const parts = Object.entries(others).map(([name, count]) => `${name} ${formatCount(count)}`);
  return `read ${formatCount(read)} = ${parts.join(' + ')}`;
}

export function headlines(report: Report): readonly Fact[] {
  return [
    { label: 'Came in', value: cameIn(report) },
    { label: 'Went out', value: wentOut(report) },
    { label: 'Waiting', value: waiting(report) },
    { label: 'Came back', value: cameBack(report) },
    { label: 'Refused', value: refused(report) },
    { label: 'Also seen', value: onTheWay(report) },
  ];
}
