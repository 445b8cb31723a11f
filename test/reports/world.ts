/**
 * A made-up mail system: messages with what really became of them, from a seed, and the rows that its log
 * would have left in the store. What a report should say is computed from the messages, not from the rows.
 */
import type { DeliveryStatus } from '../../src/model/vocabulary.ts';
import { type RandomSource, randomSource } from '../support/random.ts';
import type { MemoryStore } from './memory-store.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
export const START = Date.UTC(2026, 10, 24);
export const END = START + 24 * HOUR;

export interface Attempt {
  readonly at: number;
  readonly status: DeliveryStatus;
}

export interface Recipient {
  readonly address: string;
  readonly mailer: string;
  readonly attempts: readonly Attempt[];
  /** Given up in the queue at this time, without a line of its own. */
  readonly expiredAt?: number;
}

export interface Message {
  readonly host: string;
  readonly id: string;
  readonly mta: 'sendmail' | 'postfix';
  readonly at: number;
  readonly sender: string;
  readonly size: number;
  readonly announced: number;
  readonly kind: 'accepted' | 'refused' | 'notice' | 'own';
  readonly held: boolean;
  readonly recipients: readonly Recipient[];
  /** The entry this one handed its mail to. */
  readonly handedTo?: string;
}

export const isIn = (at: number): boolean => at >= START && at < END;

function attemptsOf(random: RandomSource, at: number): Pick<Recipient, 'attempts' | 'expiredAt'> {
  const attempts: Attempt[] = [];
  let when = at + random.below(20_000);
  while (random.chance(0.25)) {
    attempts.push({ at: when, status: random.chance(0.9) ? 'deferred' : 'queued' });
    when += 10 * MINUTE + random.below(8 * HOUR);
  }
  if (attempts.length > 0 && random.chance(0.2)) {
    return { attempts, expiredAt: when };
  }
  attempts.push({ at: when, status: random.chance(0.85) ? 'sent' : 'bounced' });
  return { attempts };
}

function recipientOf(random: RandomSource, at: number): Recipient {
  const number = random.below(40);
  const name = random.chance(0.1) ? `R${number}` : `r${number}`;
  const mailer = random.pick(['local', 'esmtp', 'relay']);
  return { address: `${name}@d${number % 7}.example`, mailer, ...attemptsOf(random, at) };
}

/** All recipients of a message are given up together, as a queue does. */
function giveUpTogether(recipients: readonly Recipient[]): readonly Recipient[] {
  const ends = recipients.flatMap(({ expiredAt }) => (expiredAt === undefined ? [] : [expiredAt]));
  const last = Math.max(...ends, ...recipients.flatMap((r) => r.attempts.map(({ at }) => at))) + 1;
  return recipients.map((r) => (r.expiredAt === undefined ? r : { ...r, expiredAt: last }));
}

function messageOf(random: RandomSource, index: number): Message {
  const at = START - 40 * HOUR + random.below(70 * HOUR);
  const mta = random.chance(0.3) ? 'postfix' : 'sendmail';
  const announced = random.pick([1, 1, 1, 1, 2, 3]);
  // Aliases make one announced recipient two, now and then.
  const named = announced + (random.chance(0.05) ? 1 : 0);
  const addresses = new Map<string, Recipient>();
  while (addresses.size < named) {
    const recipient = recipientOf(random, at);
    addresses.set(recipient.address.toLowerCase(), recipient);
  }
  const dice = random.below(20);
  const sender = dice === 0 ? '' : `s${random.below(30)}@from${random.below(30) % 5}.example`;
  const message = {
    host: random.pick(['mx1', 'mx2']),
    id: mta === 'sendmail' ? `6AO${index}x000000` : `A${index}`,
    mta,
    at,
    sender: random.chance(0.1) ? sender.toUpperCase() : sender,
    size: 100 + random.below(1_000_000),
    announced,
  } as const;
  if (random.chance(0.05)) {
    return { ...message, kind: 'refused', held: false, recipients: [] };
  }
  const kind = random.chance(0.05) ? 'notice' : 'accepted';
  const held = kind === 'accepted' && random.chance(0.03);
  const recipients = held ? [] : giveUpTogether([...addresses.values()]);
  return { ...message, kind, held, recipients };
}

/** A message submitted on one host and handed to another queue of ours, which delivers it. */
function handedOver(inner: Message, index: number): readonly Message[] {
  const [recipient] = inner.recipients;
  if (recipient === undefined || inner.kind !== 'accepted' || inner.announced !== 1) {
    return [inner];
  }
  const outer: Message = {
    ...inner,
    host: 'msp',
    id: `6AP${index}y000000`,
    mta: 'sendmail',
    at: inner.at - 1000,
    handedTo: inner.id,
    recipients: [
      {
        address: recipient.address,
        mailer: 'relay',
        attempts: [{ at: inner.at, status: 'relayed' }],
      },
    ],
  };
  return [outer, { ...inner, kind: 'own' }];
}

export function makeWorld(seed: number, size: number): readonly Message[] {
  const random = randomSource(seed);
  return Array.from({ length: size }, (_, index) => index).flatMap((index) => {
    const message = messageOf(random, index);
    return random.chance(0.1) ? handedOver(message, index) : [message];
  });
}

const stamp = (at: number): string => new Date(at).toISOString().slice(0, -1).replace('T', ' ');
const domainOf = (address: string): string | null => address.split('@')[1]?.toLowerCase() ?? null;

async function storeRecipient(store: MemoryStore, message: Message, recipient: Recipient) {
  const { host, id: queue_id, mta } = message;
  for (const { at, status } of recipient.attempts) {
    await store.event('deliveries', stamp(at), {
      host,
      queue_id,
      mta,
      recipient: recipient.address,
      recipient_domain: domainOf(recipient.address),
      mailer: recipient.mailer,
      relay_host: recipient.mailer === 'local' ? null : `mx.${domainOf(recipient.address)}`,
      delay: (at - message.at) / 1000,
      status: status === 'relayed' ? 'sent' : status,
      stat: status === 'sent' || status === 'relayed' ? 'Sent' : 'No',
      reply:
        status === 'relayed'
          ? `${message.handedTo} Message accepted for delivery`
          : `about ${queue_id}`,
      bounce_class: status === 'bounced' ? 'InvalidRecipient' : null,
      transactions: 1,
    });
  }
}

async function storeMessage(store: MemoryStore, message: Message): Promise<void> {
  const { host, id: queue_id, mta, at, sender, size, announced, kind } = message;
  if (kind === 'notice') {
    const row = { host, mta, queue_id: `parent${queue_id}`, what: 'dsn', child_queue_id: queue_id };
    await store.event('queue_events', stamp(at), row);
  } else {
    const client = { relay_host: 'client.example', relay_ip: '192.0.2.1', protocol: 'ESMTP' };
    const envelope = { sender, sender_domain: domainOf(sender), size, nrcpts: announced };
    const row = { host, queue_id, mta, ...client, ...envelope, accepted: 'yes' };
    await store.event('envelopes', stamp(at), row);
  }
  if (kind === 'refused' || message.held) {
    const action = kind === 'refused' ? 'reject' : 'quarantine';
    const row = {
      host,
      queue_id,
      mta,
      stage: 'content',
      action,
      extent: 'recipient',
      rule: 'milter',
    };
    await store.event('rejections', stamp(at), row);
  }
  for (const recipient of message.recipients) {
    await storeRecipient(store, message, recipient);
  }
  const ended = message.recipients.find(({ expiredAt }) => expiredAt !== undefined)?.expiredAt;
  if (ended !== undefined) {
    await store.event('queue_events', stamp(ended), { host, mta, queue_id, what: 'expired' });
  }
}

export async function storeWorld(store: MemoryStore, world: readonly Message[]): Promise<void> {
  await store.run('BEGIN');
  for (const message of world) {
    await storeMessage(store, message);
    const next = world.find((m) => m.id === message.handedTo);
    if (next !== undefined) {
      await store.insert('hops', {
        host: message.host,
        queue_id: message.id,
        next_host: next.host,
        next_queue_id: next.id,
        handed_at: stamp(next.at),
      });
    }
  }
  await store.run('COMMIT');
}
