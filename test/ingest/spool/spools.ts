/**
 * Spools for tests: temporary folders, frames by chance, and everything a reader gives.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { FRAME_KINDS, type Frame } from '../../../ingest/listen/inlet.ts';
import type { RecoveredRecord } from '../../../ingest/spool/recovery.ts';
import type { SpoolBlock } from '../../../ingest/spool/spool-reader.ts';
import { SpoolReader } from '../../../ingest/spool/spool-reader.ts';
import type { SpoolOptions } from '../../../ingest/spool/spool-writer.ts';
import { SpoolWriter } from '../../../ingest/spool/spool-writer.ts';
import type { RandomSource } from '../../support/random.ts';

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'maillog-spool-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function openWriter(folder: string, options: Partial<SpoolOptions> = {}) {
  return SpoolWriter.open({ folder, start: 0, limitBytes: 1e9, ...options });
}

export function line(text: string, length = text.length): Frame {
  return { kind: 'line', bytes: Buffer.from(text, 'latin1'), length };
}

export function randomBytes(random: RandomSource, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

/** Bytes without LF, as frames have them; mostly short. */
export function randomLine(random: RandomSource): Buffer {
  const length = random.chance(0.01) ? random.below(20_000) : random.below(120);
  const bytes = randomBytes(random, length);
  return bytes.map((byte) => (byte === 0x0a ? 0x20 : byte)) as Buffer;
}

export function randomFrame(random: RandomSource): Frame {
  const bytes = randomLine(random);
  const kind = random.chance(0.9) ? 'line' : random.pick(FRAME_KINDS);
  return { kind, bytes, length: bytes.length + random.below(100) };
}

/** Waits until all that was put is in the files. */
export function written(writer: SpoolWriter): Promise<void> {
  const { end } = writer;
  if (writer.written >= end) return Promise.resolve();
  return new Promise((resolve) => {
    writer.onWritten((position) => {
      if (position >= end) resolve();
    });
  });
}

/** All blocks up to `end`, with bytes of their own. */
export async function readBlocks(
  reader: SpoolReader,
  end: number,
  maxBytes = 64 * 1024,
): Promise<SpoolBlock[]> {
  const blocks: SpoolBlock[] = [];
  for (;;) {
    const block = await reader.read({ end, maxBytes });
    if (block === undefined) return blocks;
    blocks.push({ ...block, bytes: Buffer.from(block.bytes) });
  }
}

/** All lines from `start` to `end` as texts. */
export async function readLines(folder: string, start: number, end: number): Promise<string[]> {
  const reader = await SpoolReader.open(folder, start);
  const blocks = await readBlocks(reader, end);
  await reader.close();
  return blocks.flatMap((block) =>
    block.kind === 'lines' ? block.bytes.toString('latin1').split('\n').slice(0, -1) : [],
  );
}

/** Collects what a recovery tells of. */
export function collector() {
  const records: (RecoveredRecord & { readonly text: string })[] = [];
  const events: string[] = [];
  return {
    records,
    events,
    onRecovered: (record: RecoveredRecord) => {
      const bytes = Buffer.from(record.bytes);
      records.push({ ...record, bytes, text: bytes.toString('latin1') });
    },
    onEvent: (kind: string) => {
      events.push(kind);
    },
  };
}

export async function segmentNames(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.seg')).sort();
}
