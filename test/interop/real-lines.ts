/**
 * Real sendmail's log lines for real senders, and what a store of ours holds after reading them from a file:
 * what it must hold after they came over the network.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runMaillog } from '../../src/cli/program.ts';
import { DuckDbStore } from '../../src/store/duckdb/duckdb-store.ts';
import { EVENT_TABLES } from '../../src/store/schema.ts';
import { memoryIo } from '../cli/memory-io.ts';
import { digestOf, type StoreDigest } from '../e2e/store-digest.ts';

const FIXTURES = resolve('test/fixtures/sendmail');
const STAMP = /^Nov 24 /;

/** All of the lab's lines with traditional stamps, in the order of time. */
export function realLines(): readonly string[] {
  const logs = readdirSync(FIXTURES)
    .filter((name) => /^\w+\.maillog$/.test(name))
    .map((name) => readFileSync(join(FIXTURES, name), 'utf8').trimEnd().split('\n'));
  return logs
    .toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1))
    .flat()
    .filter((line) => line !== '');
}

/** The same with stamps of RFC 3339, as rsyslog forwards them by default. */
export function isoLines(): readonly string[] {
  return realLines().map((line) =>
    line.replace(STAMP, '2026-11-24T').replace(/^(\S+)/, '$1+00:00'),
  );
}

export async function storeOfFile(
  folder: string,
  name: string,
  lines: readonly string[],
): Promise<{ readonly db: string; readonly digest: StoreDigest }> {
  const [db, log] = [join(folder, `${name}.duckdb`), join(folder, `${name}.log`)];
  writeFileSync(log, `${lines.join('\n')}\n`);
  const io = memoryIo({
    env: { HOME: folder, MAILLOG_TIMEZONE: 'UTC', MAILLOG_DB: db },
    cwd: folder,
  });
  assert.equal(await runMaillog(['ingest', log], io), 0, io.written().stderr);
  const digest = await digestOf(db);
  assert.equal(Number(digest.ledger.read), lines.length);
  assert.equal(Number(digest.ledger.unsupported), 0);
  return { db, digest };
}

/**
 * What a store holds apart from when and where it was logged: for senders that put stamp and host of their
 * own before a line.
 */
export async function contentOf(db: string): Promise<Readonly<Record<string, string>>> {
  const store = await DuckDbStore.open({ path: db, readOnly: true });
  try {
    const content: Record<string, string> = {};
    for (const table of EVENT_TABLES) {
      const { rows } = await store.query(
        `SELECT count(*) AS n, coalesce(sum(hash(t)::HUGEINT), 0)::VARCHAR AS digest
         FROM (SELECT * EXCLUDE (logged_at, host) FROM ${table}) t`,
      );
      content[table] = `${rows[0]?.n} rows ${rows[0]?.digest}`;
    }
    return content;
  } finally {
    await store.close();
  }
}
