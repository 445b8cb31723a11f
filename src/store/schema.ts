/**
 * The neutral schema: every stored table as named columns of the kinds of `src/model/columns.ts`.
 * A store renders its DDL from it and appends batches in this column order; parsers fill in this order.
 *
 * Promise: columns are only ever added at the end of a table, by a migration.
 */
import type { ColumnKind } from '../model/columns.ts';
import {
  ANSWERS,
  AUTH_OUTCOMES,
  AUTH_SERVICES,
  BOUNCE_CLASSES,
  CONNECTION_EVENTS,
  DELIVERY_STATUSES,
  LINE_OUTCOMES,
  MTAS,
  QUEUE_EVENTS,
  REJECTION_ACTIONS,
  REJECTION_EXTENTS,
  REJECTION_STAGES,
  SEVERITIES,
  TLS_SIDES,
} from '../model/vocabulary.ts';

export interface ColumnSpec {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly labels?: readonly string[];
  /** Nearly every value is another: the store may choose its compression by it. */
  readonly unique?: true;
}

const time = (name: string): ColumnSpec => ({ name, kind: 'time' });
const text = (name: string): ColumnSpec => ({ name, kind: 'text' });
const u32 = (name: string): ColumnSpec => ({ name, kind: 'u32' });
const u64 = (name: string): ColumnSpec => ({ name, kind: 'u64' });
const f64 = (name: string): ColumnSpec => ({ name, kind: 'f64' });
const i32 = (name: string): ColumnSpec => ({ name, kind: 'i32' });
const label = (name: string, labels: readonly string[]): ColumnSpec => ({
  name,
  kind: 'label',
  labels,
});

/** What every event row begins with: when, where, who logged it, and where the line stands. */
const EVENT: readonly ColumnSpec[] = [
  time('logged_at'),
  text('host'),
  text('instance'),
  label('mta', MTAS),
  text('queue_id'),
  u32('source_id'),
  /** Counted from 1 in the source's decompressed content. */
  u64('line_number'),
];

/** Every `from=` line (Postfix: every queue file): offered envelopes, accepted or not. Sizes are bytes. */
const ENVELOPES: readonly ColumnSpec[] = [
  ...EVENT,
  text('sender'),
  text('sender_domain'),
  u64('size'),
  i32('class'),
  u32('nrcpts'),
  { ...text('message_id'), unique: true },
  text('body_type'),
  text('protocol'),
  text('daemon'),
  text('relay_host'),
  text('relay_ip'),
  text('auth_user'),
  text('auth_mech'),
  text('tls_version'),
  label('accepted', ANSWERS),
];

/** One row per recipient and attempt. Delays are seconds, with a fraction where the MTA logs one. */
const DELIVERIES: readonly ColumnSpec[] = [
  ...EVENT,
  text('recipient'),
  text('recipient_domain'),
  text('original_recipient'),
  text('controlling_user'),
  text('mailer'),
  text('relay_host'),
  text('relay_ip'),
  f64('delay'),
  f64('xdelay'),
  f64('delay_before_queue'),
  f64('delay_in_queue'),
  f64('delay_connect'),
  f64('delay_transmit'),
  text('dsn'),
  label('status', DELIVERY_STATUSES),
  /** sendmail's own word for the outcome ("Sent", "User unknown"), without the remote's text. */
  text('stat'),
  /** What the remote server said, or the reason given; never interpreted as anything but text. */
  text('reply'),
  label('bounce_class', BOUNCE_CLASSES),
  /** 1 on one row of each logged transaction, 0 on its other recipients: sum() counts transactions. */
  u32('transactions'),
  /**
   * sendmail's pri= modulo 30000: recipients and queue runs add multiples of that, so with the size of the
   * message it tells the size it was delivered with, Received header included (mailstats' bytes_to).
   */
  { name: 'priority', kind: 'u16' },
];

const REJECTIONS: readonly ColumnSpec[] = [
  ...EVENT,
  label('stage', REJECTION_STAGES),
  label('action', REJECTION_ACTIONS),
  text('rule'),
  u32('code'),
  text('dsn'),
  text('client_host'),
  text('client_ip'),
  text('helo'),
  text('sender'),
  text('recipient'),
  text('reason'),
  label('extent', REJECTION_EXTENTS),
];

const AUTH_EVENTS: readonly ColumnSpec[] = [
  ...EVENT,
  label('service', AUTH_SERVICES),
  label('outcome', AUTH_OUTCOMES),
  text('mechanism'),
  text('auth_user'),
  text('client_host'),
  text('client_ip'),
  text('reason'),
];

const TLS_SESSIONS: readonly ColumnSpec[] = [
  ...EVENT,
  label('side', TLS_SIDES),
  text('peer_host'),
  text('peer_ip'),
  text('version'),
  text('cipher'),
  u32('bits'),
  text('verify'),
];

const CONNECTIONS: readonly ColumnSpec[] = [
  ...EVENT,
  label('what', CONNECTION_EVENTS),
  text('client_host'),
  text('client_ip'),
  text('detail'),
];

const QUEUE_EVENT_COLUMNS: readonly ColumnSpec[] = [
  ...EVENT,
  label('what', QUEUE_EVENTS),
  text('child_queue_id'),
  text('detail'),
];

const DAEMON_EVENTS: readonly ColumnSpec[] = [
  ...EVENT,
  text('what'),
  label('severity', SEVERITIES),
  text('detail'),
];

const UNPARSED_LINES: readonly ColumnSpec[] = [
  u32('source_id'),
  u64('line_number'),
  u64('byte_offset'),
  label('outcome', LINE_OUTCOMES),
  text('line'),
  text('why'),
];

/** Bytes of each line's hash in `lines_seen.hashes`. */
export const HASH_BYTES = 3;

/**
 * The identity of every line read: what makes a copy of a log recognisable line by line. One row for each
 * run of lines that bear the same second, with HASH_BYTES of hash a line, which do not compress.
 */
const LINES_SEEN: readonly ColumnSpec[] = [
  u32('source_id'),
  u32('second'),
  { name: 'hashes', kind: 'blob' },
];

/** Tables that a batch may carry rows for. */
export const TABLES = {
  envelopes: ENVELOPES,
  deliveries: DELIVERIES,
  rejections: REJECTIONS,
  auth_events: AUTH_EVENTS,
  tls_sessions: TLS_SESSIONS,
  connections: CONNECTIONS,
  queue_events: QUEUE_EVENT_COLUMNS,
  daemon_events: DAEMON_EVENTS,
  unparsed_lines: UNPARSED_LINES,
  lines_seen: LINES_SEEN,
} as const satisfies Record<string, readonly ColumnSpec[]>;

export type TableName = keyof typeof TABLES;

/** The event tables: each begins with the EVENT columns and has a public view of its name or kind. */
export const EVENT_TABLES = [
  'envelopes',
  'deliveries',
  'rejections',
  'auth_events',
  'tls_sessions',
  'connections',
  'queue_events',
  'daemon_events',
] as const satisfies readonly TableName[];
export type EventTable = (typeof EVENT_TABLES)[number];
