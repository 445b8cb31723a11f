/**
 * Writes the events of the less frequent line kinds, which are read as strings: one method per event
 * table, words in, rows out. The queue id is that of the current line.
 */
import type {
  ConnectionEvent,
  QueueEvent,
  RejectionAction,
  RejectionStage,
  Severity,
} from '../../src/model/vocabulary.ts';
import {
  AUTH_OUTCOMES,
  AUTH_SERVICES,
  CONNECTION_EVENTS,
  QUEUE_EVENTS,
  REJECTION_ACTIONS,
  REJECTION_STAGES,
  SEVERITIES,
  TLS_SIDES,
} from '../../src/model/vocabulary.ts';
import type { EventTable } from '../../src/store/schema.ts';
import type { LogBlock } from '../pipeline/log-block.ts';
import type { TableBuilder } from '../pipeline/table-builder.ts';
import { columnsOf } from '../pipeline/table-builder.ts';
import type { Fields, PeerColumns } from './fields.ts';
import type { QueueIdRange } from './from-line.ts';
import type { Sessions } from './sessions.ts';

export interface RejectionText {
  readonly stage: RejectionStage;
  readonly action: RejectionAction;
  readonly rule: string;
  readonly code?: number | undefined;
  readonly dsn?: string | undefined;
  /** The client as sendmail names it: `host [ip]`. */
  readonly client?: string | undefined;
  readonly helo?: string | undefined;
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
  readonly reason?: string | undefined;
  /** The whole message is refused; its recipients may be told one by one as well. */
  readonly wholeMessage?: boolean;
}

export interface AuthText {
  readonly outcome: (typeof AUTH_OUTCOMES)[number];
  readonly mechanism?: string | undefined;
  readonly user?: string | undefined;
  readonly client?: string | undefined;
  readonly reason?: string | undefined;
}

export interface TlsText {
  readonly side: (typeof TLS_SIDES)[number];
  readonly peer: string;
  readonly version: string;
  readonly cipher: string;
  readonly bits: number;
  readonly verify: string;
}

type Columns = Readonly<Record<string, number>>;

const COLUMNS = {
  rejections: columnsOf('rejections'),
  auth_events: columnsOf('auth_events'),
  tls_sessions: columnsOf('tls_sessions'),
  connections: columnsOf('connections'),
  queue_events: columnsOf('queue_events'),
  daemon_events: columnsOf('daemon_events'),
} as const;

export class EventWriter {
  readonly sessions: Sessions;
  readonly #block: LogBlock;
  readonly #fields: Fields;
  #queueId: QueueIdRange = { start: 0, end: 0 };

  constructor(block: LogBlock, fields: Fields, sessions: Sessions) {
    this.#block = block;
    this.#fields = fields;
    this.sessions = sessions;
  }

  /** The block whose current line is being read. */
  get block(): LogBlock {
    return this.#block;
  }

  /** The current line's queue id; an empty range when it has none. */
  setQueueId(queueId: QueueIdRange): void {
    this.#queueId = queueId;
  }

  rejection(text: RejectionText): void {
    const columns = COLUMNS.rejections;
    const table = this.#add('rejections', columns);
    table.label(at(columns, 'stage'), REJECTION_STAGES.indexOf(text.stage));
    table.label(at(columns, 'action'), REJECTION_ACTIONS.indexOf(text.action));
    table.label(at(columns, 'extent'), text.wholeMessage === true ? 1 : 0);
    if (text.code !== undefined) table.number(at(columns, 'code'), text.code);
    this.#text(table, at(columns, 'rule'), text.rule);
    this.#text(table, at(columns, 'dsn'), text.dsn);
    this.#text(table, at(columns, 'reason'), text.reason);
    this.#text(table, at(columns, 'helo'), text.helo);
    this.#peer(
      table,
      { host: at(columns, 'client_host'), ip: at(columns, 'client_ip') },
      text.client,
    );
    this.#address(table, at(columns, 'sender'), text.sender);
    this.#address(table, at(columns, 'recipient'), text.recipient);
  }

  authEvent(text: AuthText): void {
    const columns = COLUMNS.auth_events;
    const table = this.#add('auth_events', columns);
    table.label(at(columns, 'service'), AUTH_SERVICES.indexOf('smtp'));
    table.label(at(columns, 'outcome'), AUTH_OUTCOMES.indexOf(text.outcome));
    this.#text(table, at(columns, 'mechanism'), text.mechanism);
    this.#text(table, at(columns, 'auth_user'), text.user);
    this.#text(table, at(columns, 'reason'), text.reason);
    this.#peer(
      table,
      { host: at(columns, 'client_host'), ip: at(columns, 'client_ip') },
      text.client,
    );
  }

  tlsSession(text: TlsText): void {
    const columns = COLUMNS.tls_sessions;
    const table = this.#add('tls_sessions', columns);
    table.label(at(columns, 'side'), TLS_SIDES.indexOf(text.side));
    this.#peer(table, { host: at(columns, 'peer_host'), ip: at(columns, 'peer_ip') }, text.peer);
    this.#text(table, at(columns, 'version'), text.version);
    this.#text(table, at(columns, 'cipher'), text.cipher);
    this.#text(table, at(columns, 'verify'), text.verify);
    if (!Number.isNaN(text.bits)) table.number(at(columns, 'bits'), text.bits);
  }

  connection(what: ConnectionEvent, client: string | undefined, detail?: string): void {
    const columns = COLUMNS.connections;
    const table = this.#add('connections', columns);
    table.label(at(columns, 'what'), CONNECTION_EVENTS.indexOf(what));
    this.#peer(table, { host: at(columns, 'client_host'), ip: at(columns, 'client_ip') }, client);
    this.#text(table, at(columns, 'detail'), detail);
  }

  queueEvent(what: QueueEvent, detail: string, childQueueId?: string): void {
    const columns = COLUMNS.queue_events;
    const table = this.#add('queue_events', columns);
    table.label(at(columns, 'what'), QUEUE_EVENTS.indexOf(what));
    this.#text(table, at(columns, 'child_queue_id'), childQueueId);
    this.#text(table, at(columns, 'detail'), detail);
  }

  daemonEvent(what: string, severity: Severity, detail: string): void {
    const columns = COLUMNS.daemon_events;
    const table = this.#add('daemon_events', columns);
    table.label(at(columns, 'severity'), SEVERITIES.indexOf(severity));
    this.#text(table, at(columns, 'what'), what);
    this.#text(table, at(columns, 'detail'), detail);
  }

  /** A message dropped on purpose: its recipients are not named. */
  discarded(statusCode: number, detail: string): void {
    const columns = DELIVERIES;
    const table = this.#add('deliveries', columns);
    table.label(at(columns, 'status'), statusCode);
    table.number(at(columns, 'transactions'), 0);
    this.#text(table, at(columns, 'stat'), detail);
  }

  #add(name: EventTable, columns: Columns): TableBuilder {
    const table = this.#block.tables[name];
    table.add(this.#block.current);
    table.label(at(columns, 'mta'), 0);
    table.text(at(columns, 'queue_id'), this.#queueId.start, this.#queueId.end);
    return table;
  }

  #text(table: TableBuilder, column: number, value: string | undefined): void {
    if (value === undefined) return;
    table.text(column, this.#block.addText(value), this.#block.textEnd);
  }

  #address(table: TableBuilder, column: number, value: string | undefined): void {
    if (value === undefined) return;
    const start = this.#block.addText(value);
    this.#fields.address(table, { address: column, domain: -1 }, start, this.#block.textEnd);
  }

  #peer(table: TableBuilder, columns: PeerColumns, value: string | undefined): void {
    if (value === undefined) return;
    const start = this.#block.addText(value);
    this.#fields.peer(table, columns, start, this.#block.textEnd);
  }
}

const DELIVERIES = columnsOf('deliveries');

function at(columns: Columns, name: string): number {
  const position = columns[name];
  if (position === undefined) throw new Error(`no column ${name}`);
  return position;
}

/** Reads one kind of line: true when the text is of its kind and has been written. */
export type LineReader = (text: string, out: EventWriter) => boolean;
