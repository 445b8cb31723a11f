import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { mkdir, open, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { HEADER_BYTES, MAX_PAYLOAD_BYTES } from '../../../ingest/spool/record.ts';
import type { SegmentFile } from '../../../ingest/spool/segment-chain.ts';
import { segmentPath } from '../../../ingest/spool/segments.ts';
import type { SpoolWriter } from '../../../ingest/spool/spool-writer.ts';
import { randomSource } from '../../support/random.ts';
import {
  collector,
  line,
  openWriter,
  randomFrame,
  readLines,
  segmentNames,
  temporaryFolder,
  written,
} from './spools.ts';

const LINE_BYTES = HEADER_BYTES + 100;
const HUNDRED = line('x'.repeat(100));

async function put(writer: SpoolWriter, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) writer.put(HUNDRED, 0);
  await written(writer);
}

suite('a spool', () => {
  test('holds what was put, with its positions, after it was opened again', async (t) => {
    const folder = await temporaryFolder(t);
    const random = randomSource(1);
    const wanted: unknown[] = [];
    let start = 0;
    for (let round = 0; round < 6; round += 1) {
      const found = collector();
      const writer = await openWriter(folder, { segmentBytes: 4000, start, ...found });
      assert.deepEqual(
        found.records.map(({ kind, text, session, end }) => ({ kind, text, session, end })),
        wanted,
      );
      assert.deepEqual(found.events, []);
      for (let i = 0; i < 100; i += 1) {
        const frame = randomFrame(random);
        const end = writer.put(frame, i);
        const text = Buffer.from(frame.bytes).toString('latin1');
        wanted.push({ kind: frame.kind, text, session: i, end });
        if (random.chance(0.1)) await written(writer);
      }
      writer.opened(round, 'péer');
      const text = Buffer.from('péer').toString('latin1');
      wanted.push({ kind: 'opened', text, session: round, end: writer.end });
      writer.closed(round);
      wanted.push({ kind: 'closed', text: '', session: round, end: writer.end });
      await writer.close();
      assert.equal(writer.written, writer.end);
      start = random.below(writer.end);
    }
  });

  test('has copied a frame when put returns', async (t) => {
    const folder = await temporaryFolder(t);
    const writer = await openWriter(folder);
    const bytes = Buffer.from('first');
    writer.put({ kind: 'line', bytes, length: 5 }, 0);
    bytes.write('wrong');
    await writer.close();
    assert.deepEqual(await readLines(folder, 0, writer.end), ['first']);
  });

  test('is for its owner only', async (t) => {
    const folder = join(await temporaryFolder(t), 'new', 'spool');
    const writer = await openWriter(folder);
    await put(writer, 1);
    await writer.close();
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    assert.equal((await stat(segmentPath(folder, 0))).mode & 0o777, 0o600);
  });

  test('rolls at its segment size and never within a record', async (t) => {
    const folder = await temporaryFolder(t);
    const writer = await openWriter(folder, { segmentBytes: LINE_BYTES * 3 + 50 });
    await put(writer, 10);
    writer.put(line('y'.repeat(5000)), 0);
    writer.put(HUNDRED, 0);
    await writer.close();
    const starts = (await segmentNames(folder)).map((name) => Number(name.slice(0, 16)));
    const afterLong = LINE_BYTES * 10 + HEADER_BYTES + 5000;
    assert.deepEqual(starts, [0, 3, 6, 9].map((n) => n * LINE_BYTES).concat(1200, afterLong));
    assert.equal(writer.diskBytes, writer.end);
  });

  test('takes nothing after close, and closing twice is closing once', async (t) => {
    const writer = await openWriter(await temporaryFolder(t));
    writer.put(HUNDRED, 0);
    const closing = writer.close();
    assert.throws(() => writer.put(HUNDRED, 0), /closed/);
    writer.opened(1, 'peer');
    writer.closed(1);
    await Promise.all([closing, writer.close()]);
    assert.equal(writer.written, LINE_BYTES);
  });

  test('keeps how a line began that is too long for a record', async (t) => {
    const folder = await temporaryFolder(t);
    const writer = await openWriter(folder);
    writer.put({ kind: 'line', bytes: Buffer.alloc(MAX_PAYLOAD_BYTES + 1), length: 2e6 }, 3);
    await writer.close();
    const found = collector();
    await (await openWriter(folder, found)).close();
    const [record] = found.records;
    assert.deepEqual(
      [record?.kind, record?.bytes.length, record?.length, record?.session],
      ['overlong', MAX_PAYLOAD_BYTES, 2e6, 3],
    );
  });

  test('goes on at the start it is told where files were lost', async (t) => {
    const folder = await temporaryFolder(t);
    let writer = await openWriter(folder);
    await put(writer, 3);
    await writer.close();
    const found = collector();
    writer = await openWriter(folder, { start: 5000, ...found });
    assert.deepEqual(found.events, ['lost']);
    assert.equal(writer.put(HUNDRED, 0), 5000 + LINE_BYTES);
    await writer.close();
    assert.deepEqual(await readLines(folder, 5000, writer.end), ['x'.repeat(100)]);
    await (await openWriter(folder, { start: 5000, ...found })).close();
    assert.deepEqual(found.events, ['lost'], 'what is in the store is not missed twice');
    await (await openWriter(folder, { start: 0, ...found })).close();
    assert.deepEqual(found.events, ['lost', 'gap'], 'what is not in the store is missed');
  });

  test('starts anywhere in an empty folder, without a word, and leaves other files alone', async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'notes.txt'), 'mine');
    await mkdir(join(folder, '123.seg'));
    const found = collector();
    const writer = await openWriter(folder, { start: 777, ...found });
    await put(writer, 1);
    await writer.close();
    assert.deepEqual(found.events, []);
    assert.deepEqual(await readLines(folder, 777, writer.end), ['x'.repeat(100)]);
    assert.equal((await stat(join(folder, 'notes.txt'))).size, 4);
  });
});

suite('what the store has', () => {
  test('is deleted by whole segments, less what is to be kept', async (t) => {
    const folder = await temporaryFolder(t);
    const writer = await openWriter(folder, {
      segmentBytes: LINE_BYTES * 2,
      keepBytes: LINE_BYTES * 3,
    });
    const told: number[] = [];
    writer.onCommitted((position) => told.push(position));
    writer.onCommitted((position) => told.push(-position));
    await put(writer, 10);
    const places = [4, 7, 7, 6, 10].map((lines) => lines * LINE_BYTES);
    for (const position of places) writer.committed(position);
    assert.equal(writer.committedPosition, 10 * LINE_BYTES);
    await writer.close();
    assert.deepEqual(told, [480, -480, 840, -840, 1200, -1200]);
    assert.deepEqual(
      (await segmentNames(folder)).map((name) => Number(name.slice(0, 16)) / LINE_BYTES),
      [6, 8],
    );
    assert.equal(writer.diskBytes, LINE_BYTES * 4);
  });

  test('is kept where it is the segment being written', async (t) => {
    const folder = await temporaryFolder(t);
    const writer = await openWriter(folder, { keepBytes: 0 });
    await put(writer, 3);
    writer.committed(writer.end);
    await writer.close();
    assert.equal((await segmentNames(folder)).length, 1);
  });
});

suite('a spool is full', () => {
  test('while it is too far ahead of the store', async (t) => {
    const folder = await temporaryFolder(t);
    const writer = await openWriter(folder, { limitBytes: LINE_BYTES * 3 });
    let rooms = 0;
    writer.onRoom(() => {
      rooms += 1;
    });
    writer.onRoom(() => {
      rooms += 10;
    });
    await put(writer, 3);
    assert.equal(writer.isFull, false);
    await put(writer, 1);
    assert.equal(writer.isFull, true);
    writer.committed(1);
    assert.equal(rooms, 0);
    writer.committed(LINE_BYTES);
    assert.equal(writer.isFull, false);
    assert.equal(rooms, 11);
    writer.committed(LINE_BYTES * 2);
    assert.equal(rooms, 11);
    await writer.close();
    const again = await openWriter(folder, { limitBytes: LINE_BYTES, start: LINE_BYTES });
    assert.equal(again.isFull, true);
    again.onRoom(() => {
      rooms += 100;
    });
    again.committed(again.end);
    assert.equal(rooms, 111);
    await again.close();
  });

  test('again when who was told of room puts at once', async (t) => {
    const writer = await openWriter(await temporaryFolder(t), { limitBytes: LINE_BYTES });
    let rooms = 0;
    writer.onRoom(() => {
      rooms += 1;
      for (let i = 0; i < 3; i += 1) writer.put(HUNDRED, 0);
    });
    await put(writer, 3);
    for (let round = 1; round <= 4; round += 1) {
      writer.committed(writer.end);
      assert.equal(rooms, round);
      assert.equal(writer.isFull, true);
      await written(writer);
    }
    await writer.close();
  });

  test('while too much waits in memory', async (t) => {
    const writer = await openWriter(await temporaryFolder(t));
    const room = new Promise<void>((resolve) => {
      writer.onRoom(resolve);
    });
    for (let i = 0; !writer.isFull; i += 1) {
      assert.ok(i < 200);
      writer.put(line('x'.repeat(100_000)), 0);
    }
    assert.ok(writer.bytesBuffered > 8 * 1024 * 1024);
    await room;
    assert.equal(writer.isFull, false);
    await writer.close();
  });
});

/** Files on a disk of so many bytes, of which any may turn out not to be there. */
class SmallDisk {
  free: number;
  /** Most that one write takes: writes may be short. */
  piece = Number.POSITIVE_INFINITY;
  truncates = true;
  syncs = true;
  readonly sizes = new Map<string, number>();

  constructor(free: number) {
    this.free = free;
  }

  readonly openSegment = async (path: string): Promise<SegmentFile> => {
    const handle = await open(path, 'a+');
    await handle.close();
    const file = await open(path, 'r+');
    const resize = (bytes: number): void => {
      this.free -= bytes - (this.sizes.get(path) ?? 0);
      this.sizes.set(path, bytes);
    };
    return {
      write: async (bytes, offset, length, position) => {
        const size = this.sizes.get(path) ?? 0;
        const fits = Math.min(length, this.piece, this.free + size - position);
        if (fits <= 0) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
        const result = await file.write(bytes, offset, fits, position);
        resize(Math.max(size, position + result.bytesWritten));
        return result;
      },
      truncate: async (length) => {
        if (!this.truncates) throw new Error('EIO: no');
        await file.truncate(length);
        resize(length);
      },
      datasync: async () => {
        if (!this.syncs) throw new Error('EIO: no');
      },
      close: () => file.close(),
    };
  };
}

suite('a disk that is full', () => {
  for (const truncates of [true, false]) {
    test(`loses and doubles nothing${truncates ? '' : ', also if the rest stays behind'}`, async (t) => {
      const folder = await temporaryFolder(t);
      const disk = new SmallDisk(1000);
      Object.assign(disk, { piece: 333, truncates });
      const found = collector();
      const options = { segmentBytes: 2500, openSegment: disk.openSegment, ...found };
      const writer = await openWriter(folder, options);
      const ends: number[] = [];
      writer.onWritten((end) => ends.push(end));
      const texts = Array.from({ length: 100 }, (_, i) => `${i} `.padEnd(100, 'x'));
      for (const text of texts.slice(0, 50)) writer.put(line(text), 0);
      const room = new Promise<void>((resolve) => {
        writer.onRoom(resolve);
      });
      while (found.events.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal(writer.isFull, true);
      assert.equal(writer.written, LINE_BYTES * 8, 'what was whole is to be read');
      assert.equal((await stat(segmentPath(folder, 0))).size, truncates ? LINE_BYTES * 8 : 1000);
      for (const text of texts.slice(50)) writer.put(line(text), 0);
      disk.free += 1e6;
      await room;
      assert.deepEqual(found.events, ['write-failed', 'write-recovered']);
      assert.ok(ends.every((end) => end % LINE_BYTES === 0));
      await writer.close();
      assert.deepEqual(await readLines(folder, 0, writer.end), texts);
    });
  }

  test('is written again as soon as the store gave room back', async (t) => {
    const folder = await temporaryFolder(t);
    const disk = new SmallDisk(LINE_BYTES * 9);
    const found = collector();
    const { openSegment } = disk;
    const options = { segmentBytes: LINE_BYTES * 4, keepBytes: 0, openSegment, ...found };
    const writer = await openWriter(folder, options);
    for (let i = 0; i < 12; i += 1) writer.put(HUNDRED, 0);
    while (found.events.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(writer.written, LINE_BYTES * 9);
    disk.free += LINE_BYTES * 8;
    writer.committed(LINE_BYTES * 8);
    await written(writer);
    assert.equal(writer.isFull, false);
    await writer.close();
  });

  test('makes close fail, with what was written kept', async (t) => {
    const folder = await temporaryFolder(t);
    const disk = new SmallDisk(1000);
    const writer = await openWriter(folder, { openSegment: disk.openSegment });
    for (let i = 0; i < 20; i += 1) writer.put(HUNDRED, 0);
    await assert.rejects(writer.close(), /1440 bytes could not be written/);
    assert.equal((await readLines(folder, 0, writer.written)).length, 8);
  });

  test('lets close write once more', async (t) => {
    const folder = await temporaryFolder(t);
    const disk = new SmallDisk(1000);
    const found = collector();
    const writer = await openWriter(folder, { openSegment: disk.openSegment, ...found });
    for (let i = 0; i < 20; i += 1) writer.put(HUNDRED, 0);
    while (found.events.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    disk.free += 1e6;
    await writer.close();
    assert.equal((await readLines(folder, 0, writer.end)).length, 20);
  });

  test('a failing sync is told once, and writing goes on', async (t) => {
    const folder = await temporaryFolder(t);
    const disk = new SmallDisk(1e6);
    disk.syncs = false;
    const found = collector();
    const writer = await openWriter(folder, { openSegment: disk.openSegment, ...found });
    await put(writer, 5);
    for (let i = 0; i < 1000 && found.events.length === 0; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.deepEqual(found.events, ['sync-failed']);
    await put(writer, 5);
    disk.syncs = true;
    await writer.close();
    assert.equal((await readLines(folder, 0, writer.end)).length, 10);
  });

  test('a folder that is gone is a write that failed', async (t) => {
    const folder = await temporaryFolder(t);
    const found = collector();
    const writer = await openWriter(folder, { ...found });
    await rm(folder, { recursive: true });
    writer.put(HUNDRED, 0);
    while (found.events.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await mkdir(folder);
    await writer.close();
    assert.deepEqual(found.events, ['write-failed', 'write-recovered']);
    assert.equal((await readLines(folder, 0, writer.end)).length, 1);
  });
});
