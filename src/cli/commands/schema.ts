/** `maillog schema`: the public views and their columns, as the store has them. */
import type { ExitCode } from '../../model/errors.ts';
import { maillogError } from '../../model/errors.ts';
import { VIEW_NAMES } from '../../store/duckdb/views.ts';
import type { CommandContext } from '../context.ts';
import { openMemory } from '../open-store.ts';
import type { Options } from '../program.ts';
import { show } from './lists.ts';

const COLUMNS = `
SELECT table_name AS view, column_name AS "column",
  CASE WHEN data_type LIKE 'ENUM%' THEN replace(replace(data_type, 'ENUM(', ''), ')', '') ELSE lower(data_type) END AS type
FROM information_schema.columns WHERE table_schema = 'main' AND ($view = '' OR table_name = $view)
ORDER BY table_name, ordinal_position`;

export async function runSchema(
  context: CommandContext,
  options: Options,
  [view = '']: readonly string[],
): Promise<ExitCode> {
  if (view !== '' && !VIEW_NAMES.includes(view)) {
    throw maillogError('E_UNKNOWN_NAME', {
      kind: 'view',
      name: view,
      known: VIEW_NAMES.join(', '),
    });
  }
  const store = await openMemory();
  try {
    return await show(context, options, await store.query(COLUMNS, { view }));
  } finally {
    await store.close();
  }
}
