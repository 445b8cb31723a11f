/** `maillog mta config`: all settings of the MTA; `maillog mta import`: those that a sendmail.cf has. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { MTA_SETTINGS, type MtaSetting } from '../../config/mta-settings.ts';
import { importSendmailCf } from '../../config/sendmail-cf-options.ts';
import type { ExitCode } from '../../model/errors.ts';
import { fileError } from '../../model/errors.ts';
import type { CommandContext } from '../context.ts';
import { print } from '../io.ts';
import { mtaPlace } from '../mta/place.ts';
import type { Options } from '../program.ts';
import { writeAside } from '../write-aside.ts';
import { show } from './lists.ts';

export function runMtaConfig(context: CommandContext, options: Options): Promise<ExitCode> {
  const { config, origins } = mtaPlace(context.io, options);
  const rows = Object.entries<MtaSetting>(MTA_SETTINGS).map(([setting, { type, meaning }]) => {
    const value: unknown = config[setting as keyof typeof config];
    return {
      setting,
      value: type === 'duration' ? durationText(Number(value)) : (value as string | null),
      from: origins.get(setting) ?? 'default',
      meaning,
    };
  });
  return show(context, options, { columns: ['setting', 'value', 'from', 'meaning'], rows });
}

/** As it would be written in the file. */
export function durationText(milliseconds: number): string {
  const units = [
    ['w', 604_800],
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const;
  let rest = Math.round(milliseconds / 1000);
  const parts: string[] = [];
  for (const [unit, seconds] of units) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.length === 0 ? '0s' : parts.join('');
}

export async function runMtaImport(
  { io }: CommandContext,
  options: Options,
  [name = '-']: readonly string[],
): Promise<ExitCode> {
  const text = name === '-' ? await readAll(io.stdin) : readText(resolve(io.cwd, name));
  const toml = importSendmailCf(text, name === '-' ? 'standard input' : name);
  if (options.out === undefined) await print(io, toml);
  else writeAside(resolve(io.cwd, String(options.out)), toml, 0o640);
  return 0;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw fileError(error, path);
  }
}
