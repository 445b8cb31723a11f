/**
 * Hops over several hosts: hand-made logs of three, with clocks that differ, ids that are the same on two,
 * and servers that lie. Each is loaded whole and line by line, and all of them together in
 * shuffled batches: the hops found must be the same.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { createTables } from '../../../src/store/duckdb/ddl.ts';
import { HopFinder } from '../../../src/store/duckdb/hops.ts';
import { VIEWS } from '../../../src/store/duckdb/views.ts';
import { randomSource } from '../../support/random.ts';
import type { Entry } from '../../support/three-hosts.ts';
import { from, STORIES, to } from '../../support/three-hosts.ts';

class HopStore {
  readonly #connection: Awaited<ReturnType<DuckDBInstance['connect']>>;
  readonly #finder: HopFinder;
  #line = 0;

  private constructor(connection: Awaited<ReturnType<DuckDBInstance['connect']>>) {
    this.#connection = connection;
    this.#finder = new HopFinder(connection);
  }

  static async open(): Promise<HopStore> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    for (const statement of [...createTables(), ...VIEWS]) await connection.run(statement);
    return new HopStore(connection);
  }

  /** One commit. */
  async take(entries: readonly Entry[]): Promise<readonly number[]> {
    const before = this.#line;
    await this.#connection.run('BEGIN');
    for (const { table, row } of entries) {
      this.#line += 1;
      const columns = { ...row, mta: 'sendmail', source_id: 1, line_number: this.#line };
      const values = Object.values(columns).map((cell) =>
        typeof cell === 'string' ? `'${cell.replaceAll("'", "''")}'` : String(cell),
      );
      await this.#connection.run(
        `INSERT INTO raw.${table} (${Object.keys(columns).join(', ')}) VALUES (${values.join(', ')})`,
      );
    }
    const hours = await this.#finder.find({ source: 1, line: before });
    await this.#connection.run('COMMIT');
    return hours;
  }

  async hops(): Promise<readonly string[]> {
    const reader = await this.#connection.runAndReadAll(
      `SELECT host || ' ' || queue_id || ' > ' || next_host || ' ' || next_queue_id
        || CASE WHEN named THEN '' ELSE ' unnamed' END FROM raw.hops ORDER BY ALL`,
    );
    return reader.getRows().map(([text]) => String(text));
  }

  close(): void {
    this.#connection.closeSync();
  }
}

async function hopsOf(batches: readonly (readonly Entry[])[]): Promise<readonly string[]> {
  const store = await HopStore.open();
  try {
    for (const batch of batches) await store.take(batch);
    return await store.hops();
  } finally {
    store.close();
  }
}

function shuffled(entries: readonly Entry[], seed: number): readonly Entry[] {
  const random = randomSource(seed);
  return entries
    .map((entry) => ({ entry, key: random.below(1_000_000) }))
    .sort((a, b) => a.key - b.key)
    .map(({ entry }) => entry);
}

suite('hops', () => {
  for (const [name, { entries, hops }] of Object.entries(STORIES)) {
    test(name, async () => {
      const expected = [...hops].sort();
      assert.deepEqual(await hopsOf([entries]), expected, 'whole');
      assert.deepEqual(await hopsOf(entries.map((entry) => [entry])), expected, 'line by line');
    });
  }

  test('a hop that no longer holds is taken back when the message it was said of turns up', async () => {
    const forged = [
      from('hub H1 09:00:10', '<2@h>', { relay_host: 'mx.outside.example' }),
      to('mx M1 09:00:10', 'hub', 'H1 Message accepted for delivery', { delay: 10_810 }),
    ];
    const store = await HopStore.open();
    await store.take(forged);
    assert.deepEqual(await store.hops(), ['mx M1 > hub H1']);
    const hours = await store.take([from('mx M1 06:00:00', '<1@h>')]);
    // The batch has no line of that hour.
    assert.ok(hours.includes(Date.UTC(2026, 10, 24, 9) / 3_600_000));
    assert.deepEqual(await store.hops(), []);
    store.close();
  });

  test('any order and any batches of all stories together lead to the same hops', async () => {
    const all = Object.values(STORIES).flatMap(({ entries }, story) =>
      entries.map(({ table, row }) => ({
        table,
        // A day apart, so that they do not meet.
        row: {
          ...row,
          logged_at: String(row.logged_at).replace(
            '11-24',
            `11-${String(story + 1).padStart(2, '0')}`,
          ),
        },
      })),
    );
    const expected = await hopsOf([all]);
    const mixed = shuffled(all, 1);
    const batches: Entry[][] = [];
    for (let at = 0; at < mixed.length; at += 7) batches.push(mixed.slice(at, at + 7));
    assert.deepEqual(await hopsOf(batches), expected);
  });
});
