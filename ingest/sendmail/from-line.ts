/**
 * `from=` lines: one offered envelope (sendmail 8.17 `logsender`; op.me "System Log").
 *
 *     from=ADDR, size=N, class=N[, pri=N], nrcpts=N[, msgid=ID][, bodytype=T][, proto=P][, daemon=D], relay=R
 *
 * ADDR and ID are the client's words and may contain anything, equates included. So the line is read
 * from both ends: the numbers anchor behind the (quoted) address, relay, daemon and proto are taken from
 * the right, and what is left between is the message-id.
 */
import { ascii, find, findLast, NumberReader, standsAt } from '../bytes.ts';
import type { Verdict } from '../dialect.ts';
import { malformed } from '../dialect.ts';
import type { LogBlock } from '../pipeline/log-block.ts';
import { columnsOf } from '../pipeline/table-builder.ts';
import type { AddressColumns, Fields, PeerColumns } from './fields.ts';
import { skipQuoted } from './fields.ts';
import type { Sessions } from './sessions.ts';

const E = columnsOf('envelopes') as Record<string, number>;
const column = (name: string): number => E[name] ?? 0;
const C = {
  queueId: column('queue_id'),
  mta: column('mta'),
  size: column('size'),
  class: column('class'),
  nrcpts: column('nrcpts'),
  messageId: column('message_id'),
  bodyType: column('body_type'),
  protocol: column('protocol'),
  daemon: column('daemon'),
  authUser: column('auth_user'),
  authMech: column('auth_mech'),
  tlsVersion: column('tls_version'),
  accepted: column('accepted'),
};
const SENDER: AddressColumns = { address: column('sender'), domain: column('sender_domain') };
const RELAY: PeerColumns = { host: column('relay_host'), ip: column('relay_ip') };

const SIZE = ascii(', size=');
const CLASS = ascii(', class=');
const PRI = ascii(', pri=');
const NRCPTS = ascii(', nrcpts=');
const MSGID = ascii(', msgid=');
const BODYTYPE = ascii(', bodytype=');
const PROTO = ascii(', proto=');
const DAEMON = ascii(', daemon=');
const TLS_VERIFY = ascii(', tls_verify=');
const RELAY_EQUATE = ascii(', relay=');
const QUOTE = 0x22;
const LESS = 0x3c;
const GREATER = 0x3e;
const COMMA = 0x2c;
const SPACE = 0x20;
/** sendmail cuts the address of a from= line here, `>` and closing quote included. */
const ADDRESS_LIMIT = 200;
/** sendmail cuts bodytype=, proto= and daemon= at 20 characters; escapes may lengthen them. */
const VALUE_LIMIT = 80;
const YES = 1;
const NO = 0;

export interface QueueIdRange {
  readonly start: number;
  readonly end: number;
}

export class FromLine {
  readonly #block: LogBlock;
  readonly #fields: Fields;
  readonly #sessions: Sessions;
  readonly #number = new NumberReader();
  #size = 0;
  #class = 0;
  #nrcpts = 0;
  #oldStyle = false;

  constructor(block: LogBlock, fields: Fields, sessions: Sessions) {
    this.#block = block;
    this.#fields = fields;
    this.#sessions = sessions;
  }

  /** Reads the line whose address begins at `start`, behind `from=`. */
  read(queueId: QueueIdRange, start: number, end: number): Verdict {
    const block = this.#block;
    const { bytes } = block;
    const addressEnd = findAnchor(bytes, start, end);
    if (addressEnd < 0) return malformed('from= line without size=');
    const numbersEnd = this.#readNumbers(bytes, addressEnd, end);
    if (numbersEnd < 0) return malformed('from= line with broken size=, class= or nrcpts=');
    const table = block.tables.envelopes;
    table.add(block.current);
    table.label(C.mta, 0);
    table.text(C.queueId, queueId.start, queueId.end);
    table.number(C.size, this.#size);
    table.number(C.class, this.#class);
    table.number(C.nrcpts, this.#nrcpts);
    this.#fields.address(table, SENDER, start, addressEnd);
    this.#readTail(numbersEnd, end);
    return undefined;
  }

  /** Position behind the numbers, or -1. Before 8.10 `pri=` stood among them. */
  #readNumbers(bytes: Uint8Array, start: number, end: number): number {
    const number = this.#number;
    this.#size = number.read(bytes, start + SIZE.length, end);
    if (Number.isNaN(this.#size) || !standsAt(bytes, number.end, end, CLASS)) return -1;
    this.#class = number.read(bytes, number.end + CLASS.length, end, true);
    if (Number.isNaN(this.#class)) return -1;
    this.#oldStyle = standsAt(bytes, number.end, end, PRI);
    if (this.#oldStyle) number.read(bytes, number.end + PRI.length, end, true);
    if (!standsAt(bytes, number.end, end, NRCPTS)) return -1;
    this.#nrcpts = number.read(bytes, number.end + NRCPTS.length, end);
    return Number.isNaN(this.#nrcpts) ? -1 : number.end;
  }

  /** What stands behind the numbers, from the right; the rest in the middle is the message-id. */
  #readTail(start: number, end: number): void {
    const { bytes, tables } = this.#block;
    const table = tables.envelopes;
    let stop = end;
    const relay = findLast(bytes, start, end, RELAY_EQUATE);
    if (relay >= 0) {
      this.#fields.peer(table, RELAY, relay + RELAY_EQUATE.length, end);
      stop = relay;
    }
    const relayAt = stop;
    stop = this.#takeLast(C.daemon, DAEMON, start, stop);
    if (stop === relayAt) stop = this.#takeDaemonBeforeTls(start, stop);
    const beforeProtocol = stop;
    stop = this.#takeLast(C.protocol, PROTO, start, stop);
    const hasProtocol = stop < beforeProtocol;
    stop = this.#takeLast(C.bodyType, BODYTYPE, start, stop);
    const hasMessageId = standsAt(bytes, start, stop, MSGID);
    if (hasMessageId) this.#fields.text(table, C.messageId, start + MSGID.length, stop);
    const accepted = hasMessageId || (this.#oldStyle && this.#nrcpts > 0);
    table.label(C.accepted, accepted ? YES : NO);
    if (hasProtocol) this.#putSession();
  }

  /** _FFR_LOG_MORE1 and 2 put tls_verify= to auth= between daemon= and relay=. */
  #takeDaemonBeforeTls(start: number, stop: number): number {
    const { bytes } = this.#block;
    const tls = findLast(bytes, start, stop, TLS_VERIFY);
    if (tls < 0 || commasBetween(bytes, tls, stop) > 4) return stop;
    return this.#takeLast(C.daemon, DAEMON, start, tls);
  }

  /** Takes `, name=value` off the end of [start, stop) if it stands there; returns the new stop. */
  #takeLast(target: number, name: Uint8Array, start: number, stop: number): number {
    const { bytes, tables } = this.#block;
    const least = Math.max(start, stop - name.length - VALUE_LIMIT);
    let at = stop - 2;
    while (at >= least && !(bytes[at] === COMMA && bytes[at + 1] === SPACE)) at -= 1;
    if (at < least || !standsAt(bytes, at, stop, name)) return stop;
    if (hasBrackets(bytes, at, stop)) return stop;
    tables.envelopes.text(target, at + name.length, stop);
    return at;
  }

  /** Login and TLS of the session: their lines bear no queue id, only the same process. */
  #putSession(): void {
    const block = this.#block;
    const session = this.#sessions.find(block);
    if (session === undefined) return;
    const { envelopes } = block.tables;
    const row = envelopes.rows - 1;
    const length = envelopes.textLength(row, C.protocol);
    const last = envelopes.textStart(row, C.protocol) + length - 1;
    const authenticated = block.bytes[last] === 0x41;
    const encrypted = block.bytes[authenticated ? last - 1 : last] === 0x53;
    if (authenticated && session.user !== undefined) {
      block.putWord(envelopes, C.authUser, session.user);
      block.putWord(envelopes, C.authMech, session.mechanism ?? '');
    }
    if (encrypted && session.tlsVersion !== undefined) {
      block.putWord(envelopes, C.tlsVersion, session.tlsVersion);
    }
  }
}

/** sendmail's own values of these equates hold no `<` or `>`; what does is the end of a message-id. */
function hasBrackets(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    if (bytes[at] === LESS || bytes[at] === GREATER) return true;
  }
  return false;
}

/** Equates from `at` on: more of them mean that the text belongs to the message-id. */
function commasBetween(bytes: Uint8Array, at: number, stop: number): number {
  let commas = 0;
  for (let i = at + 1; i < stop; i += 1) if (bytes[i] === COMMA) commas += 1;
  return commas;
}

/**
 * Position of `, size=` behind the address. Quoted strings are skipped; an address that was cut has no
 * closing quote, then the first anchor from the cut on counts.
 */
function findAnchor(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      const behind = skipQuoted(bytes, at, end);
      if (behind < 0) break;
      // A closing quote far behind the limit belongs to the message-id, not to the address.
      if (behind > start + ADDRESS_LIMIT * 4) break;
      at = behind;
      continue;
    }
    // Within `<...>` a comment may hold anything.
    const closed = bytes[start] !== LESS || bytes[at - 1] === GREATER;
    if (byte === COMMA && closed && standsAt(bytes, at, end, SIZE)) return at;
    at += 1;
  }
  const cut = find(bytes, Math.min(start + ADDRESS_LIMIT, end), end, SIZE);
  return cut >= 0 ? cut : find(bytes, start, end, SIZE);
}
