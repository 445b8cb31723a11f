/**
 * How fast are log bytes read? MB/s and ns a line of a plain file read in blocks of whole lines, beside
 * `wc -l` on the same file in the same run, and of archives of it.
 *
 *     node dist/test/bench/source.bench.js [MEGABYTES]
 *
 * What counts is the ratio to wc, which is the same on a fast and on a slow machine.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileInput } from '../../ingest/source/input.ts';
import { openSource } from '../../ingest/source/open-source.ts';

const ROUNDS = 5;
const megabytes = Number(process.argv[2] ?? 256);

interface Timing {
  readonly wall: number;
  readonly cpu: number;
}

/** Lines as in a mail log, 227 bytes on average. */
function writeLog(path: string): void {
  let block = '';
  for (let line = 0; block.length < 1_000_000; line++) {
    const id = (line * 7919).toString(36).toUpperCase().padStart(8, '0');
    block +=
      `Nov  1 12:00:00 mx1 sm-mta[${line}]: 4A1${id}: to=<user${line}@example.org>, ` +
      `delay=00:00:0${line % 10}, xdelay=00:00:01, mailer=esmtp, pri=12${line}, ` +
      `relay=mail.example.org. [192.0.2.${line % 256}], dsn=2.0.0, ` +
      `stat=Sent (${'ok '.repeat(line % 4)}${id} Message accepted)\n`;
  }
  const file = openSync(path, 'w');
  for (let written = 0; written < megabytes; written++) writeSync(file, block);
  closeSync(file);
}

function milliseconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1000;
}

async function timeReading(path: string): Promise<Timing & { readonly bytes: number }> {
  const input: FileInput = { kind: 'file', name: path, path, fileSize: statSync(path).size };
  const cpu = process.cpuUsage();
  const start = performance.now();
  let bytes = 0;
  for await (const item of openSource(input)) {
    if (item.kind === 'error') throw new Error(item.message);
    if (item.kind === 'lines') bytes += item.bytes.length;
  }
  const wall = performance.now() - start;
  return { wall, cpu: milliseconds(process.cpuUsage(cpu)), bytes };
}

function timeWc(path: string): { readonly wall: number; readonly lines: number } {
  const start = performance.now();
  const lines = Number.parseInt(execFileSync('wc', ['-l', path], { encoding: 'utf8' }), 10);
  return { wall: performance.now() - start, lines };
}

const folder = mkdtempSync(join(tmpdir(), 'maillog-bench-'));
const path = join(folder, 'maillog');
try {
  writeLog(path);
  const { lines } = timeWc(path);
  const size = statSync(path).size;
  const show = (name: string, { wall, cpu }: { wall: number; cpu?: number }, wc: number) => {
    const parts = [
      name.padEnd(8),
      `${(size / wall / 1000).toFixed(0)} MB/s`.padStart(10),
      `${((wall * 1e6) / lines).toFixed(1)} ns/line`.padStart(16),
      `${(wall / wc).toFixed(2)} x wc -l`.padStart(14),
    ];
    if (cpu !== undefined)
      parts.push(`${((cpu * 1e6) / lines).toFixed(1)} ns/line CPU`.padStart(20));
    console.log(parts.join(' '));
  };

  const reading: Timing[] = [];
  const counting: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    reading.push(await timeReading(path));
    counting.push(timeWc(path).wall);
  }
  const wc = Math.min(...counting);
  const best = reading.reduce((a, b) => (a.wall < b.wall ? a : b));
  console.log(`${lines} lines, ${(size / lines).toFixed(0)} bytes a line; best of ${ROUNDS}`);
  show('wc -l', { wall: wc }, wc);
  show('plain', best, wc);

  for (const [tool, ending] of [
    ['gzip', 'gz'],
    ['zstd', 'zst'],
    ['xz', 'xz'],
    ['bzip2', 'bz2'],
  ] as const) {
    try {
      execFileSync(tool, ['-k', '-1', path], { stdio: 'ignore' });
    } catch {
      console.log(`${tool.padEnd(8)} not installed`);
      continue;
    }
    show(tool, await timeReading(`${path}.${ending}`), wc);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
