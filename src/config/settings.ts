/**
 * Every setting of maillog as data: its key in the file, environment variable, flag, type, default and
 * meaning. The loader, `maillog config`, the help texts and the documentation read this list.
 *
 * Promise: a setting that is not set and has no default is null, never absent.
 */
import { MTAS } from '../model/vocabulary.ts';

export interface TextType {
  readonly kind: 'text';
}
/** A file name: made absolute against the folder of the file that sets it, else the working folder. */
export interface PathType {
  readonly kind: 'path';
}
export interface WholeType {
  readonly kind: 'whole';
  readonly min: number;
  readonly max: number;
}
export interface ZoneType {
  readonly kind: 'zone';
}
export interface ChoiceType {
  readonly kind: 'choice';
  readonly choices: readonly string[];
}
/** Names to names: a table in the file, `a=b,c=d` elsewhere. */
export interface MapType {
  readonly kind: 'map';
}
/** Texts or file names: an array in the file, separated by commas elsewhere, or a flag given several times. */
export interface ListType {
  readonly kind: 'list';
  readonly of: 'text' | 'path';
}
export type SettingType =
  | TextType
  | PathType
  | WholeType
  | ZoneType
  | ChoiceType
  | MapType
  | ListType;

export type NameMap = Readonly<Record<string, string>>;
export type SettingValue = string | number | NameMap | readonly string[] | null;

export interface Setting {
  /** Where it stands in the file, tables joined by a dot. */
  readonly key: string;
  readonly env: string;
  readonly flag: string;
  readonly type: SettingType;
  readonly initial: SettingValue;
  readonly unit: string | null;
  readonly meaning: string;
}

export interface Settings {
  readonly db: string;
  readonly timezone: string | null;
  readonly year: number | null;
  readonly dialect: string | null;
  readonly hostAliases: NameMap;
  readonly batchLines: number;
  readonly unparsedLines: number;
  readonly top: number;
  readonly follow: readonly string[];
  readonly listen: readonly string[];
  readonly journal: readonly string[];
  readonly http: string | null;
  readonly group: string | null;
  readonly logLevel: string;
  readonly tlsKey: string | null;
  readonly tlsCert: string | null;
  readonly tlsCa: string | null;
  readonly maxConnections: number;
  readonly maxPerPeer: number;
  readonly frameTimeout: number;
  readonly spoolMegabytes: number;
  readonly reserveMegabytes: number;
  readonly retentionDays: number;
}

export type SettingName = keyof Settings;

export const SETTINGS: Readonly<Record<SettingName, Setting>> = {
  db: {
    key: 'db',
    env: 'MAILLOG_DB',
    flag: '--db',
    type: { kind: 'path' },
    // The loader puts maillog.duckdb in the state folder, which depends on the user.
    initial: null,
    unit: null,
    meaning: 'the database file',
  },
  timezone: {
    key: 'timezone',
    env: 'MAILLOG_TIMEZONE',
    flag: '--tz',
    type: { kind: 'zone' },
    initial: null,
    unit: 'IANA time zone',
    meaning: "the site's clock: of log stamps without an offset, of days and hours in reports",
  },
  year: {
    key: 'year',
    env: 'MAILLOG_YEAR',
    flag: '--year',
    type: { kind: 'whole', min: 1970, max: 9999 },
    initial: null,
    unit: null,
    meaning: 'the year of the first line of a log whose stamps have none',
  },
  dialect: {
    key: 'dialect',
    env: 'MAILLOG_DIALECT',
    flag: '--dialect',
    type: { kind: 'choice', choices: MTAS },
    initial: null,
    unit: null,
    meaning: 'whose lines a log holds; not set: found out line by line',
  },
  hostAliases: {
    key: 'host_aliases',
    env: 'MAILLOG_HOST_ALIASES',
    flag: '--host-alias',
    type: { kind: 'map' },
    initial: Object.freeze({}),
    unit: 'logged = meant',
    meaning: 'hosts that log under more than one name, and the name to keep',
  },
  batchLines: {
    key: 'ingest.batch_lines',
    env: 'MAILLOG_BATCH_LINES',
    flag: '--batch-lines',
    type: { kind: 'whole', min: 1, max: 100_000_000 },
    initial: 1_000_000,
    unit: 'lines',
    meaning: 'how many lines of a file become durable together',
  },
  unparsedLines: {
    key: 'ingest.unparsed_lines',
    env: 'MAILLOG_UNPARSED_LINES',
    flag: '--unparsed-lines',
    type: { kind: 'whole', min: 0, max: 1_000_000_000 },
    initial: 10_000,
    unit: 'lines',
    meaning: 'how many lines not understood are kept for each source (all are counted)',
  },
  top: {
    key: 'report.top',
    env: 'MAILLOG_TOP',
    flag: '--top',
    type: { kind: 'whole', min: 1, max: 100_000 },
    initial: 10,
    unit: 'rows',
    meaning: 'how many rows a top list shows',
  },
  follow: {
    key: 'serve.follow',
    env: 'MAILLOG_FOLLOW',
    flag: '--follow',
    type: { kind: 'list', of: 'path' },
    initial: Object.freeze([]),
    unit: null,
    meaning: 'logs to follow: files, folders of logs, patterns; rotations beside them are read too',
  },
  listen: {
    key: 'serve.listen',
    env: 'MAILLOG_LISTEN',
    flag: '--listen',
    type: { kind: 'list', of: 'text' },
    initial: Object.freeze([]),
    unit: null,
    meaning:
      'where syslog is listened for: udp://, tcp://, tls://, relp://, relps://ADDRESS:PORT, unix:///PATH',
  },
  journal: {
    key: 'serve.journal',
    env: 'MAILLOG_JOURNAL',
    flag: '--journal',
    type: { kind: 'list', of: 'text' },
    initial: Object.freeze([]),
    unit: 'journalctl filters',
    meaning:
      'entries of the systemd journal to take, such as --facility=mail or SYSLOG_IDENTIFIER=dovecot; none: no journal',
  },
  http: {
    key: 'serve.http',
    env: 'MAILLOG_HTTP',
    flag: '--http',
    type: { kind: 'text' },
    initial: null,
    unit: 'ADDRESS:PORT',
    meaning: 'where health and metrics are served over HTTP; not set: nowhere',
  },
  group: {
    key: 'serve.group',
    env: 'MAILLOG_GROUP',
    flag: '--group',
    type: { kind: 'text' },
    initial: null,
    unit: 'group name or number',
    meaning: 'the group that may use the daemon besides its own user',
  },
  logLevel: {
    key: 'serve.log_level',
    env: 'MAILLOG_LOG_LEVEL',
    flag: '--log-level',
    type: { kind: 'choice', choices: ['debug', 'info', 'warn', 'error'] },
    initial: 'info',
    unit: null,
    meaning: 'how much the daemon says of itself',
  },
  tlsKey: {
    key: 'serve.tls_key',
    env: 'MAILLOG_TLS_KEY',
    flag: '--tls-key',
    type: { kind: 'path' },
    initial: null,
    unit: 'PEM',
    meaning: 'private key of tls:// and relps:// listeners',
  },
  tlsCert: {
    key: 'serve.tls_cert',
    env: 'MAILLOG_TLS_CERT',
    flag: '--tls-cert',
    type: { kind: 'path' },
    initial: null,
    unit: 'PEM',
    meaning: 'certificate of tls:// and relps:// listeners, with its chain',
  },
  tlsCa: {
    key: 'serve.tls_ca',
    env: 'MAILLOG_TLS_CA',
    flag: '--tls-ca',
    type: { kind: 'path' },
    initial: null,
    unit: 'PEM',
    meaning: 'whose certificates clients must show; not set: clients need none',
  },
  maxConnections: {
    key: 'serve.max_connections',
    env: 'MAILLOG_MAX_CONNECTIONS',
    flag: '--max-connections',
    type: { kind: 'whole', min: 1, max: 1_000_000 },
    initial: 4096,
    unit: 'connections',
    meaning: 'how many senders one listener serves at a time',
  },
  maxPerPeer: {
    key: 'serve.max_per_peer',
    env: 'MAILLOG_MAX_PER_PEER',
    flag: '--max-per-peer',
    type: { kind: 'whole', min: 1, max: 1_000_000 },
    initial: 1024,
    unit: 'connections',
    meaning: 'how many of these one address may have',
  },
  frameTimeout: {
    key: 'serve.frame_timeout',
    env: 'MAILLOG_FRAME_TIMEOUT',
    flag: '--frame-timeout',
    type: { kind: 'whole', min: 1, max: 86_400 },
    initial: 60,
    unit: 'seconds',
    meaning: 'how long a sender may take for one message',
  },
  spoolMegabytes: {
    key: 'serve.spool_megabytes',
    env: 'MAILLOG_SPOOL_MEGABYTES',
    flag: '--spool-megabytes',
    type: { kind: 'whole', min: 1, max: 10_000_000 },
    initial: 1024,
    unit: 'MiB',
    meaning: 'how much each listener keeps on disk while the database is busy; then senders wait',
  },
  reserveMegabytes: {
    key: 'serve.reserve_megabytes',
    env: 'MAILLOG_RESERVE_MEGABYTES',
    flag: '--reserve-megabytes',
    type: { kind: 'whole', min: 0, max: 10_000_000 },
    initial: 64,
    unit: 'MiB',
    meaning: 'room on the disk below which nothing more is taken, at most a twentieth of the disk',
  },
  retentionDays: {
    key: 'retention.days',
    env: 'MAILLOG_DAYS',
    flag: '--keep-days',
    type: { kind: 'whole', min: 0, max: 36_500 },
    initial: 0,
    unit: 'days',
    meaning: 'for how long rows are kept (hourly counts stay); 0: for ever',
  },
};

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];
