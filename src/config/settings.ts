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
export type SettingType = TextType | PathType | WholeType | ZoneType | ChoiceType | MapType;

export type NameMap = Readonly<Record<string, string>>;
export type SettingValue = string | number | NameMap | null;

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
};

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];
