/**
 * One configuration file: TOML 1.0 (https://toml.io/en/v1.0.0) to raw values by setting.
 *
 * Promise: a key that is no setting is an error that names the file and the nearest setting; values are
 * not judged here.
 */
import { parse, TomlError } from 'smol-toml';
import { maillogError } from '../model/errors.ts';
import { nearestName } from '../model/nearest-name.ts';
import { SETTING_NAMES, SETTINGS, type SettingName } from './settings.ts';

export type RawSettings = ReadonlyMap<SettingName, unknown>;

const NAME_OF_KEY = new Map(SETTING_NAMES.map((name) => [SETTINGS[name].key, name]));
const TABLES = new Set(
  [...NAME_OF_KEY.keys()].filter((key) => key.includes('.')).map((key) => key.split('.')[0]),
);

/** Rejects with the place of what is no TOML. */
export function parseToml(text: string, path: string): Record<string, unknown> {
  try {
    return parse(text, { integersAsBigInt: 'asNeeded' });
  } catch (error) {
    if (!(error instanceof TomlError)) {
      throw error;
    }
    // The library's message goes on with an excerpt of the file on further lines.
    const [first = ''] = error.message.split('\n');
    const reason = first.replace('Invalid TOML document: ', '');
    const problem = `line ${error.line}, column ${error.column}: ${reason}`;
    throw maillogError('E_BAD_CONFIG_FILE', { path, problem }, error);
  }
}

/** A slip of the pen, or the right name in the wrong table. */
function meantBy(key: string, keys: readonly string[]): string | null {
  const leaf = (dotted: string): string | undefined => dotted.split('.').at(-1);
  return nearestName(key, keys) ?? keys.find((known) => leaf(known) === leaf(key)) ?? null;
}

function unknownKey(path: string, key: string): Error {
  const keys = [...NAME_OF_KEY.keys()];
  const nearest = meantBy(key, keys);
  const known = nearest === null ? `choose from ${keys.join(', ')}` : `did you mean ${nearest}?`;
  return maillogError('E_UNKNOWN_SETTING', { where: path, key, known });
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function readConfigText(text: string, path: string): RawSettings {
  const raw = new Map<SettingName, unknown>();
  const take = (key: string, value: unknown): void => {
    const name = NAME_OF_KEY.get(key);
    if (name !== undefined) {
      raw.set(name, value);
      return;
    }
    if (!TABLES.has(key) || !isTable(value)) {
      throw unknownKey(path, key);
    }
    for (const [inner, innerValue] of Object.entries(value)) {
      take(`${key}.${inner}`, innerValue);
    }
  };
  for (const [key, value] of Object.entries(parseToml(text, path))) {
    take(key, value);
  }
  return raw;
}
