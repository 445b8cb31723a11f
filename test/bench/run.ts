/**
 * `npm run bench [-- --lines N] [--quick] [--seed N] [--out FILE]`: makes a day's logs, measures
 * reading, parsing, storing and reporting beside `wc -l`, DuckDB's read_csv and pflogsumm, prints the
 * tables and writes docs/benchmarks.md. What cannot be measured is named in the table with the reason.
 */
import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { BenchResult, Measurement, RowName, Wait } from './bench-page.ts';
import {
  FIRST_REPORT_WAIT,
  HELP_WAIT,
  REPORT_WAIT,
  ROWS,
  renderPage,
  renderTables,
} from './bench-page.ts';
import type { Cost, Job } from './measure.ts';
import { measure, median } from './measure.ts';
import { findPflogsumm } from './pflogsumm.ts';
import { writePostfixLog } from './postfix-log.ts';
import type { WrittenLog } from './sendmail-log.ts';
import { writeSendmailLog } from './sendmail-log.ts';
import { FileSink } from './time-order.ts';
import { createTraffic } from './traffic.ts';
import type { Traffic } from './traffic-model.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const MAILLOG = join(HERE, '../../src/cli/main.js');
const PARSE_CHILD = join(HERE, 'parse-child.js');
const DATE = '2026-10-13';
const DEFAULT_LINES = 1_000_000;
const WAIT_REPEATS = 5;

interface Log extends WrittenLog {
  readonly name: 'sendmail' | 'Postfix';
  readonly file: string;
}

interface Bench {
  readonly folder: string;
  readonly repeats: number;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function why(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split('\n')[0] ?? '').replaceAll('|', '/').replaceAll(tmpdir(), 'TMP');
}

/** A child that measured itself says so in JSON; that is then its cost. */
function ownCost(cost: Cost, log: Log): Cost {
  const told: unknown = JSON.parse(cost.output.trim().split('\n').at(-1) ?? '');
  if (typeof told !== 'object' || told === null) throw new Error('no figures from the child');
  const { lines, cpuSeconds, wallSeconds } = told as Record<string, unknown>;
  if (lines !== log.lines) throw new Error(`read ${String(lines)} of ${log.lines} lines`);
  if (typeof cpuSeconds !== 'number' || typeof wallSeconds !== 'number') return cost;
  return { ...cost, cpuSeconds, wallSeconds };
}

/** A store that took in less than it was given must not look fast. */
function checkIngest(cost: Cost, log: Log): Cost {
  const told = JSON.parse(cost.output) as { lines?: { read?: number; parsed?: number } };
  const { read = 0, parsed = 0 } = told.lines ?? {};
  if (read !== log.lines) throw new Error(`read ${read} of ${log.lines} lines`);
  if (parsed < 0.95 * read) throw new Error(`understood only ${parsed} of ${read} lines`);
  return cost;
}

async function repeat(
  bench: Bench,
  row: { readonly name: RowName; readonly log: Log },
  once: () => Promise<Cost & { readonly diskBytes?: number }>,
): Promise<Measurement> {
  const { name, log } = row;
  const base = { name, log: log.name, lines: log.lines };
  try {
    const costs: (Cost & { readonly diskBytes?: number })[] = [];
    for (let i = 0; i < bench.repeats; i++) costs.push(await once());
    const cost = median(costs, (each) => each.cpuSeconds);
    say(`${name}: ${cost?.cpuSeconds.toFixed(3)} s CPU, ${cost?.wallSeconds.toFixed(3)} s`);
    return { ...base, ...cost };
  } catch (error) {
    say(`${name}: ${why(error)}`);
    return { ...base, missing: why(error) };
  }
}

async function exists(file: string, name: string): Promise<void> {
  await stat(file).catch(() => {
    throw new Error(`${name} is not built`);
  });
}

async function ingest(
  bench: Bench,
  log: Log,
  database: string,
): Promise<Cost & { diskBytes: number }> {
  await exists(MAILLOG, 'maillog');
  for (const file of [database, `${database}.wal`]) await rm(file, { force: true });
  const command = ['ingest', '--db', database, '--format', 'json', log.file];
  const environment = { XDG_STATE_HOME: bench.folder };
  const cost = await measure({ command: [process.execPath, MAILLOG, ...command], environment });
  return { ...checkIngest(cost, log), diskBytes: (await stat(database)).size };
}

async function pflogsumm(log: Log): Promise<Cost> {
  const { command, environment } = await findPflogsumm();
  const cost = await measure({ command: [...command, log.file], environment });
  if (!cost.output.includes('Grand Totals')) throw new Error('pflogsumm printed no totals');
  return cost;
}

async function measureRows(bench: Bench, sendmail: Log, postfix: Log): Promise<Measurement[]> {
  const readCsv = [process.execPath, join(HERE, 'read-csv-child.js'), sendmail.file];
  const rows = [
    await repeat(bench, { name: ROWS.wc, log: sendmail }, () =>
      measure({ command: ['wc', '-l', sendmail.file], times: 10 }),
    ),
    await repeat(bench, { name: ROWS.readCsv, log: sendmail }, async () =>
      ownCost(await measure({ command: readCsv }), sendmail),
    ),
  ];
  if (existsSync(PARSE_CHILD)) {
    const command = [process.execPath, PARSE_CHILD, sendmail.file];
    rows.push(
      await repeat(bench, { name: ROWS.parse, log: sendmail }, async () =>
        ownCost(await measure({ command }), sendmail),
      ),
    );
  }
  rows.push(
    await repeat(bench, { name: ROWS.ingest, log: sendmail }, () =>
      ingest(bench, sendmail, join(bench.folder, 'sendmail.duckdb')),
    ),
    await repeat(bench, { name: ROWS.ingestPostfix, log: postfix }, () =>
      ingest(bench, postfix, join(bench.folder, 'postfix.duckdb')),
    ),
    await repeat(bench, { name: ROWS.pflogsumm, log: postfix }, () => pflogsumm(postfix)),
  );
  return rows;
}

async function wait(
  bench: Bench,
  name: string,
  args: readonly string[],
  before: () => void = () => {},
): Promise<Wait> {
  try {
    await exists(MAILLOG, 'maillog');
    const job: Job = { command: [process.execPath, MAILLOG, ...args] };
    const costs: Cost[] = [];
    const repeats = bench.repeats === 1 ? 1 : WAIT_REPEATS;
    for (let i = 0; i < repeats; i++) {
      before();
      costs.push(await measure(job));
    }
    const cost = median(costs, (each) => each.wallSeconds);
    return { name, milliseconds: (cost?.wallSeconds ?? Number.NaN) * 1000 };
  } catch (error) {
    return { name, missing: why(error) };
  }
}

async function measureWaits(bench: Bench): Promise<Wait[]> {
  const database = join(bench.folder, 'sendmail.duckdb');
  const report = ['report', '--db', database, '--date', DATE];
  return [
    await wait(bench, REPORT_WAIT, report),
    await wait(bench, FIRST_REPORT_WAIT, report, () =>
      rmSync(`${database}.reports`, { recursive: true, force: true }),
    ),
    await wait(bench, HELP_WAIT, ['--help']),
  ];
}

function makeLog(traffic: Traffic, folder: string, name: Log['name']): Log {
  say(`writing the ${name} log`);
  const file = join(folder, `${name}.maillog`);
  const write = name === 'sendmail' ? writeSendmailLog : writePostfixLog;
  const descriptor = openSync(file, 'w');
  try {
    return { name, file, ...write(traffic, new FileSink(descriptor)) };
  } finally {
    closeSync(descriptor);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      lines: { type: 'string', default: String(DEFAULT_LINES) },
      seed: { type: 'string', default: '1' },
      quick: { type: 'boolean', default: false },
      out: { type: 'string', default: 'docs/benchmarks.md' },
    },
  });
  const lines = Number(values.lines);
  if (!Number.isSafeInteger(lines) || lines < 1) throw new Error('--lines wants a whole number');
  const folder = await mkdtemp(join(tmpdir(), 'maillog-bench-'));
  try {
    const traffic = createTraffic(Number(values.seed), lines);
    const sendmail = makeLog(traffic, folder, 'sendmail');
    const postfix = makeLog(traffic, folder, 'Postfix');
    const bench = { folder, repeats: values.quick ? 1 : 3 };
    const result: BenchResult = {
      rows: await measureRows(bench, sendmail, postfix),
      waits: await measureWaits(bench),
      repeats: bench.repeats,
      totals: sendmail.totals,
      logs: [sendmail, postfix],
    };
    process.stdout.write(`${renderTables(result)}\n`);
    await mkdir(dirname(values.out), { recursive: true });
    await writeFile(values.out, renderPage(result));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
