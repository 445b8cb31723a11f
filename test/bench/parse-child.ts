/**
 * The parser alone, as a process of its own: reads a log by blocks and parses it, storing nothing. Twice,
 * and the second pass is reported: what V8 spends on learning the code (a third of a second) belongs to the
 * process, not to the lines. Last line: `{"lines":N,"cpuSeconds":x,"wallSeconds":y}`.
 */
import { BlockParser } from '../../ingest/pipeline/block-parser.ts';
import { SendmailDialect } from '../../ingest/sendmail/sendmail-dialect.ts';
import { expandInputs } from '../../ingest/source/expand-inputs.ts';
import type { Input } from '../../ingest/source/input.ts';
import { openSource } from '../../ingest/source/open-source.ts';

const clock = { defaultZone: () => 0, latest: Date.now() / 1000 };
const parser = new BlockParser({ dialects: [(block) => new SendmailDialect(block)] }, clock);

/** CPU seconds of parsing alone; reading the file is not counted. */
async function pass(
  input: Input,
): Promise<{ lines: number; cpuSeconds: number; wallSeconds: number }> {
  let lines = 0;
  let cpu = 0;
  let wall = 0;
  parser.startSource(clock);
  for await (const item of openSource(input, { takeUnterminated: true })) {
    if (item.kind !== 'lines') continue;
    const [cpuBefore, wallBefore] = [process.cpuUsage(), performance.now()];
    parser.parse(item.bytes, item.offset);
    const { user, system } = process.cpuUsage(cpuBefore);
    cpu += user + system;
    wall += performance.now() - wallBefore;
    lines += parser.block.lines.count;
  }
  return { lines, cpuSeconds: cpu / 1e6, wallSeconds: wall / 1000 };
}

const { inputs } = await expandInputs(process.argv.slice(2));
const [input] = inputs;
if (input === undefined) throw new Error('name one log file');
await pass(input);
console.log(JSON.stringify(await pass(input)));
