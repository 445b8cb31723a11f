/**
 * A log that is written and rotated as hosts do it, at random: renamed while its writer goes on for a while,
 * or copied and truncated; rotations are gzipped at once or later, slowly. Nothing is ever removed.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { NumberedLog } from './numbered-log.ts';
import type { RandomSource } from './random.ts';

const NAME = 'mail.log';
/** Longer than a follower waits for a file to settle. */
const STALL_MS = 700;

export class RotatingLog {
  readonly made = new NumberedLog();
  readonly path: string;
  readonly counts = { renamed: 0, truncated: 0, compressed: 0 };
  readonly #folder: string;
  readonly #random: RandomSource;
  #descriptor: number;
  /** What is not written of the lines that were begun. */
  #rest = Buffer.alloc(0);
  /** Steps until the writer notices that its file was renamed. */
  #lag = 0;

  constructor(folder: string, random: RandomSource) {
    this.#folder = folder;
    this.#random = random;
    this.path = join(folder, NAME);
    this.#descriptor = openSync(this.path, 'a');
  }

  /** All files there are, the oldest first. */
  get files(): readonly string[] {
    return this.#rotations()
      .toReversed()
      .map(({ name }) => join(this.#folder, name))
      .concat(existsSync(this.path) ? [this.path] : []);
  }

  /** Does the next thing. */
  async step(): Promise<void> {
    const chosen = this.#random.below(100);
    if (this.#lag > 0) {
      this.#lag -= 1;
      this.#write();
      if (this.#lag === 0) this.#reopen();
    } else if (chosen < 2) this.#rename();
    else if (chosen < 3) await this.#copyAndTruncate();
    else if (chosen < 6) await this.#compress();
    else this.#write();
    await sleep(this.#random.below(40));
  }

  /** Completes what was begun; nothing is written any more. */
  finish(): void {
    this.#writeRest();
    closeSync(this.#descriptor);
  }

  /** Some lines, cut anywhere, and now and then many. */
  #write(): void {
    const count = this.#random.below(100) === 0 ? 6000 : 1 + this.#random.below(40);
    const lines = Array.from({ length: count }, () => this.made.next()).flat();
    const bytes = Buffer.concat([this.#rest, Buffer.from(`${lines.join('\n')}\n`)]);
    const cut = this.#random.chance(0.5) ? bytes.length : 1 + this.#random.below(bytes.length);
    this.#rest = bytes;
    this.#put(cut);
  }

  #writeRest(): void {
    this.#put(this.#rest.length);
  }

  #put(length: number): void {
    writeSync(this.#descriptor, this.#rest, 0, length);
    this.#rest = this.#rest.subarray(length);
  }

  #rename(): void {
    if (fstatSync(this.#descriptor).size === 0) return;
    this.#shift();
    renameSync(this.path, `${this.path}.1`);
    // logrotate's `create`.
    if (this.#random.chance(0.5)) closeSync(openSync(this.path, 'a'));
    this.#lag = this.#random.below(12);
    this.counts.renamed += 1;
    if (this.#lag === 0) this.#reopen();
  }

  #reopen(): void {
    // A line is written whole to one file by every syslog daemon.
    this.#writeRest();
    closeSync(this.#descriptor);
    this.#descriptor = openSync(this.path, 'a');
  }

  /** Piece by piece, as a copy is made. A line begun would be torn in two, by whoever did this. */
  async #copyAndTruncate(): Promise<void> {
    this.#writeRest();
    const bytes = readFileSync(this.path);
    if (bytes.length === 0) return;
    this.#shift();
    await this.#writeSlowly(`${this.path}.1`, bytes);
    await sleep(this.#random.below(50));
    ftruncateSync(this.#descriptor, 0);
    this.counts.truncated += 1;
  }

  /** One of those that are plain: the file appears, grows, and only then the plain one goes. */
  async #compress(): Promise<void> {
    const plain = this.#rotations().filter(({ name }) => !name.endsWith('.gz'));
    const chosen = plain[this.#random.below(Math.max(1, plain.length))];
    if (chosen === undefined) return;
    const path = join(this.#folder, chosen.name);
    const { atime, mtime } = statSync(path);
    await this.#writeSlowly(`${path}.gz`, gzipSync(readFileSync(path)));
    utimesSync(`${path}.gz`, atime, mtime);
    await sleep(this.#random.below(50));
    unlinkSync(path);
    this.counts.compressed += 1;
  }

  async #writeSlowly(path: string, bytes: Buffer): Promise<void> {
    const descriptor = openSync(path, 'w');
    const cut = this.#random.below(bytes.length);
    writeSync(descriptor, bytes, 0, cut);
    await sleep(this.#random.chance(0.2) ? STALL_MS : this.#random.below(20));
    writeSync(descriptor, bytes, cut);
    closeSync(descriptor);
  }

  #shift(): void {
    for (const { number, name } of this.#rotations().toReversed()) {
      const to = name.replace(`.${number}`, `.${number + 1}`);
      renameSync(join(this.#folder, name), join(this.#folder, to));
    }
  }

  /** The newest first. */
  #rotations(): readonly { readonly number: number; readonly name: string }[] {
    return readdirSync(this.#folder)
      .flatMap((name) => {
        const number = Number(/^mail\.log\.(\d+)/.exec(name)?.[1] ?? 0);
        return number > 0 ? [{ number, name }] : [];
      })
      .sort((a, b) => a.number - b.number);
  }
}
