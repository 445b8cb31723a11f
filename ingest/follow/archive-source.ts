/**
 * A compressed rotation of a log: read once from where the store left its content, then it is over. What
 * cannot be decompressed (it is still being written, or damaged) is looked at again when the file changes.
 */
import { stat } from 'node:fs/promises';
import type { Sink } from '../../src/store/store.ts';
import type { LiveRead, LiveSource, SourceStart } from '../live/live-source.ts';
import { PRIMING_BYTES, wholeLines } from '../live/live-source.ts';
import { findCheckpoint, readIdentity } from '../source/identity.ts';
import type { FileInput } from '../source/input.ts';
import { openFile, readHead } from '../source/input.ts';
import { lineBlocks, type SourceItem } from '../source/line-blocks.ts';

export class ArchiveSource implements LiveSource {
  readonly urgent = false;
  readonly #input: FileInput;
  #items: AsyncGenerator<SourceItem> | undefined;
  #ended = false;
  #close: () => Promise<void> = async () => undefined;

  constructor(path: string, fileSize: number) {
    this.#input = { kind: 'file', name: path, path, fileSize };
  }

  get name(): string {
    return this.#input.name;
  }

  /** How much is in it cannot be known before it was read. */
  get backlog(): number {
    return this.#ended ? 0 : this.#input.fileSize;
  }

  async start(sink: Sink): Promise<SourceStart | undefined> {
    await this.close();
    const known = await findCheckpoint(this.#input, await sink.checkpoints());
    const identity = known ?? (await readIdentity(this.#input));
    const { headLength, headDigest } = identity;
    const offset = known?.offset ?? 0;
    const from = Math.max(0, offset - PRIMING_BYTES);
    const opened = await openFile(this.#input, from);
    const before = wholeLines(Buffer.from(await readHead(opened.bytes, offset - from)), from === 0);
    const complete = (): boolean => opened.bytes.failure() === undefined;
    this.#items = lineBlocks(opened.bytes, { offset, takeRest: complete });
    this.#close = () => opened.bytes.close();
    const { mtimeMs } = await stat(this.#input.path);
    return {
      identity: { name: this.name, headLength, headDigest },
      known,
      latest: Math.min(Date.now(), mtimeMs) / 1000,
      before,
    };
  }

  async read(): Promise<LiveRead> {
    const next = await this.#items?.next();
    if (next === undefined || next.done === true) {
      this.#ended = true;
      return { kind: 'ended' };
    }
    const item = next.value;
    if (item.kind !== 'error') return { kind: 'block', item };
    this.#ended = true;
    return { kind: 'ended', problem: item.message };
  }

  committed(): void {}

  async close(): Promise<void> {
    const items = this.#items;
    this.#items = undefined;
    await items?.return(undefined);
    await this.#close();
    this.#close = async () => undefined;
  }
}
