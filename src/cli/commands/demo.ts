/** x */
import type { CommandContext } from '../context.ts';
export async function runDemo(_c: CommandContext): Promise<0> {
  return 0;
}
