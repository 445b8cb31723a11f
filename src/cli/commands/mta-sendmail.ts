/** x */
import type { CommandContext } from '../context.ts';
import type { ProgramExit } from '../program.ts';
export async function runSendmail(
  _c: CommandContext,
  _args: readonly string[],
): Promise<ProgramExit> {
  return 0;
}
