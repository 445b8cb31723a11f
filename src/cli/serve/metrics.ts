/**
 * The daemon's figures in Prometheus' text form (https://prometheus.io/docs/instrumenting/exposition_formats).
 * Names end in their unit; what only ever grows ends in `_total`.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { LINE_OUTCOMES } from '../../model/vocabulary.ts';
import { VERSION } from '../version.ts';
import type { Health } from './health.ts';

/** A figure that is set at each look, from the health of that moment. */
interface Figure {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly of: (health: Health) => readonly Sample[];
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const bySource =
  (value: (source: Health['sources'][number]) => number) =>
  ({ sources }: Health): readonly Sample[] =>
    sources.map((source) => ({ labels: { source: source.source }, value: value(source) }));

/** Figures of each listener: name, counter, meaning. */
function listenerFigures(list: readonly (readonly [string, string, string])[]): readonly Figure[] {
  return list.map(([name, counter, help]) => ({
    name: `maillog_listener_${name}`,
    help,
    labels: ['listener'],
    of: ({ listeners }) =>
      listeners.map(({ address, counters }) => ({
        labels: { listener: address },
        value: counters[counter] ?? 0,
      })),
  }));
}

const FIGURES: readonly Figure[] = [
  {
    name: 'maillog_lines_total',
    help: 'Lines taken since the start, by source and outcome',
    labels: ['source', 'outcome'],
    of: ({ sources }) =>
      sources.flatMap(({ source, counts }) =>
        LINE_OUTCOMES.map((outcome) => ({ labels: { source, outcome }, value: counts[outcome] })),
      ),
  },
  {
    name: 'maillog_source_lag_seconds',
    help: 'For how long something of the source has been waiting to be stored',
    labels: ['source'],
    of: bySource(({ lag }) => lag),
  },
  {
    name: 'maillog_source_backlog_bytes',
    help: 'Bytes of the source that are not stored yet',
    labels: ['source'],
    of: bySource(({ backlog }) => backlog),
  },
  {
    name: 'maillog_source_newest_line_timestamp_seconds',
    help: 'Time that the newest line of the source bears',
    labels: ['source'],
    of: bySource(({ newest }) => newest ?? 0),
  },
  ...listenerFigures([
    ['connections', 'connectionsOpen', 'Connections open now'],
    ['connections_total', 'connectionsTotal', 'Connections since the start'],
    ['connections_refused_total', 'connectionsRefused', 'Connections refused for a limit'],
    ['messages_total', 'frames', 'Messages taken'],
    ['bytes_total', 'bytes', 'Bytes taken'],
    ['dropped_total', 'dropped', 'Messages dropped since the spool was full'],
    ['kernel_dropped_total', 'kernelDrops', 'Datagrams the kernel dropped before they were read'],
    ['cut_total', 'cut', 'Messages whose rest never came'],
    ['overlong_total', 'overlong', 'Messages longer than the limit'],
    ['repeated_total', 'repeated', 'Messages sent again that were there already'],
    ['errors_total', 'errors', 'Errors of sockets and protocols'],
  ]),
  {
    name: 'maillog_spool_bytes',
    help: "Bytes in a listener's spool that are not stored yet",
    labels: ['listener'],
    of: ({ listeners }) =>
      listeners.map(({ address, spoolBytes }) => ({
        labels: { listener: address },
        value: spoolBytes,
      })),
  },
  {
    name: 'maillog_blocked',
    help: '1 while nothing can be stored (a full disk), else 0',
    labels: [],
    of: ({ blocked }) => [{ labels: {}, value: blocked === null ? 0 : 1 }],
  },
  {
    name: 'maillog_info',
    help: 'Always 1',
    labels: ['version'],
    of: () => [{ labels: { version: VERSION }, value: 1 }],
  },
];

export class Metrics {
  readonly #registry = new Registry();
  readonly #figures = new Map<Figure, Counter | Gauge>();
  readonly #batchSeconds: Histogram;
  readonly #batchLines: Histogram;

  constructor() {
    const registers = [this.#registry];
    for (const figure of FIGURES) {
      const { name, help, labels } = figure;
      const Kind = name.endsWith('_total') ? Counter : Gauge;
      this.#figures.set(figure, new Kind({ name, help, labelNames: [...labels], registers }));
    }
    this.#batchSeconds = new Histogram({
      name: 'maillog_batch_seconds',
      help: 'Time from the begin of a transaction to its commit',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    });
    this.#batchLines = new Histogram({
      name: 'maillog_batch_lines',
      help: 'Lines of a transaction',
      buckets: [1, 10, 100, 1000, 10_000, 100_000],
      registers,
    });
    new Gauge({
      name: 'maillog_resident_memory_bytes',
      help: 'Memory of the process',
      registers,
      collect() {
        this.set(process.memoryUsage.rss());
      },
    });
  }

  batch(lines: number, milliseconds: number): void {
    this.#batchSeconds.observe(milliseconds / 1000);
    this.#batchLines.observe(lines);
  }

  /** All figures as text. */
  async text(health: Health): Promise<string> {
    for (const [figure, metric] of this.#figures) {
      metric.reset();
      for (const { labels, value } of figure.of(health)) metric.inc({ ...labels }, value);
    }
    return this.#registry.metrics();
  }
}
