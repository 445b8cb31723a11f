/**
 * A university's day of mail, invented: inbound and outbound mail, mail of the house's own servers,
 * retries, bounces, refused spam, guessed passwords, probes; busy by day, quiet by night.
 *
 * Promise: the same seed and line count give the same sessions, in time order, and sendmail's log of
 * them (`writeSendmailLog`) has exactly `lines` lines, spread over the whole day. Sessions are made
 * one at a time, so a log may be far larger than memory.
 */
import { makeMessageId } from './answers.ts';
import type { Envelope } from './deliveries.ts';
import { DeliveryPlanner } from './deliveries.ts';
import type { NamedPeer } from './population.ts';
import { Population } from './population.ts';
import { Random } from './random.ts';
import type { Message, Refusal, Session, Traffic, Transaction } from './traffic-model.ts';
import { DAY_SECONDS, sendmailLineCount } from './traffic-model.ts';

/** Tuesday, 13 October 2026: in term, and no clock changes anywhere near. */
const DAY = Date.UTC(2026, 9, 13) / 1000;
/** Relative load of the 24 hours. */
const HOURS = [
  16, 12, 10, 10, 12, 20, 38, 70, 104, 128, 126, 116, 94, 102, 118, 110, 92, 74, 58, 48, 40, 34, 28,
  20,
];
const HOUR_SUMS = [0];
for (const load of HOURS) HOUR_SUMS.push((HOUR_SUMS.at(-1) ?? 0) + load);
const ALL_HOURS = HOUR_SUMS.at(-1) ?? 1;
/** Sessions begin before this, so that what they write still falls on the day. */
const LAST_START = DAY_SECONDS - 90;

/** The moment of the day by which `share` of the load has come in. */
function momentOf(share: number): number {
  const wanted = share * ALL_HOURS;
  let hour = 0;
  while (hour < 23 && (HOUR_SUMS[hour + 1] ?? 0) <= wanted) hour += 1;
  const within = (wanted - (HOUR_SUMS[hour] ?? 0)) / (HOURS[hour] ?? 1);
  return ((hour + within) / 24) * LAST_START;
}

const PLAIN: Omit<Session, 'at' | 'endAt' | 'client' | 'helo'> = {
  submission: false,
  tls: false,
  auth: undefined,
  failedLogins: [],
  blocked: undefined,
  probe: undefined,
  transactions: [],
};

class SessionMaker {
  readonly #random: Random;
  readonly #people: Population;
  readonly #planner: DeliveryPlanner;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#people = new Population(this.#random);
    this.#planner = new DeliveryPlanner(this.#random, this.#people, DAY);
  }

  make(at: number): Session {
    const night = at < 7 * 3600 || at > 22 * 3600;
    const dice = this.#random.share() * (night ? 1.25 : 1);
    if (dice < 0.2) return this.#submission(at);
    if (dice < 0.28) return this.#house(at);
    if (dice < 0.66) return this.#inbound(at);
    if (dice < 0.76) return this.#blocked(at);
    if (dice < 0.87) return this.#dictionary(at);
    if (dice < 0.92) return this.#relaying(at);
    if (dice < 0.94) return this.#badSender(at);
    if (dice < 0.98) return this.#guessing(at);
    return this.#probe(at);
  }

  /** The session that sendmail writes a single line about. */
  smallest(at: number): Session {
    const { peer, helo } = this.#people.bot();
    return { ...PLAIN, at, endAt: at + 0.8, client: peer, helo, probe: 'silent' };
  }

  #size(): number {
    return Math.round(Math.min(25e6, 600 + this.#random.logNormal(9.4, 1.5)));
  }

  #recipientCount(): number {
    if (this.#random.chance(0.76)) return 1;
    return Math.min(30, 2 + Math.floor(-Math.log(1 - this.#random.share()) * 2.8));
  }

  #message(at: number, envelope: Omit<Envelope, 'size' | 'receivedAt' | 'messageId'>): Message {
    const receivedAt = at + this.#random.between(0.05, 0.6);
    const host = envelope.sender.split('@')[1] ?? 'mailer.example';
    const messageId = makeMessageId(this.#random, host, DAY + Math.floor(receivedAt));
    return this.#planner.plan({ ...envelope, size: this.#size(), receivedAt, messageId });
  }

  /** Up to `most` transactions one after the other. */
  #several(at: number, most: number, make: (at: number) => Transaction): Transaction[] {
    const transactions: Transaction[] = [];
    let clock = at + this.#random.between(0.05, 0.4);
    do {
      const transaction = make(clock);
      transactions.push(transaction);
      clock = (transaction.message?.receivedAt ?? clock) + this.#random.between(0.05, 0.7);
    } while (transactions.length < most && this.#random.chance(0.3));
    return transactions;
  }

  #close(at: number, who: NamedPeer, rest: Partial<Session>): Session {
    const last = rest.transactions?.at(-1);
    const endAt = (last?.message?.receivedAt ?? last?.at ?? at) + this.#random.between(0.05, 0.5);
    return { ...PLAIN, at, endAt, client: who.peer, helo: who.helo, ...rest };
  }

  #submission(at: number): Session {
    const user = this.#people.user();
    const desk = this.#people.desk(user);
    const elsewhere = this.#random.chance(0.03) ? this.#people.domain() : undefined;
    const sender = elsewhere ? this.#people.remoteAddress(elsewhere) : user.address;
    const transactions = this.#several(at, 3, (clock) => {
      const recipients = this.#planner.drawRecipients(this.#recipientCount(), 0.4);
      const senderUid = elsewhere ? 0 : user.uid;
      const senderDomain = elsewhere ?? ('local' as const);
      const message = this.#message(clock, { sender, senderUid, senderDomain, ...recipients });
      return { at: clock, sender, refusals: [], message, lost: false };
    });
    const mechanism = this.#random.chance(0.8) ? 'PLAIN' : 'LOGIN';
    const auth = { user: user.login, mechanism };
    return this.#close(at, desk, { submission: true, tls: true, auth, transactions });
  }

  #house(at: number): Session {
    const server = this.#people.houseServer();
    const transactions = this.#several(at, 8, (clock) => {
      const recipients = this.#planner.drawRecipients(this.#recipientCount(), 0.93);
      const { sender } = server;
      const envelope = { sender, senderUid: 0, senderDomain: 'local' as const, ...recipients };
      const message = this.#message(clock, envelope);
      return { at: clock, sender, refusals: [], message, lost: false };
    });
    return this.#close(at, server, { transactions });
  }

  #inbound(at: number): Session {
    const domain = this.#people.domain();
    const server = this.#people.remoteServer(domain);
    const transactions = this.#several(at, 4, (clock) => {
      const sender = this.#random.chance(0.04) ? '' : this.#people.remoteSender(domain);
      const senderDomain = sender === '' ? undefined : domain;
      const recipients = this.#planner.drawRecipients(this.#recipientCount(), 1);
      const message = this.#message(clock, { sender, senderUid: 0, senderDomain, ...recipients });
      const refusals = this.#random.chance(0.04) ? this.#unknownUsers(2) : [];
      return { at: clock, sender, refusals, message, lost: false };
    });
    return this.#close(at, server, { tls: this.#random.chance(0.86), transactions });
  }

  #unknownUsers(most: number): Refusal[] {
    return Array.from({ length: 1 + this.#random.below(most) }, () => ({
      kind: 'unknown-user' as const,
      recipient: this.#people.unknownAddress(),
    }));
  }

  #spam(at: number, refusals: readonly Refusal[]): Transaction {
    const sender = this.#people.remoteSender(this.#people.domain());
    return { at: at + 0.3, sender, refusals, message: undefined, lost: false };
  }

  #blocked(at: number): Session {
    const sender = this.#people.remoteAddress(this.#people.domain());
    const recipient = this.#people.user().address;
    const list = this.#random.pick(['zen.dnsbl.example', 'bl.spamtrap.example']);
    return this.#close(at, this.#people.bot(), { blocked: { list, sender, recipient } });
  }

  #dictionary(at: number): Session {
    const transactions = [this.#spam(at, this.#unknownUsers(6))];
    return this.#close(at, this.#people.bot(), { transactions });
  }

  #relaying(at: number): Session {
    const recipient = this.#people.remoteAddress(this.#people.domain());
    const transactions = [this.#spam(at, [{ kind: 'relaying', recipient }])];
    return this.#close(at, this.#people.bot(), { transactions });
  }

  #badSender(at: number): Session {
    const recipient = this.#people.user().address;
    const refused = this.#spam(at, [{ kind: 'sender-domain', recipient }]);
    const sender = `${this.#random.token(8).toLowerCase()}@${this.#random.token(11).toLowerCase()}.example`;
    return this.#close(at, this.#people.bot(), { transactions: [{ ...refused, sender }] });
  }

  #guessing(at: number): Session {
    const user = this.#random.chance(0.4)
      ? this.#random.pick(['admin', 'info', 'test', 'postmaster', 'scanner'])
      : this.#people.user().login;
    const mechanism = this.#random.chance(0.8) ? 'LOGIN' : 'PLAIN';
    const failedLogins = Array.from({ length: 1 + this.#random.below(3) }, () => ({
      user,
      mechanism,
    }));
    return this.#close(at, this.#people.bot(), { submission: true, failedLogins });
  }

  #probe(at: number): Session {
    const bot = this.#people.bot();
    if (this.#random.chance(0.25)) {
      const lost = { ...this.#spam(at, []), lost: true };
      return this.#close(at, bot, { transactions: [lost] });
    }
    const probe = this.#random.pick(['silent', 'silent', 'pregreet', 'http'] as const);
    return this.#close(at, bot, { probe });
  }
}

function* makeSessions(seed: number, lines: number): Generator<Session> {
  const maker = new SessionMaker(seed);
  let planned = 0;
  while (planned < lines) {
    const at = momentOf(planned / lines);
    const session = maker.make(at);
    const wanted = sendmailLineCount(session);
    if (planned + wanted <= lines) {
      planned += wanted;
      yield session;
    } else {
      planned += 1;
      yield maker.smallest(at);
    }
  }
}

export function createTraffic(seed: number, lines: number): Traffic {
  return { seed, lines, day: DAY, sessions: () => makeSessions(seed, lines) };
}
