/** `maillog config`: the settings in force and where each value came from. */
import { describeConfig } from '../../config/describe.ts';
import type { ExitCode } from '../../model/errors.ts';
import type { CommandContext } from '../context.ts';
import type { Options } from '../program.ts';
import { show } from './lists.ts';

export function runConfig(context: CommandContext, options: Options): Promise<ExitCode> {
  return show(context, options, describeConfig(context.config));
}
