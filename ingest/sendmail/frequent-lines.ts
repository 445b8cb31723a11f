/**
 * The kinds besides `from=` and `to=` that fill a log of today, read as bytes: refusals by ruleset, unknown
 * users, logins, TLS, clients that came for nothing. Each reads only the plain form of its kind, where
 * no text from outside can be mistaken for an equate; whatever is not plain goes to the readers of strings.
 */
import {
  AUTH_OUTCOMES,
  AUTH_SERVICES,
  CONNECTION_EVENTS,
  REJECTION_ACTIONS,
  REJECTION_STAGES,
  TLS_SIDES,
} from '../../src/model/vocabulary.ts';
import type { EventTable } from '../../src/store/schema.ts';
import { ascii, find, findByte, findLast, NumberReader, standsAt } from '../bytes.ts';
import type { LogBlock } from '../pipeline/log-block.ts';
import type { TableBuilder } from '../pipeline/table-builder.ts';
import { columnsOf } from '../pipeline/table-builder.ts';
import type { Fields } from './fields.ts';
import type { QueueIdRange } from './from-line.ts';
import type { Sessions } from './sessions.ts';

const RULESET = ascii('ruleset=');
const ARG1 = ascii(', arg1=');
const ARG2 = ascii(', arg2=');
const RELAY = ascii(', relay=');
const REJECT = ascii(', reject=');
const ADDRESS_END = ascii('>... ');
const COLON_SPACE = ascii(': ');
/** Begins the client's words in the dialogue of higher log levels. */
const SAID = ascii('<-- ');
const USER_UNKNOWN = ascii('>... User unknown');
const NO_MAIL = ascii(' did not issue MAIL/EXPN/VRFY/ETRN during connection to ');
const TLS_SERVER = ascii('STARTTLS=server, relay=');
const TLS_CLIENT = ascii('STARTTLS=client, relay=');
const VERSION = ascii(', version=');
const VERIFY = ascii(', verify=');
const CIPHER = ascii(', cipher=');
const BITS = ascii(', bits=');
const AUTH_SERVER = ascii('AUTH=server, relay=');
const AUTHID = ascii(', authid=');
const MECH = ascii(', mech=');
const LESS = 0x3c;
const SPACE = 0x20;
/** Begins an encoded character of an authid (xtext, RFC 3461). */
const PLUS = 0x2b;
const COMMA = 0x2c;

/** Rulesets whose refusals are frequent, with the stage they run at. */
const RULESETS = [
  { name: ascii('check_rcpt'), stage: 'rcpt' },
  { name: ascii('check_relay'), stage: 'connect' },
  { name: ascii('check_mail'), stage: 'mail' },
] as const;

const R = columnsOf('rejections') as Columns<
  | 'stage'
  | 'action'
  | 'extent'
  | 'rule'
  | 'code'
  | 'dsn'
  | 'client_host'
  | 'client_ip'
  | 'sender'
  | 'recipient'
  | 'reason'
>;
const T = columnsOf('tls_sessions') as Columns<
  'side' | 'peer_host' | 'peer_ip' | 'version' | 'cipher' | 'bits' | 'verify'
>;
const A = columnsOf('auth_events') as Columns<
  'service' | 'outcome' | 'mechanism' | 'auth_user' | 'client_host' | 'client_ip'
>;
const N = columnsOf('connections') as Columns<'what' | 'client_host' | 'client_ip' | 'detail'>;
type Columns<Names extends string> = Readonly<Record<Names | 'mta' | 'queue_id', number>>;

const CLIENT_OF_REJECTION = { host: R.client_host, ip: R.client_ip };
const PEER = { host: T.peer_host, ip: T.peer_ip };
const CLIENT_OF_AUTH = { host: A.client_host, ip: A.client_ip };
const CLIENT_OF_CONNECTION = { host: N.client_host, ip: N.client_ip };
const code = (words: readonly string[], word: string): number => words.indexOf(word);
const ACTION_REJECT = code(REJECTION_ACTIONS, 'reject');
const ACTION_TEMPFAIL = code(REJECTION_ACTIONS, 'tempfail');
const STAGE_RCPT = code(REJECTION_STAGES, 'rcpt');
const STAGES = RULESETS.map(({ stage }) => code(REJECTION_STAGES, stage));
const WHAT_NO_MAIL = code(CONNECTION_EVENTS, 'no_mail');
const SIDE_SERVER = code(TLS_SIDES, 'server');
const SIDE_CLIENT = code(TLS_SIDES, 'client');
const SERVICE_SMTP = code(AUTH_SERVICES, 'smtp');
const OUTCOME_OK = code(AUTH_OUTCOMES, 'ok');

export class FrequentLines {
  readonly #block: LogBlock;
  readonly #fields: Fields;
  readonly #sessions: Sessions;
  readonly #number = new NumberReader();

  constructor(block: LogBlock, fields: Fields, sessions: Sessions) {
    this.#block = block;
    this.#fields = fields;
    this.#sessions = sessions;
  }

  /** Reads the text if it is a plain line of one of the kinds; false leaves it to others. */
  read(queueId: QueueIdRange, start: number, end: number): boolean {
    const { bytes } = this.#block;
    switch (bytes[start] ?? 0) {
      case LESS:
        return this.#readUserUnknown(queueId, start, end);
      case 0x72:
        return this.#readRuleset(queueId, start, end);
      case 0x53:
        return this.#readTls(queueId, start, end);
      case 0x41:
        return this.#readAuth(queueId, start, end);
      default:
        return this.#readNoMail(queueId, start, end);
    }
  }

  #add(name: EventTable, queueId: QueueIdRange): TableBuilder {
    const table = this.#block.tables[name];
    table.add(this.#block.current);
    table.label(R.mta, 0);
    table.text(R.queue_id, queueId.start, queueId.end);
    return table;
  }

  /** `<addr>... User unknown`, without a second `... ` in the address. */
  #readUserUnknown(queueId: QueueIdRange, start: number, end: number): boolean {
    const { bytes } = this.#block;
    const at = end - USER_UNKNOWN.length;
    if (at <= start || !standsAt(bytes, at, end, USER_UNKNOWN)) return false;
    if (standsAt(bytes, start, end, SAID)) return false;
    const table = this.#add('rejections', queueId);
    table.label(R.stage, STAGE_RCPT);
    table.label(R.action, ACTION_REJECT);
    table.label(R.extent, 0);
    this.#block.putWord(table, R.rule, 'user unknown');
    table.number(R.code, 550);
    this.#block.putWord(table, R.dsn, '5.1.1');
    this.#fields.address(table, { address: R.recipient, domain: -1 }, start, at + 1);
    table.text(R.reason, at + 5, end);
    return true;
  }

  /** `ruleset=R, arg1=A[, arg2=B], relay=H, reject=TEXT`, with one relay= and one reject= only. */
  #readRuleset(queueId: QueueIdRange, start: number, end: number): boolean {
    const { bytes } = this.#block;
    if (!standsAt(bytes, start, end, RULESET)) return false;
    const nameStart = start + RULESET.length;
    const kind = RULESETS.findIndex(({ name }) => standsAt(bytes, nameStart, end, name));
    const nameEnd = nameStart + (RULESETS[kind]?.name.length ?? 0);
    if (kind < 0 || !standsAt(bytes, nameEnd, end, ARG1)) return false;
    const relay = find(bytes, nameEnd, end, RELAY);
    const reject = onlyRejectBehind(bytes, nameEnd, relay, end);
    const number = reject < 0 ? Number.NaN : this.#replyCode(reject + REJECT.length, end);
    if (Number.isNaN(number)) return false;
    const table = this.#add('rejections', queueId);
    table.label(R.stage, STAGES[kind] ?? 0);
    table.label(R.action, number >= 400 && number < 500 ? ACTION_TEMPFAIL : ACTION_REJECT);
    table.label(R.extent, 0);
    table.text(R.rule, nameStart, nameEnd);
    table.number(R.code, number);
    this.#putArgument(table, kind, nameEnd + ARG1.length, relay);
    this.#fields.peer(table, CLIENT_OF_REJECTION, relay + RELAY.length, reject);
    this.#putReason(table, this.#number.end + 1, end);
    return true;
  }

  /** The three digits at `start`, behind which the reply goes on or ends; else NaN. */
  #replyCode(start: number, end: number): number {
    const { bytes } = this.#block;
    const code = this.#number.read(bytes, start, end);
    const behind = this.#number.end;
    const isCode = behind === start + 3 && (behind >= end || bytes[behind] === SPACE);
    return isCode ? code : Number.NaN;
  }

  #putArgument(table: TableBuilder, kind: number, start: number, relay: number): void {
    const stage = RULESETS[kind]?.stage;
    if (stage === 'connect') return;
    const second = find(this.#block.bytes, start, relay, ARG2);
    const end = second < 0 ? relay : second;
    const column = stage === 'rcpt' ? R.recipient : R.sender;
    this.#fields.address(table, { address: column, domain: -1 }, start, end);
  }

  /** `[X.Y.Z ]text`. */
  #putReason(table: TableBuilder, start: number, end: number): void {
    const { bytes } = this.#block;
    let at = start;
    let dots = 0;
    while (at < end) {
      const byte = bytes[at] ?? 0;
      if (byte === 0x2e) dots += 1;
      else if (byte < 0x30 || byte > 0x39) break;
      at += 1;
    }
    const hasDsn = dots === 2 && bytes[at] === 0x20 && at > start + 4;
    if (hasDsn) table.text(R.dsn, start, at);
    const text = hasDsn ? at + 1 : Math.min(start, end);
    // `<addr>... Relaying denied`: the address has its own column.
    const dots3 = bytes[text] === LESS ? findLast(bytes, text, end, ADDRESS_END) : -1;
    table.text(R.reason, dots3 < 0 ? text : dots3 + ADDRESS_END.length, end);
  }

  /** Read from the right: nothing in it comes from outside but the peer's name. */
  #readTls(queueId: QueueIdRange, start: number, end: number): boolean {
    const { bytes } = this.#block;
    const isServer = standsAt(bytes, start, end, TLS_SERVER);
    if (!isServer && !standsAt(bytes, start, end, TLS_CLIENT)) return false;
    const peerStart = start + TLS_SERVER.length;
    const bits = findLast(bytes, peerStart, end, BITS);
    const cipher = bits < 0 ? -1 : findLast(bytes, peerStart, bits, CIPHER);
    const verify = cipher < 0 ? -1 : findLast(bytes, peerStart, cipher, VERIFY);
    const version = verify < 0 ? -1 : findLast(bytes, peerStart, verify, VERSION);
    if (version < 0) return false;
    const table = this.#add('tls_sessions', queueId);
    table.label(T.side, isServer ? SIDE_SERVER : SIDE_CLIENT);
    this.#fields.peer(table, PEER, peerStart, version);
    const versionStart = version + VERSION.length;
    table.text(T.version, versionStart, verify);
    table.text(T.verify, verify + VERIFY.length, cipher);
    table.text(T.cipher, cipher + CIPHER.length, bits);
    table.number(T.bits, this.#number.read(bytes, bits + BITS.length, end));
    if (isServer) this.#sessions.open(this.#block).tlsVersion = this.#word(versionStart, verify);
    return true;
  }

  #word(start: number, end: number): string {
    const { words, bytes } = this.#block;
    const id = words.idOf(bytes, start, end);
    return id > 0 ? words.textOf(id) : bytes.toString('utf8', start, end);
  }

  /** `AUTH=server, relay=R, authid=U, mech=M, bits=N`, where U holds no comma. */
  #readAuth(queueId: QueueIdRange, start: number, end: number): boolean {
    const { bytes } = this.#block;
    if (!standsAt(bytes, start, end, AUTH_SERVER)) return false;
    const peerStart = start + AUTH_SERVER.length;
    const authid = find(bytes, peerStart, end, AUTHID);
    if (authid < 0) return false;
    const userStart = authid + AUTHID.length;
    const userEnd = findByte(bytes, userStart, end, COMMA);
    if (userEnd < 0 || !standsAt(bytes, userEnd, end, MECH)) return false;
    if (findByte(bytes, userStart, userEnd, PLUS) >= 0) return false;
    const mechanismStart = userEnd + MECH.length;
    const mechanismEnd = findByte(bytes, mechanismStart, end, COMMA);
    if (mechanismEnd < 0) return false;
    const table = this.#add('auth_events', queueId);
    table.label(A.service, SERVICE_SMTP);
    table.label(A.outcome, OUTCOME_OK);
    this.#fields.peer(table, CLIENT_OF_AUTH, peerStart, authid);
    this.#fields.text(table, A.auth_user, userStart, userEnd);
    table.text(A.mechanism, mechanismStart, mechanismEnd);
    const session = this.#sessions.open(this.#block);
    session.user = this.#word(userStart, userEnd);
    session.mechanism = this.#word(mechanismStart, mechanismEnd);
    return true;
  }

  #readNoMail(queueId: QueueIdRange, start: number, end: number): boolean {
    const at = find(this.#block.bytes, start, end, NO_MAIL);
    // What a client says is logged behind its name and `: `.
    if (at < 0 || find(this.#block.bytes, start, at, COLON_SPACE) >= 0) return false;
    this.#sessions.restart(this.#block);
    const table = this.#add('connections', queueId);
    table.label(N.what, WHAT_NO_MAIL);
    this.#fields.peer(table, CLIENT_OF_CONNECTION, start, at);
    table.text(N.detail, at + NO_MAIL.length, end);
    return true;
  }
}

/** Where `, reject=` stands behind the relay, if there is just one of each and nothing else between; else -1. */
function onlyRejectBehind(bytes: Uint8Array, start: number, relay: number, end: number): number {
  if (relay < 0) return -1;
  const reject = find(bytes, start, end, REJECT);
  if (reject < relay || findLast(bytes, relay, end, REJECT) !== reject) return -1;
  if (findLast(bytes, relay, end, RELAY) !== relay) return -1;
  return findByte(bytes, relay + 1, reject, COMMA) < 0 ? reject : -1;
}
