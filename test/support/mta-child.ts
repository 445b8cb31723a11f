/**
 * An MTA as a process of its own, to be measured or killed. Arguments: the folder, and its settings as JSON. Prints
 * its port once it listens; ends in order at SIGTERM; `flush` and `memory` on standard input are answered in a line.
 */
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { mtaConfigOf } from '../../src/config/mta-config.ts';
import { Mta } from '../../src/mta/mta.ts';

const [folder = '', settings = '{}'] = process.argv.slice(2);

const mta = new Mta(mtaConfigOf(JSON.parse(settings), 'child', folder), {
  stateFolder: folder,
  zone: 'UTC',
  version: 'test',
  onProblem: (text) => process.stderr.write(`${text}\n`),
});

async function answer(line: string): Promise<string> {
  if (line === 'flush') {
    await mta.flush();
    await mta.quiet();
    return 'flushed';
  }
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return JSON.stringify({ rss, heapUsed, files: readdirSync('/proc/self/fd').length });
}

const [listening] = await mta.start();
process.stdout.write(`${listening?.port}\n`);
createInterface({ input: process.stdin }).on('line', (line) => {
  void answer(line).then((text) => process.stdout.write(`${text}\n`));
});
process.once('SIGTERM', () => {
  void mta.stop('SIGTERM').then(() => process.exit(0));
});
