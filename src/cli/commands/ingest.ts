/** `maillog ingest`: log files into the store; with `--follow`, as they grow. */
import { setPriority } from 'node:os';
import { formatBytes, formatCount, formatDuration } from '../../../reports/render/numbers.ts';
import type { ExitCode } from '../../model/errors.ts';
import type { CommandContext } from '../context.ts';
import { followFiles } from '../follow-files.ts';
import { print } from '../io.ts';
import type { LoadResult } from '../load-files.ts';
import { loadFiles } from '../load-files.ts';
import { openWriter } from '../open-store.ts';
import type { Options } from '../program.ts';

/** As nice(1) has it. */
const LOW_PRIORITY = 10;

export async function runIngest(
  context: CommandContext,
  options: Options,
  names: readonly string[],
): Promise<ExitCode> {
  if (options.follow === true) {
    return summed(context, options, await followFiles(context, names));
  }
  const store = await openWriter(context.config.settings.db);
  let result: LoadResult;
  try {
    if (store.isShared) yieldToOthers();
    const options = { takeUnterminated: 'if-quiet', isShared: store.isShared } as const;
    result = await loadFiles(context, store, names, options);
    await store.correlate();
    await store.refreshRollups();
  } finally {
    await store.close();
  }
  return summed(context, options, result);
}

async function summed(
  context: CommandContext,
  options: Options,
  result: LoadResult,
): Promise<ExitCode> {
  const text = options.format === 'json' ? summaryJson(result) : summaryText(result, context);
  await print(context.io, text);
  return result.problems > 0 ? 1 : 0;
}

/** Who loads beside a daemon lets it have the processor: its lines are live, and people wait for its answers. */
function yieldToOthers(): void {
  try {
    setPriority(LOW_PRIORITY);
  } catch {
    // Where that is not allowed it is only slower for the others.
  }
}

function summaryJson({ counts, events, seconds }: LoadResult): string {
  const { bytes, ...lines } = counts;
  const rounded = Math.round(seconds * 1000) / 1000;
  return `${JSON.stringify({ lines, events, bytes, seconds: rounded })}\n`;
}

function summaryText({ counts, sources, seconds }: LoadResult, context: CommandContext): string {
  const files = sources === 1 ? '1 source' : `${formatCount(sources)} sources`;
  const speed = seconds > 0 ? `, ${formatCount(Math.round(counts.read / seconds))} lines/s` : '';
  const parts = (['parsed', 'foreign', 'unsupported', 'malformed', 'duplicate'] as const)
    .map((outcome) => `${outcome} ${formatCount(counts[outcome])}`)
    .join(' + ');
  return [
    `${files}, ${formatBytes(counts.bytes)} in ${formatDuration(seconds)}${speed}`,
    `lines read ${formatCount(counts.read)} = ${parts}`,
    `store: ${context.config.settings.db}`,
    '',
  ].join('\n');
}
