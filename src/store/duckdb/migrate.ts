/** Brings a file's schema up to date, one version a transaction. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { MIGRATIONS, SCHEMA_VERSION } from './migrations.ts';
import { queryWith } from './query.ts';
import { inTransaction } from './store-session.ts';
import { VIEWS } from './views.ts';

/** Makes or upgrades tables and views; may be repeated. A newer file than this program is refused. */
export async function migrate(connection: DuckDBConnection): Promise<void> {
  await connection.run('CREATE SCHEMA IF NOT EXISTS raw');
  await connection.run(
    'CREATE TABLE IF NOT EXISTS raw.schema_versions (version INTEGER, applied_at TIMESTAMP)',
  );
  const current = await schemaVersion(connection);
  if (current > SCHEMA_VERSION) {
    throw new Error(
      `the store has schema version ${current}, this maillog knows ${SCHEMA_VERSION}`,
    );
  }
  for (const { version, statements } of MIGRATIONS) {
    if (version <= current) continue;
    const mark = `INSERT INTO raw.schema_versions VALUES (${version}, now()::TIMESTAMP)`;
    await inTransaction(connection, [...statements, mark]);
  }
  if (current < SCHEMA_VERSION) for (const view of VIEWS) await connection.run(view);
}

export async function schemaVersion(connection: DuckDBConnection): Promise<number> {
  const { rows } = await queryWith(
    connection,
    'SELECT coalesce(max(version), 0) AS version FROM raw.schema_versions',
    {},
  );
  return Number(rows[0]?.version ?? 0);
}
