/** `maillog version`: what a bug report should name. */
import type { ExitCode } from '../../model/errors.ts';
import type { CommandContext } from '../context.ts';
import { print } from '../io.ts';
import { VERSION } from '../version.ts';

export async function runVersion(context: CommandContext): Promise<ExitCode> {
  const { version } = await import('@duckdb/node-api');
  await print(context.io, `maillog ${VERSION} (DuckDB ${version()}, Node ${process.version})\n`);
  return 0;
}
