/**
 * Reports of periods that are over, kept beside the store until it changes: the daily report that cron
 * mailed at seven is asked for again all day. A kept report is good for one state of the store's files
 * (size, time and inode of the file and its write-ahead log, taken before the question was put), one
 * version of maillog and one question; anything else is asked anew.
 *
 * Promise: never wrong, never in the way. What cannot be read or written is simply not kept. The files
 * hold what the report holds, so only their owner may read them.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Report, ReportRequest } from '../../reports/daily.ts';
import { VERSION } from './version.ts';
import { writeAside } from './write-aside.ts';

/** A period that ended just now is one of `--last`, which is another at every call. */
const SETTLED_MS = 60_000;
/** More questions than this are not remembered: the oldest go. */
const MOST = 64;

interface Kept {
  readonly state: string;
  readonly report: Report;
}

export class KeptReports {
  readonly #folder: string;
  readonly #state: string | undefined;

  constructor(db: string) {
    this.#folder = `${db}.reports`;
    this.#state = stateOf(db);
  }

  find(request: ReportRequest): Report | undefined {
    try {
      const kept = JSON.parse(readFileSync(this.#path(request), 'utf8')) as Kept;
      return kept.state === this.#state ? kept.report : undefined;
    } catch {
      return undefined;
    }
  }

  /** Keeps a report if its period was over at `now`, and not just then. */
  keep(request: ReportRequest, report: Report, now: Date): void {
    const isOver = request.end.getTime() < now.getTime() - SETTLED_MS;
    if (this.#state === undefined || !isOver) return;
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      this.#dropOldest();
      const kept: Kept = { state: this.#state, report };
      writeAside(this.#path(request), JSON.stringify(kept), 0o600);
    } catch {
      // A store that others own: the next time it is asked anew.
    }
  }

  #path(request: ReportRequest): string {
    const question = JSON.stringify([VERSION, request]);
    const name = createHash('sha256').update(question).digest('hex').slice(0, 32);
    return join(this.#folder, `${name}.json`);
  }

  #dropOldest(): void {
    const files = readdirSync(this.#folder).map((name) => join(this.#folder, name));
    if (files.length < MOST) return;
    const aged = files.map((path) => ({ path, time: statSync(path).mtimeMs }));
    aged.sort((a, b) => a.time - b.time);
    for (const { path } of aged.slice(0, files.length - MOST + 1)) rmSync(path, { force: true });
  }
}

/** What tells one state of the store from another; undefined when there is no store. */
function stateOf(db: string): string | undefined {
  const parts = [db, `${db}.wal`].map((path) => {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? '-' : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
  });
  return parts[0] === '-' ? undefined : parts.join(' / ');
}
