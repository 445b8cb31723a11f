/**
 * How many connections the limit of open files leaves room for (RLIMIT_NOFILE, getrlimit(2)). Beyond it the
 * system would close new ones without a word to us, and spool, database and control socket could open nothing.
 */
import { readFileSync } from 'node:fs';

/** Kept for the database, spools, followed logs, the control socket and HTTP. */
const RESERVE = 256;

/** The limit in force; Node has raised it as far as it may. Undefined where the system does not tell. */
export function openFileLimit(): number | undefined {
  try {
    const text = readFileSync('/proc/self/limits', 'utf8');
    const limit = Number(/^Max open files +(\d+)/m.exec(text)?.[1]);
    return Number.isNaN(limit) ? undefined : limit;
  } catch {
    return undefined;
  }
}

/** Of the wanted connections of a listener as many as fit, one at least, when `listeners` share the limit. */
export function connectionsWithin(limit: number, wanted: number, listeners: number): number {
  const free = limit - Math.min(RESERVE, Math.ceil(limit / 2));
  return Math.max(1, Math.min(wanted, Math.floor(free / Math.max(1, listeners))));
}
