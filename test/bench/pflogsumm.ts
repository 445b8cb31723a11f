/**
 * pflogsumm, the peer that summarises Postfix logs, out of Debian's package: found, run, read.
 * It is a Perl script; its modules come along in the unpacked folder.
 */
import { execFile } from 'node:child_process';
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { extractDebianPackages } from '../support/debian-package.ts';

export const PFLOGSUMM_PACKAGES = ['pflogsumm'];

export interface Program {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** What `Grand Totals` says; byte counts as printed, rounded to whole k or m. */
export interface PflogsummTotals {
  readonly received: number;
  readonly delivered: number;
  readonly deferred: number;
  readonly deferrals: number;
  readonly bounced: number;
  readonly rejected: number;
  readonly bytesReceived: string;
  readonly bytesDelivered: string;
}

/** Rejects, saying why, where the package or perl cannot be had. */
export async function findPflogsumm(): Promise<Program> {
  return pflogsummIn(await extractDebianPackages(PFLOGSUMM_PACKAGES));
}

export async function pflogsummIn(folder: string): Promise<Program> {
  const script = join(folder, 'usr/sbin/pflogsumm');
  await access(script);
  const modules = [join(folder, 'usr/share/perl5')];
  const libraries = join(folder, 'usr/lib');
  for (const platform of await readdir(libraries).catch(() => [])) {
    const perl = join(libraries, platform, 'perl5');
    for (const version of await readdir(perl).catch(() => [])) modules.push(join(perl, version));
  }
  await promisify(execFile)('perl', ['-v']);
  return { command: ['perl', script], environment: { PERL5LIB: modules.join(':'), LC_ALL: 'C' } };
}

export function readPflogsumm(report: string): PflogsummTotals {
  const number = (pattern: RegExp): number => Number(pattern.exec(report)?.[1] ?? Number.NaN);
  const text = (pattern: RegExp): string => pattern.exec(report)?.[1] ?? '';
  return {
    received: number(/^ *(\d+) +received$/m),
    delivered: number(/^ *(\d+) +delivered$/m),
    deferred: number(/^ *(\d+) +deferred\b/m),
    deferrals: number(/\( *(\d+) +deferrals\)/),
    bounced: number(/^ *(\d+) +bounced$/m),
    rejected: number(/^ *(\d+) +rejected\b/m),
    bytesReceived: text(/^ *(\d+[km]?) +bytes received$/m),
    bytesDelivered: text(/^ *(\d+[km]?) +bytes delivered$/m),
  };
}

/** A byte count in pflogsumm's way of rounding: k from 512 kB on, m from 512 MB on. */
export function asPflogsummBytes(bytes: number): string {
  if (bytes > 512 * 1024 * 1024) return `${Math.floor(bytes / 1024 / 1024)}m`;
  return bytes > 512 * 1024 ? `${Math.floor(bytes / 1024)}k` : String(bytes);
}
