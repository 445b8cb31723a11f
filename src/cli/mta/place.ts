/**
 * The MTA's configuration as a command has it: of the file that was named (`--mta-config`, $MAILLOG_MTA_CONFIG),
 * else of the usual one. Where the usual one is not there it is that of a try-out, which keeps to the loopback and
 * to its own folder.
 */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { surroundings } from '../../config/config.ts';
import { type MtaConfig, mtaConfigOf, mtaValues } from '../../config/mta-config.ts';
import { mtaStateFolder, usualMtaConfig } from '../../config/places.ts';
import { fileError } from '../../model/errors.ts';
import type { Io } from '../io.ts';
import type { Options } from '../program.ts';

export interface MtaPlace {
  readonly config: MtaConfig;
  /** What was read; null: nothing is there, and this is a try-out. */
  readonly file: string | null;
  /** Where the configuration is looked for. */
  readonly path: string;
  readonly stateFolder: string;
  /** Settings that are not at their defaults, and who set them. */
  readonly origins: ReadonlyMap<string, string>;
}

const TRY_OUT = 'try-out';
const TRY_OUT_PORTS = [
  'Name=MTA-v4, Addr=127.0.0.1, Port=2525',
  'Name=MSP-v4, Addr=127.0.0.1, Port=2587, M=E',
];

export function mtaPlace(io: Pick<Io, 'env' | 'cwd'>, options: Options): MtaPlace {
  const around = surroundings(io.env, io.cwd);
  const stateFolder = mtaStateFolder(around);
  const asked = (options.mtaConfig as string | undefined) ?? (io.env.MAILLOG_MTA_CONFIG || null);
  const path = asked === null ? usualMtaConfig(around) : resolve(io.cwd, asked);
  const text = readConfig(path, asked === null);
  const origin = text === null ? TRY_OUT : path;
  const values = text === null ? tryOut(stateFolder) : mtaValues(text, path);
  return {
    config: mtaConfigOf(values, path, dirname(path)),
    file: text === null ? null : path,
    path,
    stateFolder,
    origins: new Map(Object.keys(values).map((key) => [key, origin])),
  };
}

export function queueFolderOf({ config, stateFolder }: MtaPlace): string {
  return config.QueueDirectory ?? join(stateFolder, 'mqueue');
}

/** Null where there is none and need not be. */
function readConfig(path: string, mayBeMissing: boolean): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (mayBeMissing && isMissing) return null;
    throw fileError(error, path);
  }
}

function tryOut(folder: string): Readonly<Record<string, unknown>> {
  return {
    DaemonPortOptions: TRY_OUT_PORTS,
    MailboxPath: join(folder, 'mail', '%u'),
    LogFile: join(folder, 'maillog'),
    StatusFile: join(folder, 'sendmail.st'),
  };
}
