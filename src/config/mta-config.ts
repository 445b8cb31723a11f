/**
 * The MTA's configuration: one TOML file whose keys are `MTA_SETTINGS`, checked once and frozen.
 *
 * Promise: a key that is none, or a value that is not allowed, is one error that names the file and the key. File
 * names are absolute: relative ones are taken from the file's folder.
 */
import { resolve } from 'node:path';
import { maillogError } from '../model/errors.ts';
import { nearestName } from '../model/nearest-name.ts';
import { parseToml } from './config-file.ts';
import type { MtaSetting, MtaSettingKey, MtaSettingType } from './mta-settings.ts';
import { MTA_SETTINGS } from './mta-settings.ts';

type ValueOf<T> = T extends 'text' | 'path'
  ? string | null
  : T extends 'paths' | 'list'
    ? readonly string[]
    : T extends 'count' | 'duration'
      ? number
      : T extends 'boolean'
        ? boolean
        : T extends readonly (infer Choice)[]
          ? Choice
          : never;

/** Durations are milliseconds. */
export type MtaConfig = {
  readonly [Key in MtaSettingKey]: ValueOf<(typeof MTA_SETTINGS)[Key]['type']>;
};

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const DURATION = /^(?:\d{1,9}(?:s|m|h|d|w))+$/;

/** `1h30m` in milliseconds; null if it is none. */
export function durationOf(text: string): number | null {
  if (!DURATION.test(text)) return null;
  let total = 0;
  for (const [, count = '', unit = ''] of text.matchAll(/(\d+)([smhdw])/g)) {
    total += Number(count) * (UNITS[unit] ?? 0);
  }
  return total;
}

export function defaultMtaConfig(): MtaConfig {
  return mtaConfigOf({}, '', '/');
}

/** `text` is that of the file `path`. */
export function readMtaConfig(text: string, path: string, folder: string): MtaConfig {
  return mtaConfigOf(mtaValues(text, path), path, folder);
}

/** What the file sets, by key, unchecked. */
export function mtaValues(text: string, path: string): Readonly<Record<string, unknown>> {
  const flat: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(parseToml(text, path))) {
    const isTable = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isTable) flat[key] = value;
    else for (const [inner, of] of Object.entries(value)) flat[`${key}.${inner}`] = of;
  }
  return flat;
}

/** Of values by key, as a file has them. */
export function mtaConfigOf(
  values: Readonly<Record<string, unknown>>,
  path: string,
  folder: string,
): MtaConfig {
  for (const key of Object.keys(values)) {
    if (!Object.hasOwn(MTA_SETTINGS, key)) throw unknownKey(path, key);
  }
  const config: Record<string, unknown> = {};
  for (const [key, { type, initial }] of Object.entries<MtaSetting>(MTA_SETTINGS)) {
    const raw = values[key] ?? initial;
    const value = raw === null ? null : convert(type, raw, folder);
    if (value === undefined) {
      throw maillogError('E_BAD_SETTING', {
        where: path,
        key,
        value: String(raw),
        allowed: allowed(type),
      });
    }
    config[key] = value;
  }
  return Object.freeze(config) as MtaConfig;
}

function unknownKey(path: string, key: string): Error {
  const keys = Object.keys(MTA_SETTINGS);
  const nearest = nearestName(key, keys);
  const known = nearest === null ? `choose from ${keys.join(', ')}` : `did you mean ${nearest}?`;
  return maillogError('E_UNKNOWN_SETTING', { where: path, key, known });
}

function allowed(type: MtaSettingType): string {
  if (typeof type !== 'string') return `one of ${type.join(', ')}`;
  return WORDS[type];
}

const WORDS: Readonly<Record<Extract<MtaSettingType, string>, string>> = {
  text: 'a text that is not empty',
  path: 'a file name',
  paths: 'file names: an array',
  list: 'texts: an array',
  count: 'a whole number',
  boolean: 'true or false',
  duration: 'a time such as 30s, 5m, 4h or 5d',
};

/** Each gives undefined for what is not allowed. */
const READERS: Readonly<
  Record<Extract<MtaSettingType, string>, (raw: unknown, folder: string) => unknown>
> = {
  text: (raw) => (isText(raw) ? raw : undefined),
  path: (raw, folder) => (isText(raw) ? resolve(folder, raw) : undefined),
  list: textsOf,
  paths: (raw, folder) => textsOf(raw)?.map((path) => resolve(folder, path)),
  count: (raw) => (Number.isSafeInteger(raw) && (raw as number) >= 0 ? raw : undefined),
  boolean: (raw) => (typeof raw === 'boolean' ? raw : undefined),
  duration: (raw) => (typeof raw === 'string' ? (durationOf(raw) ?? undefined) : undefined),
};

function convert(type: MtaSettingType, raw: unknown, folder: string): unknown {
  if (typeof type === 'string') return READERS[type](raw, folder);
  return typeof raw === 'string' && type.includes(raw) ? raw : undefined;
}

function isText(raw: unknown): raw is string {
  return typeof raw === 'string' && raw !== '' && !raw.includes('\0');
}

function textsOf(raw: unknown): readonly string[] | undefined {
  const items = typeof raw === 'string' ? [raw] : raw;
  return Array.isArray(items) && items.every(isText) ? Object.freeze([...items]) : undefined;
}
