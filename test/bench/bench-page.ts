/**
 * docs/benchmarks.md from one run's measurements: the machine (never its name or its paths), the
 * traffic, the costs side by side, ratios within the run, and the goals with a verdict on each.
 */
import { availableParallelism, cpus, totalmem } from 'node:os';
import type { TrafficTotals } from './totals.ts';

/** What one line of the table was measured on, and cost; or why it could not be had. */
export interface Measurement {
  readonly name: RowName;
  readonly log: 'sendmail' | 'Postfix';
  readonly lines: number;
  readonly cpuSeconds?: number | undefined;
  readonly wallSeconds?: number | undefined;
  readonly rssBytes?: number | undefined;
  readonly diskBytes?: number | undefined;
  readonly missing?: string | undefined;
}

export const ROWS = {
  wc: 'wc -l',
  readCsv: 'DuckDB read_csv, one column, count',
  parse: 'maillog, parsing alone',
  ingest: 'maillog ingest to disk',
  ingestPostfix: 'maillog ingest to disk (Postfix)',
  pflogsumm: 'pflogsumm (stores nothing)',
} as const;
export type RowName = (typeof ROWS)[keyof typeof ROWS];

/** Commands a person waits for: milliseconds of wall clock, or why not. */
export interface Wait {
  readonly name: string;
  readonly milliseconds?: number | undefined;
  readonly missing?: string | undefined;
}

export interface BenchResult {
  readonly rows: readonly Measurement[];
  readonly waits: readonly Wait[];
  readonly repeats: number;
  readonly totals: TrafficTotals;
  readonly logs: readonly {
    readonly name: string;
    readonly lines: number;
    readonly bytes: number;
  }[];
}

/** What a log of a million lines should take; the ratios travel from machine to machine. */
export const GOALS = {
  parseMillionLines: 1,
  /** pflogsumm's CPU time over ours for storing the same traffic. */
  ingestToPflogsumm: 2.5,
  diskBytesPerLine: 45,
  rssMegabytes: 700,
  reportMilliseconds: 400,
  helpMilliseconds: 150,
} as const;

export const REPORT_WAIT = 'report of the day, from the store';
export const FIRST_REPORT_WAIT = 'the same, asked for the first time since the store changed';
export const HELP_WAIT = '--help';

function scaled(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(value >= 1e7 ? 1 : 2)} M`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(0)} k` : value.toFixed(0);
}

function perSecond(lines: number, seconds: number | undefined): string {
  return seconds === undefined || seconds <= 0 ? '-' : scaled(lines / seconds);
}

function share(ratio: number | undefined): string {
  if (ratio === undefined) return '-';
  return `${(ratio * 100).toFixed(ratio >= 0.1 ? 0 : 1)} %`;
}

const speed = (row: Measurement | undefined): number | undefined =>
  row?.cpuSeconds ? row.lines / row.cpuSeconds : undefined;

function ratio(above: number | undefined, below: number | undefined): number | undefined {
  return above === undefined || below === undefined || below === 0 ? undefined : above / below;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return [line(header), rule, ...rows.map(line)].join('\n');
}

class Page {
  readonly #result: BenchResult;

  constructor(result: BenchResult) {
    this.#result = result;
  }

  #row(name: RowName): Measurement | undefined {
    return this.#result.rows.find((row) => row.name === name);
  }

  costs(): string {
    const wc = speed(this.#row(ROWS.wc));
    const readCsv = speed(this.#row(ROWS.readCsv));
    const pflogsumm = this.#row(ROWS.pflogsumm)?.cpuSeconds;
    const rows = this.#result.rows.map((row) => {
      const { name, log, lines, cpuSeconds, wallSeconds, rssBytes, diskBytes } = row;
      if (row.missing !== undefined) return [name, log, `not measured: ${row.missing}`];
      const times = ratio(pflogsumm, cpuSeconds);
      return [
        name,
        log,
        perSecond(lines, cpuSeconds),
        perSecond(lines, wallSeconds),
        rssBytes === undefined ? '-' : `${Math.round(rssBytes / 1e6)} MB`,
        diskBytes === undefined ? '-' : (diskBytes / lines).toFixed(1),
        share(ratio(speed(row), wc)),
        share(ratio(speed(row), readCsv)),
        times === undefined ? '-' : `${times.toFixed(times >= 10 ? 0 : 2)}`,
      ];
    });
    const header = [
      'what',
      'log',
      'lines per CPU-second',
      'lines per second',
      'memory',
      'disk bytes a line',
      'of wc -l',
      'of read_csv',
      'pflogsumm CPU / its CPU',
    ];
    return table(
      header,
      rows.map((row) => header.map((_, column) => row[column] ?? '')),
    );
  }

  waits(): string {
    const rows = this.#result.waits.map(({ name, milliseconds, missing }) => [
      name,
      milliseconds === undefined ? `not measured: ${missing}` : `${Math.round(milliseconds)} ms`,
    ]);
    return table(['command', 'wall clock'], rows);
  }

  goals(): string {
    const ingest = this.#row(ROWS.ingest);
    const wait = (name: string): number | undefined =>
      this.#result.waits.find((each) => each.name === name)?.milliseconds;
    const parse = ratio(speed(this.#row(ROWS.parse)), 1e6);
    const rss = ratio(ingest?.rssBytes, 1e6);
    const peer = ratio(this.#row(ROWS.pflogsumm)?.cpuSeconds, ingest?.cpuSeconds);
    const disk = ratio(ingest?.diskBytes, ingest?.lines);
    const atLeast = (name: string, value: number | undefined, goal: number): string[] => [
      name,
      `at least ${goal}`,
      value?.toFixed(2) ?? '-',
      verdict(value === undefined ? undefined : value >= goal),
    ];
    const atMost = (name: string, value: number | undefined, goal: number): string[] => [
      name,
      `at most ${goal}`,
      value?.toFixed(1) ?? '-',
      verdict(value === undefined ? undefined : value <= goal),
    ];
    return table(
      ['goal', 'wanted', 'measured', ''],
      [
        atLeast('parsing, million lines per CPU-second', parse, GOALS.parseMillionLines),
        atLeast("pflogsumm's CPU over that of ingest, same traffic", peer, GOALS.ingestToPflogsumm),
        atMost('disk bytes a line', disk, GOALS.diskBytesPerLine),
        atMost('memory of ingest at its peak, MB', rss, GOALS.rssMegabytes),
        atMost('report of the day, milliseconds', wait(REPORT_WAIT), GOALS.reportMilliseconds),
        atMost('--help, milliseconds', wait(HELP_WAIT), GOALS.helpMilliseconds),
      ],
    );
  }

  machine(): string {
    const model = cpus()[0]?.model.trim() ?? 'unknown';
    return table(
      ['machine', ''],
      [
        ['processor', model],
        ['cores', String(availableParallelism())],
        ['memory', `${Math.round(totalmem() / 2 ** 30)} GiB`],
        ['system', `${process.platform} ${process.arch}`],
        ['Node.js', process.version],
      ],
    );
  }

  traffic(): string {
    const { totals, logs } = this.#result;
    const rows = logs.map(({ name, lines, bytes }) => [
      `${name} log`,
      `${lines} lines, ${(bytes / 1e6).toFixed(0)} MB, ${(bytes / lines).toFixed(0)} bytes a line`,
    ]);
    const facts = [
      ['messages accepted', totals.messages],
      ['recipients delivered to', totals.sent],
      ['deferrals', totals.deferrals],
      ['bounced recipients', totals.bounced],
      ['refusals', totals.rejected],
      ['failed logins', totals.failedLogins],
    ];
    return table(['traffic', ''], [...rows, ...facts.map((fact) => fact.map(String))]);
  }
}

function verdict(met: boolean | undefined): string {
  if (met === undefined) return 'not measured';
  return met ? 'met' : '**missed**';
}

/** The tables alone, for a terminal. */
export function renderTables(result: BenchResult): string {
  const page = new Page(result);
  return [page.costs(), page.waits(), page.goals()].join('\n\n');
}

export function renderPage(result: BenchResult): string {
  const page = new Page(result);
  const repeats =
    result.repeats === 1 ? 'Each was measured once.' : `Medians of ${result.repeats} measurements.`;
  return `# Benchmarks

Written by \`npm run bench\`; do not edit by hand. Everything on this page comes from one run on one
machine, on invented traffic of a university's day, the same messages once in sendmail's words and
once in Postfix's (\`test/bench\`). Absolute figures are the machine's; the ratios are ours.
${repeats}

${page.machine()}

${page.traffic()}

## Cost

Every row is a process of its own. CPU is user and system time together, on all cores; memory is the
largest resident size. For \`read_csv\` and for parsing alone, the start of the process is left out;
for all others it counts. Disk is the database file after closing it. The last column compares whole
jobs on the same traffic: over 1, the row took less CPU than pflogsumm, which only sums up.

${page.costs()}

## Waiting

${page.waits()}

## Goals

${page.goals()}
`;
}
