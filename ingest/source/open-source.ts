/**
 * A source of log bytes, ready to be read: an input, told apart by content, decompressed, from an offset on,
 * in blocks of whole lines.
 *
 * Promise: the loop over a source never throws. What could not be read is its last item, of kind `error`.
 */
import type { Input, OpenInput } from './input.ts';
import { openInput } from './input.ts';
import { BLOCK_SIZE, lineBlocks, MAX_LINE, type SourceItem } from './line-blocks.ts';

/** A file not written for this long is taken to be complete. */
export const QUIET_MS = 60_000;
const SMALLEST_BLOCK = 64 * 1024;

export interface SourceOptions {
  /** Where to begin in the decompressed content. */
  readonly offset?: number;
  readonly blockSize?: number;
  readonly maxLine?: number;
  /**
   * What of a last line without LF? `true` takes it, `false` leaves it for the next time. `if-quiet`, the
   * default, leaves it where more may follow: in a plain file or a damaged archive (one that is being
   * written is cut off too) that was modified less than a minute ago.
   */
  readonly takeUnterminated?: boolean | 'if-quiet';
}

export interface Source extends AsyncIterable<SourceItem> {
  readonly name: string;
  /** Bytes of the file itself, compressed or not; undefined for a stream. */
  readonly totalBytes: number | undefined;
  /** How many of them were read, for a progress bar; up to a block ahead of the items. */
  bytesConsumed(): number;
  /** May be called at any time, more than once; needed only where the loop was not run to its end. */
  close(): Promise<void>;
}

/** Nothing is opened before the first item is asked for. A source can be read once. */
export function openSource(input: Input, options: SourceOptions = {}): Source {
  let opened: OpenInput | undefined;
  let started = false;
  async function* items(): AsyncGenerator<SourceItem> {
    started = true;
    opened = await openInput(input, options.offset);
    try {
      yield* readItems(input, opened, options);
    } finally {
      await opened.bytes.close();
    }
  }
  const iterator = items();
  return {
    name: input.name,
    totalBytes: input.kind === 'file' ? input.fileSize : undefined,
    bytesConsumed: () => opened?.position() ?? 0,
    [Symbol.asyncIterator]: () => iterator,
    async close() {
      // A read that waits for a stream would hold up the end of the loop.
      if (input.kind === 'stream' && started) await input.reader().close();
      await iterator.return(undefined);
    },
  };
}

function readItems(
  input: Input,
  opened: OpenInput,
  options: SourceOptions,
): AsyncGenerator<SourceItem> {
  const { offset = 0, blockSize = BLOCK_SIZE, maxLine = MAX_LINE } = options;
  return lineBlocks(opened.bytes, {
    offset,
    maxLine,
    blockSize: fitBlock(input, opened, { offset, blockSize }),
    takeRest: () => takesRest(opened, options.takeUnterminated ?? 'if-quiet'),
  });
}

/** A block no larger than a small plain file needs: a thousand small files allocate little. */
function fitBlock(
  input: Input,
  opened: OpenInput,
  { offset, blockSize }: { readonly offset: number; readonly blockSize: number },
): number {
  if (input.kind !== 'file' || opened.format !== 'plain') return blockSize;
  return Math.min(blockSize, Math.max(SMALLEST_BLOCK, input.fileSize - offset));
}

async function takesRest(opened: OpenInput, choice: boolean | 'if-quiet'): Promise<boolean> {
  if (choice !== 'if-quiet') return choice;
  if (opened.format !== 'plain' && opened.bytes.failure() === undefined) return true;
  const modified = await opened.modifiedAt();
  // A time far in the future is another clock's, and says nothing of being written now.
  return modified === undefined || Math.abs(Date.now() - modified) >= QUIET_MS;
}
