/** What the daemon is to do, worked out of the settings: plain values, so that a thread can be handed them. */
import { join } from 'node:path';
import type { Settings } from '../../config/settings.ts';
import { maillogError } from '../../model/errors.ts';
import type { CommandContext } from '../context.ts';
import { readingOf } from '../context.ts';
import type { Reading } from '../reading.ts';

export interface StorePlan {
  readonly db: string;
  /** Where exports are written before whoever asked takes them away. */
  readonly exportFolder: string;
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
  readonly settings: Settings;
}

const MEBIBYTE = 1024 * 1024;

/** `files` are those of the command line: they are followed besides the configured ones. */
export function makePlan(context: CommandContext, files: readonly string[]): ServePlan {
  const { settings } = context.config;
  const { db } = settings;
  const follow = [...new Set([...settings.follow, ...files])];
  if (follow.length + settings.listen.length + settings.journal.length === 0) {
    throw maillogError('E_USAGE', {
      problem:
        'nothing to serve: name logs to follow, or set serve.follow, serve.listen or serve.journal in the configuration',
    });
  }
  return {
    store: {
      db,
      exportFolder: `${db}.exports`,
      reading: plainReading(readingOf(context)),
      follow,
      journal: settings.journal,
      reserve: settings.reserveMegabytes * MEBIBYTE,
      retentionDays: settings.retentionDays,
    },
    spoolFolder: `${db}.spool`,
    listen: settings.listen,
    settings,
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

/** A folder's name for a listener: its address without what a file system minds. */
export function spoolName(folder: string, address: string): string {
  return join(folder, address.replace(/[^\w.-]+/g, '_').slice(0, 100));
}
