/**
 * Where maillog's own files are: configuration and state, by the Filesystem Hierarchy Standard for root
 * and the XDG Base Directory Specification for everybody else.
 *
 * Promise: pure; a relative or empty XDG variable is ignored, as that specification demands.
 */
import { isAbsolute, join } from 'node:path';

/** What the places depend on. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
  readonly isRoot: boolean;
}

export const SYSTEM_CONFIG = '/etc/maillog/maillog.toml';
const DATABASE = 'maillog.duckdb';

function xdgFolder(around: Surroundings, variable: string, ...otherwise: string[]): string {
  const set = around.env[variable];
  return set !== undefined && isAbsolute(set) ? set : join(around.home, ...otherwise);
}

/** The configuration files read when none is named, later ones over earlier ones. */
export function usualConfigFiles(around: Surroundings): readonly string[] {
  const own = join(xdgFolder(around, 'XDG_CONFIG_HOME', '.config'), 'maillog', 'maillog.toml');
  return [SYSTEM_CONFIG, own];
}

/** The MTA's own file where none is named. */
export function usualMtaConfig(around: Surroundings): string {
  return around.isRoot
    ? '/etc/maillog/mta.toml'
    : join(xdgFolder(around, 'XDG_CONFIG_HOME', '.config'), 'maillog', 'mta.toml');
}

/** The folder for the MTA's queue and what it keeps besides. */
export function mtaStateFolder(around: Surroundings): string {
  return join(stateFolder(around), 'mta');
}

/** The folder for the database and what else maillog keeps between runs. */
export function stateFolder(around: Surroundings): string {
  return around.isRoot
    ? '/var/lib/maillog'
    : join(xdgFolder(around, 'XDG_STATE_HOME', '.local', 'state'), 'maillog');
}

export function defaultDatabase(around: Surroundings): string {
  return join(stateFolder(around), DATABASE);
}
