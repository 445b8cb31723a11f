/**
 * `to=` lines: the outcome of one attempt for one or more recipients (sendmail 8.17 `logdelivery`).
 *
 *     to=LIST[, [more]][, ctladdr=A], delay=T[, xdelay=T][, mailer=M], pri=N[, relay=R | , quarantine=Q]
 *       [, dsn=X.Y.Z][, ntries=N][, reply=TEXT], stat=TEXT
 *
 * Always in this order; recipients may hold commas and blanks inside quotes, reply= and stat= anything. A
 * line without mailer= tells of a message refused after its data: that is a refusal, not an attempt.
 */
import { classifyBounce } from '../../src/model/bounce-class.ts';
import {
  BOUNCE_CLASSES,
  QUEUE_EVENTS,
  REJECTION_ACTIONS,
  REJECTION_STAGES,
} from '../../src/model/vocabulary.ts';
import { ascii, find, findByte, findLast, NumberReader, standsAt } from '../bytes.ts';
import type { Verdict } from '../dialect.ts';
import { malformed } from '../dialect.ts';
import type { LogBlock } from '../pipeline/log-block.ts';
import { columnsOf } from '../pipeline/table-builder.ts';
import type { AddressColumns, Fields, PeerColumns } from './fields.ts';
import { readDelay } from './fields.ts';
import type { QueueIdRange } from './from-line.ts';
import { Outcome, STATUS } from './outcome.ts';
import { RecipientList } from './recipient-list.ts';

const D = columnsOf('deliveries');
const column = (name: string): number => D[name] ?? 0;
const C = {
  queueId: column('queue_id'),
  mta: column('mta'),
  controllingUser: column('controlling_user'),
  mailer: column('mailer'),
  delay: column('delay'),
  xdelay: column('xdelay'),
  dsn: column('dsn'),
  status: column('status'),
  stat: column('stat'),
  reply: column('reply'),
  bounceClass: column('bounce_class'),
  transactions: column('transactions'),
  priority: column('priority'),
};
const RECIPIENT: AddressColumns = {
  address: column('recipient'),
  domain: column('recipient_domain'),
};
const RELAY: PeerColumns = { host: column('relay_host'), ip: column('relay_ip') };
const R = columnsOf('rejections');
const Q = columnsOf('queue_events');

const CTLADDR = ascii(', ctladdr=');
const DELAY = ascii(', delay=');
const XDELAY = ascii(', xdelay=');
const MAILER = ascii(', mailer=');
const OPEN_ID = ascii(' (');
const PRI = ascii(', pri=');
const RELAY_EQUATE = ascii(', relay=');
const QUARANTINE = ascii(', quarantine=');
const DSN = ascii(', dsn=');
const REPLY = ascii(', reply=');
const STAT = ascii(', stat=');
const ABORTED = ascii('aborted by sender');
/** Equates of compile-time options that may stand before each of ours: their values hold no comma. */
const OPTIONAL = [
  'tls_verify',
  'tls_version',
  'cipher',
  'ntries',
  'stage',
  'STS',
  'DANE',
  'auth',
].map((name) => ascii(`, ${name}=`));
const COMMA = 0x2c;
/** See the column `priority`. */
const PRIORITY_STEP = 30_000;
/** sendmail's own words for a temporary refusal after the data; a custom text does not tell. */
const TEMPORARY = /^(?:Please try again later|4\d\d[ -])/;
const REMEMBERED = 4096;
const NO_RECIPIENTS = ascii('NO-TO-LIST');

/** Start and end of each equate's value; an end of 0 says that it is absent. */
interface Span {
  start: number;
  end: number;
}

export class ToLine {
  readonly #block: LogBlock;
  readonly #fields: Fields;
  /** End of the line. */
  #end = 0;
  readonly #list = new RecipientList();
  readonly #outcome = new Outcome();
  readonly #number = new NumberReader();
  /** Classes of texts seen, since queue runs say the same again and again. */
  readonly #bounceClasses = new Map<string, number>();
  readonly #controllingUser: Span = { start: 0, end: 0 };
  readonly #delay: Span = { start: 0, end: 0 };
  readonly #xdelay: Span = { start: 0, end: 0 };
  readonly #mailer: Span = { start: 0, end: 0 };
  readonly #pri: Span = { start: 0, end: 0 };
  readonly #relay: Span = { start: 0, end: 0 };
  readonly #dsn: Span = { start: 0, end: 0 };

  constructor(block: LogBlock, fields: Fields) {
    this.#block = block;
    this.#fields = fields;
  }

  /** Reads the line whose list begins at `start`, behind `to=`. */
  read(queueId: QueueIdRange, start: number, end: number): Verdict {
    const { bytes } = this.#block;
    this.#end = end;
    const listEnd = this.#list.read(bytes, start, end);
    if (listEnd < 0) return malformed('to= line without delay=');
    const tail = this.#readEquates(bytes, listEnd, end);
    if (tail < 0) return malformed('to= line with equates out of order');
    if (!standsAt(bytes, tail, end, REPLY) && !standsAt(bytes, tail, end, STAT)) {
      return malformed('to= line without stat=');
    }
    const dsnDigit = this.#dsn.end > 0 ? (bytes[this.#dsn.start] ?? 0) - 0x30 : 0;
    if (!this.#outcome.read(bytes, tail, end, dsnDigit)) return malformed('to= line without stat=');
    if (this.#isRefusal()) this.#addRefusals(queueId);
    else this.#addDeliveries(queueId);
    return undefined;
  }

  /** Reads ctladdr= to dsn=; position of `, reply=` or `, stat=`, or -1. */
  #readEquates(bytes: Uint8Array, listEnd: number, end: number): number {
    let at = this.#takeControllingUser(bytes, listEnd, end);
    at = this.#take(this.#delay, DELAY, at, end);
    if (this.#delay.end === 0) return -1;
    at = this.#take(this.#xdelay, XDELAY, at, end);
    at = this.#take(this.#mailer, MAILER, at, end);
    at = this.#skipOptional(bytes, at, end);
    at = this.#take(this.#pri, PRI, at, end);
    at = this.#takeRelay(bytes, at, end);
    at = this.#skipOptional(bytes, at, end);
    at = this.#take(this.#dsn, DSN, at, end);
    return this.#skipOptional(bytes, at, end);
  }

  /** An equate whose value holds no comma; returns the position behind it, `at` if it is not there. */
  #take(span: Span, name: Uint8Array, at: number, end: number): number {
    span.end = 0;
    if (!standsAt(this.#block.bytes, at, end, name)) return at;
    span.start = at + name.length;
    const comma = findByte(this.#block.bytes, span.start, end, COMMA);
    span.end = comma < 0 ? end : comma;
    return span.end;
  }

  #takeControllingUser(bytes: Uint8Array, at: number, end: number): number {
    const span = this.#controllingUser;
    span.end = 0;
    if (!standsAt(bytes, at, end, CTLADDR)) return at;
    span.start = at + CTLADDR.length;
    const stop = find(bytes, span.start, end, DELAY);
    span.end = stop < 0 ? end : stop;
    return span.end;
  }

  /** relay= or quarantine=: to the next equate that may follow. */
  #takeRelay(bytes: Uint8Array, at: number, end: number): number {
    const span = this.#relay;
    span.end = 0;
    const isRelay = standsAt(bytes, at, end, RELAY_EQUATE);
    const name = isRelay ? RELAY_EQUATE : QUARANTINE;
    if (!isRelay && !standsAt(bytes, at, end, QUARANTINE)) return at;
    const start = at + name.length;
    let stop = start;
    while (stop < end && !(bytes[stop] === COMMA && this.#followsRelay(bytes, stop, end)))
      stop += 1;
    if (isRelay) {
      span.start = start;
      span.end = stop;
    }
    return stop;
  }

  #followsRelay(bytes: Uint8Array, at: number, end: number): boolean {
    if (standsAt(bytes, at, end, DSN) || standsAt(bytes, at, end, STAT)) return true;
    if (standsAt(bytes, at, end, REPLY)) return true;
    return OPTIONAL.some((name) => standsAt(bytes, at, end, name));
  }

  #skipOptional(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (standsAt(bytes, at, end, PRI) || standsAt(bytes, at, end, DSN)) return at;
    if (standsAt(bytes, at, end, STAT) || standsAt(bytes, at, end, REPLY)) return at;
    for (let turn = 0; turn < OPTIONAL.length; turn += 1) {
      const position = at;
      const name = OPTIONAL.find((word) => standsAt(bytes, position, end, word));
      if (name === undefined) return at;
      const comma = findByte(bytes, at + name.length, end, COMMA);
      at = comma < 0 ? end : comma;
    }
    return at;
  }

  /** No mailer was chosen and sendmail gave the message up: it was refused after its data. */
  #isRefusal(): boolean {
    return (
      this.#mailer.end === 0 && this.#xdelay.end === 0 && this.#outcome.status === STATUS.bounced
    );
  }

  #addDeliveries(queueId: QueueIdRange): void {
    const { bytes } = this.#block;
    const list = this.#list;
    const bounceClass = this.#classify();
    for (let i = 0; i < list.count; i += 1) {
      this.#addDelivery(queueId, i);
      const table = this.#block.tables.deliveries;
      if (bounceClass >= 0) table.label(C.bounceClass, bounceClass);
      // The line with [more] is followed by one that repeats its transaction.
      const isCounted = i === 0 && !list.hasMore && this.#outcome.status !== STATUS.discarded;
      table.number(C.transactions, isCounted ? 1 : 0);
    }
    if (list.count === 0 && !standsAt(bytes, list.start, list.end, NO_RECIPIENTS)) {
      this.#addDelivery(queueId, -1);
    }
  }

  #addDelivery(queueId: QueueIdRange, index: number): void {
    const block = this.#block;
    const { bytes } = block;
    const outcome = this.#outcome;
    const table = block.tables.deliveries;
    table.add(block.current);
    table.label(C.mta, 0);
    table.text(C.queueId, queueId.start, queueId.end);
    if (index >= 0) {
      const list = this.#list;
      this.#fields.address(table, RECIPIENT, list.startOf(index), list.endOf(index));
    }
    if (this.#controllingUser.end > 0) this.#putControllingUser();
    this.#putText(C.mailer, this.#mailer);
    this.#putText(C.dsn, this.#dsn);
    table.number(C.delay, readDelay(bytes, this.#delay.start, this.#delay.end));
    if (this.#xdelay.end > 0) {
      table.number(C.xdelay, readDelay(bytes, this.#xdelay.start, this.#xdelay.end));
    }
    if (this.#pri.end > 0)
      table.number(
        C.priority,
        this.#number.read(bytes, this.#pri.start, this.#pri.end) % PRIORITY_STEP,
      );
    if (this.#relay.end > 0) this.#fields.peer(table, RELAY, this.#relay.start, this.#relay.end);
    table.label(C.status, outcome.status);
    table.text(C.stat, outcome.statStart, outcome.statEnd);
    if (outcome.replyEnd > outcome.replyStart) {
      table.text(C.reply, outcome.replyStart, outcome.replyEnd);
    }
  }

  /** The address of ctladdr= without ` (uid/gid)`, so that one user is one value. */
  #putControllingUser(): void {
    const { bytes, tables } = this.#block;
    const { start, end } = this.#controllingUser;
    const paren = bytes[end - 1] === 0x29 ? findLast(bytes, start, end, OPEN_ID) : -1;
    const address = { address: C.controllingUser, domain: -1 };
    this.#fields.address(tables.deliveries, address, start, paren > start ? paren : end);
  }

  #putText(target: number, span: Span): void {
    if (span.end > 0) this.#block.tables.deliveries.text(target, span.start, span.end);
  }

  /** Code of the bounce class of a failure or deferral, -1 for the rest. */
  #classify(): number {
    const outcome = this.#outcome;
    if (outcome.status !== STATUS.bounced && outcome.status !== STATUS.deferred) return -1;
    const { bytes } = this.#block;
    const dsn = this.#dsn.end > 0 ? bytes.toString('latin1', this.#dsn.start, this.#dsn.end) : '';
    const stat = bytes.toString('latin1', outcome.statStart, outcome.statEnd);
    const text = bytes.toString('latin1', outcome.replyStart, outcome.replyEnd);
    const key = `${dsn} ${stat} ${text}`;
    let bounceClass = this.#bounceClasses.get(key);
    if (bounceClass === undefined) {
      const deferred = outcome.status === STATUS.deferred;
      bounceClass = BOUNCE_CLASSES.indexOf(classifyBounce({ dsn, stat, text, deferred }));
      if (this.#bounceClasses.size >= REMEMBERED) this.#bounceClasses.clear();
      this.#bounceClasses.set(key, bounceClass);
    }
    return bounceClass;
  }

  #addRefusals(queueId: QueueIdRange): void {
    const { bytes } = this.#block;
    const outcome = this.#outcome;
    const text = bytes.toString('latin1', outcome.statStart, outcome.replyEnd);
    if (standsAt(bytes, outcome.statStart, outcome.replyEnd, ABORTED)) {
      this.#addCancelled(queueId);
      return;
    }
    const action = TEMPORARY.test(text) ? 'tempfail' : 'reject';
    for (let i = 0; i < Math.max(this.#list.count, 1); i += 1) this.#addRefusal(queueId, i, action);
  }

  #addRefusal(queueId: QueueIdRange, index: number, action: 'tempfail' | 'reject'): void {
    const block = this.#block;
    const outcome = this.#outcome;
    const table = block.tables.rejections;
    table.add(block.current);
    table.label(R.mta ?? 0, 0);
    table.text(R.queue_id ?? 0, queueId.start, queueId.end);
    table.label(R.stage ?? 0, REJECTION_STAGES.indexOf('data'));
    table.label(R.action ?? 0, REJECTION_ACTIONS.indexOf(action));
    table.label(R.extent ?? 0, 0);
    block.putWord(table, R.rule ?? 0, 'after data');
    if (index < this.#list.count) {
      const recipient = { address: R.recipient ?? 0, domain: -1 };
      this.#fields.address(table, recipient, this.#list.startOf(index), this.#list.endOf(index));
    }
    table.text(R.reason ?? 0, outcome.statStart, this.#end);
  }

  #addCancelled(queueId: QueueIdRange): void {
    const block = this.#block;
    const table = block.tables.queue_events;
    table.add(block.current);
    table.label(Q.mta ?? 0, 0);
    table.text(Q.queue_id ?? 0, queueId.start, queueId.end);
    table.label(Q.what ?? 0, CANCELLED);
    table.text(Q.detail ?? 0, this.#outcome.statStart, this.#outcome.statEnd);
  }
}

const CANCELLED = QUEUE_EVENTS.indexOf('cancelled');
