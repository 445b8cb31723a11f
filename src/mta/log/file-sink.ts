/**
 * The log as a file, as rsyslogd would write it. Lines of one turn of the event loop are one write(2); each
 * ends up in the file once and whole, in order, also over a full disk.
 *
 * Promise: opened for appending, so that several programs may write; `reopen` begins the new file after a
 * rotation once what was written before is in the old one.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { fileLine, type StampForm, Stamps } from './line-form.ts';
import { LineQueue } from './line-queue.ts';
import type { LogLine, LogSink, SinkProblem } from './log-sink.ts';

export interface FileSinkOptions {
  readonly path: string;
  readonly form: StampForm;
  /** IANA name. */
  readonly zone: string;
  readonly onProblem: SinkProblem;
  readonly retryMs?: number;
}

const FILE_MODE = 0o640;

export class FileSink implements LogSink {
  readonly #options: FileSinkOptions;
  readonly #stamps: Stamps;
  readonly #queue: LineQueue;
  #handle: FileHandle | undefined;
  #isToReopen = false;
  /** What is being written, and how much of it is. */
  #bytes: Buffer | undefined;
  #written = 0;

  constructor(options: FileSinkOptions) {
    this.#options = options;
    this.#stamps = new Stamps(options.zone);
    this.#queue = new LineQueue({
      name: options.path,
      deliver: (lines) => this.#deliver(lines),
      onProblem: options.onProblem,
      ...(options.retryMs === undefined ? {} : { retryMs: options.retryMs }),
    });
  }

  write(line: LogLine): void {
    this.#queue.put(line);
  }

  reopen(): void {
    this.#isToReopen = true;
  }

  flush(): Promise<void> {
    return this.#queue.flush();
  }

  async close(): Promise<void> {
    await this.#queue.close();
    await this.#end();
  }

  async #deliver(lines: readonly LogLine[]): Promise<void> {
    if (this.#bytes === undefined) {
      const { form } = this.#options;
      const text = lines.map((line) => fileLine(line, this.#stamps, form)).join('');
      this.#bytes = Buffer.from(text, 'latin1');
      this.#written = 0;
      if (this.#isToReopen) await this.#end();
      this.#isToReopen = false;
    }
    this.#handle ??= await open(this.#options.path, 'a', FILE_MODE);
    while (this.#written < this.#bytes.length) {
      const { bytesWritten } = await this.#handle.write(this.#bytes, this.#written);
      this.#written += bytesWritten;
    }
    this.#bytes = undefined;
  }

  async #end(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
  }
}
