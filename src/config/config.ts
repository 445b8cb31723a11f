/**
 * The configuration of one run: default < file < environment < flag, checked once, frozen, and knowing
 * where each value came from.
 *
 * Promise: a file that was named must be there; the usual ones may be missing. Anything unknown or not
 * allowed is one error that names the place, the key and what is allowed. Files are only read.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileError, maillogError } from '../model/errors.ts';
import { type RawSettings, readConfigText } from './config-file.ts';
import { defaultDatabase, type Surroundings, usualConfigFiles } from './places.ts';
import {
  SETTING_NAMES,
  SETTINGS,
  type SettingName,
  type Settings,
  type SettingValue,
} from './settings.ts';
import { checkValue } from './values.ts';

/** Where a value came from: `default`, a file's path, `$MAILLOG_DB` or `--db`. */
export type Origin = string;

export interface Config {
  readonly settings: Settings;
  readonly origins: Readonly<Record<SettingName, Origin>>;
  /** The files that were read. */
  readonly files: readonly string[];
}

export type Flags = Readonly<Partial<Record<SettingName, unknown>>>;

export interface ConfigRequest {
  readonly around: Surroundings;
  /** Values of flags by setting; undefined ones were not given. */
  readonly flags: Flags;
  /** The file of `--config`. */
  readonly configFile?: string | undefined;
}

/** Reads a file as text; tests hand in their own. */
export type ReadText = (path: string) => string;

/** Raw values of one place, and how that place is called. */
interface Layer {
  readonly values: RawSettings;
  readonly originOf: (name: SettingName) => Origin;
  /** What relative file names are relative to. */
  readonly folder: string;
}

/** The surroundings of this process, given its environment and working folder. */
export function surroundings(env: Surroundings['env'], cwd: string): Surroundings {
  const home = env.HOME !== undefined && env.HOME !== '' ? env.HOME : homedir();
  return { env, cwd, home, isRoot: process.getuid?.() === 0 };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function readFileLayer(path: string, mayBeMissing: boolean, readText: ReadText): Layer | null {
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    if (mayBeMissing && isMissing(error)) {
      return null;
    }
    throw fileError(error, path);
  }
  return { values: readConfigText(text, path), originOf: () => path, folder: dirname(path) };
}

function fileLayers({ around, configFile }: ConfigRequest, readText: ReadText): readonly Layer[] {
  const named = configFile ?? (around.env.MAILLOG_CONFIG || undefined);
  const paths = named === undefined ? usualConfigFiles(around) : [resolve(around.cwd, named)];
  return paths
    .map((path) => readFileLayer(path, named === undefined, readText))
    .filter((layer) => layer !== null);
}

function environmentLayer({ env, cwd }: Surroundings): Layer {
  const values = new Map<SettingName, unknown>();
  for (const name of SETTING_NAMES) {
    const value = env[SETTINGS[name].env];
    // An empty variable is the usual way to unset one for a single command.
    if (value !== undefined && value !== '') {
      values.set(name, value);
    }
  }
  return { values, originOf: (name) => `$${SETTINGS[name].env}`, folder: cwd };
}

function flagLayer(flags: Flags, cwd: string): Layer {
  const given = SETTING_NAMES.filter((name) => flags[name] !== undefined);
  return {
    values: new Map(given.map((name) => [name, flags[name]])),
    originOf: (name) => SETTINGS[name].flag,
    folder: cwd,
  };
}

function absolute(path: string, folder: string, home: string): string {
  return path.startsWith('~/') ? resolve(home, path.slice(2)) : resolve(folder, path);
}

/** As somebody would write it, cut to what fits in a message. */
function show(raw: unknown): string {
  const json = JSON.stringify(raw, (_, value) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  return json.length > 60 ? `${json.slice(0, 60)}...` : json;
}

function valueIn(layer: Layer, name: SettingName, home: string): SettingValue {
  const raw = layer.values.get(name);
  const checked = checkValue(SETTINGS[name], raw);
  if (!checked.ok) {
    const { key } = SETTINGS[name];
    const where = layer.originOf(name);
    const { allowed } = checked;
    throw maillogError('E_BAD_SETTING', { where, key, value: show(raw), allowed });
  }
  const { value } = checked;
  const { type } = SETTINGS[name];
  if (type.kind === 'path' && typeof value === 'string') return absolute(value, layer.folder, home);
  if (type.kind === 'list' && type.of === 'path' && Array.isArray(value)) {
    return Object.freeze(value.map((path: string) => absolute(path, layer.folder, home)));
  }
  return value;
}

export function loadConfig(
  request: ConfigRequest,
  readText: ReadText = (path) => readFileSync(path, 'utf8'),
): Config {
  const { around, flags } = request;
  const files = fileLayers(request, readText);
  const layers = [...files, environmentLayer(around), flagLayer(flags, around.cwd)];
  const settings: Record<string, SettingValue> = {};
  const origins: Record<string, Origin> = {};
  for (const name of SETTING_NAMES) {
    settings[name] = SETTINGS[name].initial;
    origins[name] = 'default';
  }
  settings.db = defaultDatabase(around);
  for (const layer of layers) {
    for (const name of layer.values.keys()) {
      settings[name] = valueIn(layer, name, around.home);
      origins[name] = layer.originOf(name);
    }
  }
  return Object.freeze({
    settings: Object.freeze(settings) as unknown as Settings,
    origins: Object.freeze(origins) as Config['origins'],
    files: Object.freeze(files.map((layer) => layer.originOf('db'))),
  });
}
