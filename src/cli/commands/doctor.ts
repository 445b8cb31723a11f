/**
 * `maillog doctor [FILE...]`: why is this empty? Looks at what an answer depends on, in the order in which
 * one thing rests on another (configuration, daemon, store, logs, lines, clocks), and says of each whether it
 * is well and what to do. What is well takes few lines.
 *
 * Promise: nothing is written. Exit 1 if anything is wrong; what is only doubtful is no failure.
 */
import type { RowFormat } from '../../../reports/render/render-rows.ts';
import type { ExitCode } from '../../model/errors.ts';
import type { CommandContext } from '../context.ts';
import { askDaemon } from '../doctor/daemon-state.ts';
import { checkFiles } from '../doctor/file-checks.ts';
import { type Finding, fine, wrong } from '../doctor/finding.ts';
import { checkDaemon } from '../doctor/live-checks.ts';
import { renderFindings } from '../doctor/render-findings.ts';
import { checkStore } from '../doctor/store-checks.ts';
import { print } from '../io.ts';
import type { Options } from '../program.ts';

export async function runDoctor(
  context: CommandContext,
  options: Options,
  args: readonly string[],
): Promise<ExitCode> {
  const daemon = await askDaemon(context.config.settings.db);
  const findings = [
    checkNode(process.versions.node),
    checkConfig(context),
    ...checkDaemon(context, daemon),
    ...(await checkStore(context, daemon, args.length > 0)),
    ...(await checkFiles(context, args)),
  ];
  await print(context.io, renderFindings(findings, options.format as RowFormat, context));
  return findings.some(({ verdict }) => verdict === 'fail') ? 1 : 0;
}

/** As package.json's `engines` says; a test holds the two together. */
export const LEAST_NODE: readonly [number, number] = [20, 19];

export function checkNode(version: string): Finding {
  const check = 'node';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [least, leastMinor] = LEAST_NODE;
  if (major > least || (major === least && minor >= leastMinor)) return fine(check, version);
  return wrong(check, `${version} is too old`, `install Node ${LEAST_NODE.join('.')} or newer`);
}

/** A file with a mistake in it never gets here: every command refuses it, with its line. */
function checkConfig({ config, zone }: CommandContext): Finding {
  const files = config.files.length === 0 ? 'no file' : `read ${config.files.join(', ')}`;
  const { timezone } = config.origins;
  const from = timezone === 'default' ? "the system's" : timezone;
  return fine('configuration', `${files}; days and hours are those of ${zone} (${from})`);
}
