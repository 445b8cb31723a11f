/**
 * Puts log lines into time order and under their syslog stamps. Sessions come in order of their
 * beginning, but what they write reaches hours ahead (retries): lines wait in a bucket per second.
 *
 * Promise: stamps never decrease; lines of one second keep the order they were added in.
 */
import { writeSync } from 'node:fs';
import { DAY_SECONDS, MAIL_HOST } from './traffic-model.ts';

export interface TextSink {
  write(text: string): void;
}

const CHUNK = 1 << 20;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Writes to an open file in large pieces; all text must be ASCII. */
export class FileSink implements TextSink {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#descriptor, bytes, done);
  }
}

export class TimeOrder {
  readonly #sink: TextSink;
  readonly #day: number;
  readonly #seconds: (string[] | undefined)[] = new Array(DAY_SECONDS);
  #next = 0;
  #text = '';
  #lines = 0;
  #bytes = 0;

  constructor(sink: TextSink, day: number) {
    this.#sink = sink;
    this.#day = day;
  }

  get lines(): number {
    return this.#lines;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** `text` is the line after the stamp and the host. */
  add(at: number, text: string): void {
    const second = Math.max(this.#next, Math.min(DAY_SECONDS - 1, Math.floor(at)));
    const bucket = this.#seconds[second];
    if (bucket) bucket.push(text);
    else this.#seconds[second] = [text];
  }

  /** Nothing earlier than `at` will be added any more. */
  advance(at: number): void {
    const end = Math.min(DAY_SECONDS, Math.floor(at));
    for (; this.#next < end; this.#next++) this.#emit(this.#next);
  }

  finish(): void {
    this.advance(DAY_SECONDS);
    this.#flush();
  }

  #emit(second: number): void {
    const bucket = this.#seconds[second];
    if (!bucket) return;
    this.#seconds[second] = undefined;
    const stamp = this.#stamp(second);
    for (const line of bucket) this.#text += `${stamp}${line}\n`;
    this.#lines += bucket.length;
    if (this.#text.length > CHUNK) this.#flush();
  }

  #flush(): void {
    this.#bytes += this.#text.length;
    this.#sink.write(this.#text);
    this.#text = '';
  }

  #stamp(second: number): string {
    const date = new Date((this.#day + second) * 1000);
    const day = String(date.getUTCDate()).padStart(2);
    return `${MONTHS[date.getUTCMonth()]} ${day} ${date.toISOString().slice(11, 19)} ${MAIL_HOST} `;
  }
}
