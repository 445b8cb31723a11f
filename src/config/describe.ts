/**
 * The configuration as rows, for `maillog config` and the documentation.
 *
 * Promise: one row per setting, in the schema's order; the same names in text, JSON and CSV.
 */
import type { Config } from './config.ts';
import { SETTING_NAMES, SETTINGS } from './settings.ts';
import { allowedValues } from './values.ts';

export interface SettingRow {
  readonly [column: string]:
    | string
    | number
    | readonly string[]
    | Readonly<Record<string, string>>
    | null;
}

export interface SettingRows {
  readonly columns: readonly string[];
  readonly rows: readonly SettingRow[];
}

/** What is in force and where it came from. */
export function describeConfig(config: Config): SettingRows {
  const rows = SETTING_NAMES.map((name) => ({
    setting: SETTINGS[name].key,
    value: config.settings[name],
    from: config.origins[name],
    meaning: SETTINGS[name].meaning,
  }));
  return { columns: ['setting', 'value', 'from', 'meaning'], rows };
}

/** What can be set, by which names, and to what. */
export function describeSettings(): SettingRows {
  const rows = SETTING_NAMES.map((name) => ({
    setting: SETTINGS[name].key,
    environment: SETTINGS[name].env,
    flag: SETTINGS[name].flag,
    default: SETTINGS[name].initial,
    unit: SETTINGS[name].unit,
    allowed: allowedValues(SETTINGS[name].type),
    meaning: SETTINGS[name].meaning,
  }));
  const columns = ['setting', 'environment', 'flag', 'default', 'unit', 'allowed', 'meaning'];
  return { columns, rows };
}
