/**
 * sendmail.st as sendmail keeps it (stats.c, markstats and poststats): counts are gathered and added to the
 * file a moment later.
 *
 * Promises: the file is never created; while it is read and written it is locked, so that several programs
 * may count in one; one that is empty, too short or of another version is begun anew, with the time of this
 * posting; a file that cannot be had now is tried again, and what was counted is kept. Where there is no
 * file, nothing is kept.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeStatistics, parseStatistics, STATISTICS_SIZE } from '../../format/sendmail-st.ts';
import { tryLock, unlock } from '../../system/file-lock.ts';
import type { MailerName } from '../model.ts';
import { Counts } from './counts.ts';

export interface StatisticsFileOptions {
  readonly path: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly onProblem: (text: string) => void;
  /** How long counts are gathered. */
  readonly delayMs?: number;
}

/** What counts only once for each connection. */
export interface ConnectionStatistics {
  /** A ruleset refused; null where there is no sender yet, as at check_relay. */
  rejected(senderMailer: MailerName | null): void;
}

const DELAY_MS = 100;
const RETRY_MS = 1_000;
const LOCK_WAIT_MS = 5;
const LOCK_TRIES = 400;
const { O_RDWR, O_NOFOLLOW } = constants;

export class StatisticsFile {
  readonly #options: StatisticsFileOptions;
  #counts = new Counts();
  #timer: NodeJS.Timeout | undefined;
  #posting: Promise<void> = Promise.resolve();
  #isIll = false;
  #isClosed = false;

  constructor(options: StatisticsFileOptions) {
    this.#options = options;
  }

  /** Somebody connected to us. */
  connection(): ConnectionStatistics {
    this.#count((counts) => counts.connectionAccepted());
    let isCounted = false;
    return {
      rejected: (senderMailer) => {
        if (isCounted) return;
        isCounted = true;
        this.#count((counts) => counts.rejected(senderMailer));
      },
    };
  }

  /** We connected to another host. */
  connected(): void {
    this.#count((counts) => counts.connectionMade());
  }

  discarded(senderMailer: MailerName | null): void {
    this.#count((counts) => counts.discarded(senderMailer));
  }

  quarantined(senderMailer: MailerName): void {
    this.#count((counts) => counts.quarantined(senderMailer));
  }

  /** A message came in, or a notification was made; by the mailer of its sender. */
  messageFrom(senderMailer: MailerName, bytes: number): void {
    this.#count((counts) => counts.messageFrom(senderMailer, bytes));
  }

  /** A delivery, to however many recipients at once. */
  messageTo(mailer: MailerName, bytes: number): void {
    this.#count((counts) => counts.messageTo(mailer, bytes));
  }

  /** Adds what was counted to the file now. */
  post(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#posting = this.#posting.then(() => this.#postOnce());
    return this.#posting;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.post();
    if (!this.#counts.isEmpty) this.#options.onProblem(`${this.#options.path}: counts are lost`);
  }

  #count(add: (counts: Counts) => void): void {
    add(this.#counts);
    this.#schedule(this.#options.delayMs ?? DELAY_MS);
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setTimeout(() => void this.post(), delayMs);
    this.#timer.unref();
  }

  async #postOnce(): Promise<void> {
    if (this.#counts.isEmpty) return;
    const counts = this.#counts;
    this.#counts = new Counts();
    try {
      await this.#add(counts);
      this.#isIll = false;
    } catch (error) {
      this.#failed(counts, error);
    }
  }

  #failed(counts: Counts, error: unknown): void {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // A site without the file wants no statistics.
    if (code === 'ENOENT') return;
    this.#counts.addAll(counts);
    if (!this.#isIll) {
      const why = error instanceof Error ? error.message : String(error);
      this.#options.onProblem(`${this.#options.path}: ${why}`);
    }
    this.#isIll = true;
    this.#schedule(RETRY_MS);
  }

  async #add(counts: Counts): Promise<void> {
    const handle = await open(this.#options.path, O_RDWR | O_NOFOLLOW);
    try {
      const stats = await handle.stat();
      // As sendmail: a link might lead to somebody else's file.
      if (!stats.isFile() || stats.nlink > 1) throw new Error('not a plain file with one name');
      await lock(handle);
      try {
        await this.#rewrite(handle, counts);
      } finally {
        unlock(handle.fd);
      }
    } finally {
      await handle.close();
    }
  }

  async #rewrite(handle: FileHandle, counts: Counts): Promise<void> {
    const bytes = Buffer.alloc(STATISTICS_SIZE);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    const found = parseStatistics(bytes.subarray(0, bytesRead));
    const now = BigInt(Math.floor(this.#options.now() / 1000));
    const sum = found.kind === 'statistics' ? counts.addedTo(found.statistics) : counts.begun(now);
    const written = encodeStatistics(sum);
    for (let at = 0; at < written.length; ) {
      at += (await handle.write(written, at, written.length - at, at)).bytesWritten;
    }
  }
}

async function lock(handle: FileHandle): Promise<void> {
  for (let tries = 0; tries < LOCK_TRIES; tries += 1) {
    if (tryLock(handle.fd)) return;
    await sleep(LOCK_WAIT_MS);
  }
  throw new Error('another program keeps it locked');
}
