/** Batches over the wire: the same rows, and nothing wrong ever reaches the store. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Column, RowBatch } from '../../../src/model/columns.ts';
import { decodeBatch, encodeBatch } from '../../../src/store/remote/batch-codec.ts';
import { WireError } from '../../../src/store/remote/wire.ts';
import { EVENT_TABLES } from '../../../src/store/schema.ts';
import { SampleSource, sampleBatch } from '../../support/line-batch.ts';
import { openStore } from '../../support/load-log.ts';
import { randomSource } from '../../support/random.ts';

/** Through the codec, the payloads in memory of their own as from a socket. */
function overTheWire(batch: RowBatch): RowBatch {
  const { params, payloads } = encodeBatch(batch);
  const copies = payloads.map((payload) => Uint8Array.from(payload));
  return decodeBatch(JSON.parse(JSON.stringify(params)), copies);
}

async function digest(batches: (batch: RowBatch) => RowBatch): Promise<unknown> {
  const store = await openStore();
  const append = store.append.bind(store);
  store.append = (batch) => append(batches(batch));
  await new SampleSource('one').write(store, 3000);
  const digests: unknown[] = [];
  for (const table of [...EVENT_TABLES, 'unparsed_lines', 'lines_seen']) {
    const sql = `SELECT count(*) AS n, sum(hash(t)::HUGEINT)::VARCHAR AS h FROM raw.${table} t`;
    digests.push((await store.query(sql)).rows);
  }
  await store.close();
  return digests;
}

test('the store holds the same rows', async () => {
  assert.deepEqual(await digest(overTheWire), await digest((batch) => batch));
});

test('only what is in use is sent', () => {
  const batch = sampleBatch(50);
  const decoded = overTheWire(batch);
  assert.equal(decoded.arena.length, batch.arenaLength);
  for (const { columns, rows } of decoded.tables) {
    for (const column of columns) assert.equal(cells(column), rows);
  }
});

function cells(column: Column): number {
  switch (column.kind) {
    case 'time':
      return column.micros.length;
    case 'label':
      return column.codes.length;
    case 'text':
    case 'blob':
      return column.lengths.length;
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u64':
    case 'i32':
    case 'f64':
      return column.values.length;
  }
}

const textColumn = (batch: RowBatch, table: string) => {
  const columns = batch.tables.find(({ table: name }) => name === table)?.columns ?? [];
  const column = columns.find(({ kind }) => kind === 'text');
  assert.ok(column?.kind === 'text');
  return column;
};

test('a batch that is wrong is an error', () => {
  const spoil: Readonly<Record<string, (batch: RowBatch) => void>> = {
    'a start before the arena': (batch) => textColumn(batch, 'deliveries').starts.fill(-1),
    'an end after the arena': (batch) => {
      textColumn(batch, 'deliveries').starts.fill(batch.arenaLength);
      textColumn(batch, 'deliveries').lengths.fill(1);
    },
    'an end beyond all numbers': (batch) => {
      textColumn(batch, 'deliveries').starts.fill(2 ** 31 - 1);
      textColumn(batch, 'deliveries').lengths.fill(2 ** 31 - 1);
    },
    'a length below -1': (batch) => textColumn(batch, 'deliveries').lengths.fill(-2),
    'a label that is none': (batch) => {
      const column = batch.tables
        .find(({ table }) => table === 'deliveries')
        ?.columns.find(({ kind }) => kind === 'label');
      assert.ok(column?.kind === 'label');
      column.codes.fill(200);
    },
    'a text that is not UTF-8': (batch) => {
      const { starts, lengths } = textColumn(batch, 'deliveries');
      starts[0] = 0;
      lengths[0] = 1;
      batch.arena[0] = 0xff;
    },
    'half a character': (batch) => {
      const { starts, lengths } = textColumn(batch, 'deliveries');
      starts[0] = 0;
      lengths[0] = 1;
      batch.arena.set(Buffer.from('é'), 0);
    },
  };
  for (const [what, change] of Object.entries(spoil)) {
    const batch = sampleBatch(200);
    change(batch);
    assert.throws(() => overTheWire(batch), WireError, what);
  }
  const { params, payloads } = encodeBatch(sampleBatch(20));
  const [arena = new Uint8Array(0), cellBytes = new Uint8Array(0)] = payloads;
  for (const [what, tables, sent] of [
    ['no such table', [['nothing', 1]], payloads],
    ['a table of all', [['__proto__', 0]], payloads],
    ['too many rows', [['deliveries', 2 ** 30]], payloads],
    ['rows that are none', [['deliveries', -1]], payloads],
    ['no list', 7, payloads],
    ['too few cells', params.tables, [arena, cellBytes.subarray(8)]],
    ['too many cells', params.tables, [arena, Buffer.concat([cellBytes, Buffer.alloc(8)])]],
    ['a payload less', params.tables, [arena]],
    ['a payload more', params.tables, [...payloads, arena]],
    ['a table twice', [['hops', 0]], payloads],
    [
      'an empty table twice',
      [
        ['deliveries', 0],
        ['deliveries', 0],
      ],
      [arena, new Uint8Array(0)],
    ],
  ] as const) {
    assert.throws(() => decodeBatch({ tables }, sent), WireError, what);
  }
});

test('fuzzed cells are errors, or rows that a store takes', async () => {
  const random = randomSource(3);
  const store = await openStore();
  const { params, payloads } = encodeBatch(sampleBatch(60));
  const outcomes = { taken: 0, refused: 0 };
  for (let round = 0; round < 600; round += 1) {
    const copies = payloads.map((payload) => Uint8Array.from(payload));
    const hit = copies[random.below(2)] ?? new Uint8Array(1);
    for (let i = random.below(3); i >= 0; i -= 1) hit[random.below(hit.length)] = random.below(256);
    let batch: RowBatch;
    try {
      batch = decodeBatch(params, copies);
    } catch (error) {
      assert.ok(error instanceof WireError, String(error));
      outcomes.refused += 1;
      continue;
    }
    await store.begin();
    await store.append(batch);
    await store.commit();
    outcomes.taken += 1;
  }
  assert.ok(outcomes.taken > 50 && outcomes.refused > 50, JSON.stringify(outcomes));
  const { rows } = await store.query(
    'SELECT count(*) AS n, max(length(recipient)) AS m FROM raw.deliveries',
  );
  assert.ok(Number(rows[0]?.n) > 0);
  await store.close();
});
