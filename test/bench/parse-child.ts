/**
 * The parser alone, as a process of its own: a log held in memory, by blocks, parsed and not stored. Three
 * times, and the last is reported: what V8 spends on learning the code (a third of a second) belongs to the
 * process, not to the lines. Last line: `{"lines":N,"cpuSeconds":x,"wallSeconds":y}`.
 */
import { BlockParser } from '../../ingest/pipeline/block-parser.ts';
import { SendmailDialect } from '../../ingest/sendmail/sendmail-dialect.ts';
import { expandInputs } from '../../ingest/source/expand-inputs.ts';
import type { Input } from '../../ingest/source/input.ts';
import { openSource } from '../../ingest/source/open-source.ts';

const clock = { defaultZone: () => 0, latest: Date.now() / 1000 };
const parser = new BlockParser({ dialects: [(block) => new SendmailDialect(block)] }, clock);

/** The blocks that the source gives, copied: it uses their memory again. */
async function blocksOf(input: Input): Promise<{ bytes: Buffer; offset: number }[]> {
  const blocks = [];
  for await (const item of openSource(input, { takeUnterminated: true })) {
    if (item.kind === 'lines') blocks.push({ bytes: Buffer.from(item.bytes), offset: item.offset });
  }
  return blocks;
}

function pass(blocks: readonly { bytes: Buffer; offset: number }[]): string {
  let lines = 0;
  parser.startSource(clock);
  const [cpuBefore, wallBefore] = [process.cpuUsage(), performance.now()];
  for (const { bytes, offset } of blocks) {
    parser.parse(bytes, offset);
    lines += parser.block.lines.count;
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const wallSeconds = (performance.now() - wallBefore) / 1000;
  return JSON.stringify({ lines, cpuSeconds: (user + system) / 1e6, wallSeconds });
}

const { inputs } = await expandInputs(process.argv.slice(2));
const [input] = inputs;
if (input === undefined) throw new Error('name one log file');
const blocks = await blocksOf(input);
pass(blocks);
pass(blocks);
console.log(pass(blocks));
