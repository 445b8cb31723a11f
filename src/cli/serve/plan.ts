/**
 * What the daemon is to do, worked out of the settings: plain values, so that a thread can be handed them.
 * What can be found wrong without opening anything is found here.
 */
import type { TlsIdentity } from '../../../ingest/listen/stream-server.ts';
import type { Settings } from '../../config/settings.ts';
import { SETTINGS } from '../../config/settings.ts';
import { maillogError } from '../../model/errors.ts';
import type { CommandContext } from '../context.ts';
import { readingOf } from '../context.ts';
import type { Reading } from '../reading.ts';
import type { HostAndPort } from './addresses.ts';
import { groupNumber, httpAddress, listenAddress } from './addresses.ts';
import { readTlsIdentity } from './tls-files.ts';

export interface StorePlan {
  readonly db: string;
  /** Where exports are written before whoever asked takes them away. */
  readonly exportFolder: string;
  /** The number of the group that may take them; null: nobody else. */
  readonly group: number | null;
  readonly reading: Reading;
  readonly follow: readonly string[];
  readonly journal: readonly string[];
  /** Bytes that must stay free on the disk. */
  readonly reserve: number;
  readonly retentionDays: number;
}

export interface ServePlan {
  readonly store: StorePlan;
  readonly spoolFolder: string;
  readonly listen: readonly string[];
  /** Present where a listener needs it. */
  readonly tls: TlsIdentity | undefined;
  readonly http: HostAndPort | null;
  readonly settings: Settings;
}

const MEBIBYTE = 1024 * 1024;
/** Settings that a running daemon does not take up. */
const FIXED = [
  'db',
  'timezone',
  'year',
  'dialect',
  'hostAliases',
  'unparsedLines',
  'http',
  'group',
  'spoolMegabytes',
  'reserveMegabytes',
] as const;

/** `files` are those of the command line: they are followed besides the configured ones. */
export function makePlan(context: CommandContext, files: readonly string[]): ServePlan {
  const { settings, origins } = context.config;
  const { db, group, http } = settings;
  const follow = [...new Set([...settings.follow, ...files])];
  const listen = [...new Set(settings.listen)];
  if (follow.length + listen.length + settings.journal.length === 0) {
    throw maillogError('E_USAGE', {
      problem:
        'nothing to serve: name logs to follow, or set serve.follow, serve.listen or serve.journal in the configuration',
    });
  }
  const transports = listen.map((text) => listenAddress(text, origins.listen).transport);
  const isSecret = transports.some((transport) => transport === 'tls' || transport === 'relps');
  return {
    store: {
      db,
      exportFolder: `${db}.exports`,
      group: group === null ? null : groupNumber(group, origins.group),
      reading: plainReading(readingOf(context)),
      follow,
      journal: settings.journal,
      reserve: settings.reserveMegabytes * MEBIBYTE,
      retentionDays: settings.retentionDays,
    },
    spoolFolder: `${db}.spool`,
    listen,
    tls: isSecret ? readTlsIdentity(settings) : undefined,
    http: http === null ? null : httpAddress(http, origins.http),
    settings,
  };
}

/** Keys of settings that differ and take effect only when the daemon is started again. */
export function needsRestart(now: Settings, wanted: Settings): readonly string[] {
  return FIXED.filter((name) => JSON.stringify(now[name]) !== JSON.stringify(wanted[name])).map(
    (name) => SETTINGS[name].key,
  );
}

/** The plan in force after a reload: what is fixed stays as it was, so that the next reload still tells. */
export function takenUp(now: ServePlan, wanted: ServePlan): ServePlan {
  const fixed = Object.fromEntries(FIXED.map((name) => [name, now.settings[name]]));
  const { db, exportFolder, group, reading, reserve } = now.store;
  return {
    ...wanted,
    store: { ...wanted.store, db, exportFolder, group, reading, reserve },
    spoolFolder: now.spoolFolder,
    http: now.http,
    settings: { ...wanted.settings, ...fixed },
  };
}

/** Only what a thread can be handed: no prototype-less maps, no functions. */
function plainReading({ settings, zone, isZoneGiven }: Reading): Reading {
  const { dialect, hostAliases, year, unparsedLines } = settings;
  return {
    settings: { dialect, hostAliases: { ...hostAliases }, year, unparsedLines },
    zone,
    isZoneGiven,
  };
}
