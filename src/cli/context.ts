/** What every command is given: the process's edges and the settings in force. */

import type { TextStyle } from '../../reports/render/text-style.ts';
import type { Config, Flags } from '../config/config.ts';
import { loadConfig, surroundings } from '../config/config.ts';
import { SETTING_NAMES, SETTINGS } from '../config/settings.ts';
import type { Period, PeriodOptions } from '../model/period.ts';
import { parsePeriod } from '../model/period.ts';
import { systemTimeZone } from '../model/zone.ts';
import type { Io } from './io.ts';
import { stdoutStyle } from './io.ts';
import type { Reading } from './reading.ts';

export interface CommandContext {
  readonly io: Io;
  readonly config: Config;
  /** The site's zone: configured, else the system's. */
  readonly zone: string;
  readonly style: TextStyle;
  readonly now: Date;
}

export function makeContext(io: Io, options: Readonly<Record<string, unknown>>): CommandContext {
  const flags: Record<string, unknown> = {};
  for (const name of SETTING_NAMES) {
    const value = options[optionName(SETTINGS[name].flag)];
    // `--follow` without a value is the switch of a command.
    if (value !== undefined && typeof value !== 'boolean') flags[name] = value;
  }
  const configFile = options.config as string | undefined;
  const config = loadConfig({
    around: surroundings(io.env, io.cwd),
    flags: flags as Flags,
    configFile,
  });
  const zone = config.settings.timezone ?? systemTimeZone();
  return { io, config, zone, style: stdoutStyle(io, zone), now: io.now() };
}

/** How logs are read. A zone of the configuration is the site's; only one given for this run is the log's. */
export function readingOf({ config, zone }: CommandContext): Reading {
  return { settings: config.settings, zone, isZoneGiven: config.origins.timezone === '--tz' };
}

/** `--batch-lines` as commander names it: batchLines. */
function optionName(flag: string): string {
  return flag.replace(/^--/, '').replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The period the options name, or null. */
export function periodOf(
  context: CommandContext,
  options: Readonly<Record<string, unknown>>,
): Period | null {
  const { since, until, date, last } = options as PeriodOptions;
  return parsePeriod({ since, until, date, last }, { now: context.now, zone: context.zone });
}

/** All of time, for commands whose period is optional. */
export const ALWAYS: Period = {
  start: new Date('1970-01-01T00:00:00Z'),
  end: new Date('2200-01-01T00:00:00Z'),
};

/** A positive whole number of an option. */
export function wholeOption(value: unknown, fallback: number): number {
  const number = Number(value ?? fallback);
  return Number.isSafeInteger(number) && number > 0 ? number : fallback;
}
