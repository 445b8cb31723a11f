import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { randomSource } from '../../support/random.ts';
import { numberedLine, numberOf } from './numbered-line.ts';
import { collector, openWriter, readLines, temporaryFolder } from './spools.ts';

const KILLS = 20;
const CHILD = fileURLToPath(new URL('./spool-child.js', import.meta.url));

/** Lets the child write, kills it after some reports and a moment more; the last position it told. */
async function writeAndKill(
  args: readonly string[],
  reports: number,
  moment: number,
): Promise<number> {
  const child = spawn(process.execPath, [CHILD, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  let count = 0;
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    output += text;
    const before = count;
    count += text.split('\n').length - 1;
    if (before < reports && count >= reports) setTimeout(() => child.kill('SIGKILL'), moment);
  });
  const [, signal] = await once(child, 'close');
  assert.equal(signal, 'SIGKILL');
  const whole = output.slice(0, output.lastIndexOf('\n'));
  return Number(whole.slice(whole.lastIndexOf('\n') + 1));
}

test(`${KILLS} times kill -9: what was told is there, in order and once`, async (t) => {
  const folder = await temporaryFolder(t);
  const random = randomSource(20);
  let next = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const args = [folder, String(next), String(kill)];
    const told = await writeAndKill(args, 1 + random.below(20), random.below(12));
    const found = collector();
    const writer = await openWriter(folder, found);
    const { end } = writer;
    await writer.close();

    assert.ok(end >= told, `kill ${kill}: ${end} is behind ${told}`);
    const numbers = found.records.map(({ text }) => numberOf(text));
    const [first = next] = numbers;
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => first + i),
    );
    assert.ok(found.records.every(({ text, session }) => text === numberedLine(session)));
    assert.ok(first + numbers.length > next, `kill ${kill} wrote something`);
    assert.deepEqual(
      found.events.filter((kind) => kind !== 'tail-cut'),
      [],
    );
    const start = end - found.records.reduce((sum, { bytes }) => sum + 20 + bytes.length, 0);
    assert.deepEqual(
      await readLines(folder, start, end),
      found.records.map(({ text }) => text),
    );
    next = first + numbers.length;
  }
});
