/**
 * What can be read: a file, which can be read again from any place, or a stream, which is read once.
 * And the way from either to decompressed bytes.
 */
import type { Readable } from 'node:stream';
import type { ByteReader } from './byte-reader.ts';
import { FileReader, StreamReader } from './byte-reader.ts';
import type { Format } from './decompress.ts';
import { DecompressingReader, detectFormat, MAGIC_LENGTH } from './decompress.ts';

export interface FileInput {
  readonly kind: 'file';
  readonly name: string;
  readonly path: string;
  /** Bytes of the file, compressed or not, when it was looked at; for a progress bar. */
  readonly fileSize: number;
}

/** Standard input, a pipe, a device. */
export interface StreamInput {
  readonly kind: 'stream';
  readonly name: string;
  /** The one reader over the stream: the same at every call. */
  reader(): StreamReader;
}

export type Input = FileInput | StreamInput;

/** An input that is read once; the stream is opened when the first byte is asked for. */
export function streamInput(name: string, open: () => Readable): StreamInput {
  let reader: StreamReader | undefined;
  return {
    kind: 'stream',
    name,
    reader() {
      reader ??= new StreamReader(open());
      return reader;
    },
  };
}

/** An opened input: `bytes` are decompressed, `position` counts what was read of the file itself. */
export interface OpenInput {
  readonly format: Format;
  readonly bytes: ByteReader;
  position(): number;
  /** When the file was last written, in milliseconds; undefined for streams. */
  modifiedAt(): Promise<number | undefined>;
}

/** Opens a file's decompressed bytes from `offset` on: a plain file seeks, an archive is read up to there. */
export async function openFile(input: FileInput, offset = 0): Promise<OpenInput> {
  const file = new FileReader(input.path);
  const format = detectFormat(await readHead(file, MAGIC_LENGTH));
  file.seek(format === 'plain' ? offset : 0);
  let bytes: ByteReader = file;
  if (format !== 'plain') {
    const reader = new DecompressingReader(file, format);
    await reader.discard(offset);
    bytes = reader;
  }
  return {
    format,
    bytes,
    position: () => file.position(),
    modifiedAt: () => file.modifiedAt(),
  };
}

/** Opens a stream's decompressed bytes from `offset` on; everything is read, nothing can be sought. */
export async function openStream(input: StreamInput, offset = 0): Promise<OpenInput> {
  const stream = input.reader();
  const head = await readHead(stream, MAGIC_LENGTH);
  stream.unread(head);
  const format = detectFormat(head);
  const bytes = format === 'plain' ? stream : new DecompressingReader(stream, format);
  await discard(bytes, offset);
  return {
    format,
    bytes,
    position: () => stream.position(),
    modifiedAt: async () => undefined,
  };
}

export function openInput(input: Input, offset = 0): Promise<OpenInput> {
  return input.kind === 'file' ? openFile(input, offset) : openStream(input, offset);
}

/** Reads up to `length` bytes; fewer only at the end. */
export async function readHead(reader: ByteReader, length: number): Promise<Buffer> {
  const head = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const count = await reader.readInto(head, filled);
    if (count === 0) break;
    filled += count;
  }
  return head.subarray(0, filled);
}

async function discard(reader: ByteReader, count: number): Promise<void> {
  const scratch = Buffer.allocUnsafe(64 * 1024);
  for (let left = count; left > 0; ) {
    const read = await reader.readInto(scratch.subarray(0, Math.min(left, scratch.length)), 0);
    if (read === 0) return;
    left -= read;
  }
}
