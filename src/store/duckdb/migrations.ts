/**
 * Schema versions in order. A migration runs once, in a transaction with the mark that it ran; views are
 * made anew at every start of a writer, since they hold no data.
 */
import { createTables } from './ddl.ts';
import { CREATE_RETENTION, RETAKE_OTHER_REJECTIONS } from './rollups.ts';

export interface Migration {
  readonly version: number;
  readonly statements: readonly string[];
}

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, statements: createTables() },
  { version: 2, statements: ['ALTER TABLE raw.sources ADD COLUMN cursor VARCHAR'] },
  { version: 3, statements: [CREATE_RETENTION, ...RETAKE_OTHER_REJECTIONS] },
  {
    version: 4,
    statements: [
      'ALTER TABLE raw.hops ADD COLUMN IF NOT EXISTS named BOOLEAN DEFAULT true',
      // Lines of the source that hops have been looked for in.
      'ALTER TABLE raw.sources ADD COLUMN IF NOT EXISTS hops_line UBIGINT',
      'UPDATE raw.sources SET hops_line = line_number',
    ],
  },
];

export const SCHEMA_VERSION = MIGRATIONS.at(-1)?.version ?? 0;
