/** What a notification gives back of a message: its header, or all of it where that is not too much. */
import { open } from 'node:fs/promises';
import type { MessageFile } from '../model.ts';

const MOST_HEADER = 64 * 1024;
/** More is not sent back, and not held in memory for it. */
const MOST_MESSAGE = 4 * 1024 * 1024;

export interface OriginalMessage {
  readonly bytes: Buffer;
  readonly isWhole: boolean;
}

export async function readOriginal(
  message: MessageFile | undefined,
  wantsWhole: boolean,
): Promise<OriginalMessage> {
  if (message === undefined) return { bytes: Buffer.alloc(0), isWhole: false };
  const isWhole = wantsWhole && message.size <= MOST_MESSAGE;
  const bytes = await readStart(message, isWhole ? message.size : MOST_HEADER);
  return { bytes: isWhole ? bytes : headerOf(bytes), isWhole };
}

async function readStart({ path, size }: MessageFile, most: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.min(size, most));
  const handle = await open(path, 'r');
  try {
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    await handle.close();
  }
}

/** Up to the empty line, or to the last whole line of what there is. */
function headerOf(bytes: Buffer): Buffer {
  const end = bytes.indexOf('\n\n');
  return bytes.subarray(0, end < 0 ? bytes.lastIndexOf(0x0a) + 1 : end + 1);
}
