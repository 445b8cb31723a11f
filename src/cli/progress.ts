/**
 * How far a long reading has come, on one line of the terminal.
 *
 * Promise: only on stderr and only if that is a terminal; otherwise the library that draws is not even
 * loaded. The line is never wider than the terminal and is gone when the work is done. `stop` must be
 * called, best in a `finally`: the library's timer would keep the process alive.
 */
import { drawBar } from '../../reports/render/bars.ts';
import { cutToWidth, displayWidth, padToWidth } from '../../reports/render/display-width.ts';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatShare,
} from '../../reports/render/numbers.ts';
import { terminalText } from '../../reports/render/terminal-text.ts';
import { glyphsOf, PLAIN_STYLE } from '../../reports/render/text-style.ts';
import { type Io, stderrShowsUnicode } from './io.ts';

export interface Reading {
  /** What is read, for people. */
  readonly label: string;
  readonly bytes: number;
  /** null where it cannot be known: a pipe. */
  readonly totalBytes: number | null;
  readonly lines: number;
  readonly seconds: number;
  /** Seconds for which something has been waiting; not given: it is not live. */
  readonly lag?: number | undefined;
}

export interface Meter {
  update(bytes: number, lines: number, lag?: number): void;
  stop(): void;
}

/** What a reading is of: its name and size. */
export type Work = Pick<Reading, 'label' | 'totalBytes'>;

interface Look {
  readonly width: number;
  readonly unicode: boolean;
}

const LABEL_MOST = 24;
const BAR_MOST = 30;
const BAR_LEAST = 5;
const UPDATES_PER_SECOND = 8;

const SILENT: Meter = { update: () => {}, stop: () => {} };

function timeLeft({ bytes, totalBytes, seconds }: Reading): string {
  if (totalBytes === null || bytes <= 0 || seconds <= 0) {
    return '-';
  }
  return formatDuration(Math.ceil((seconds / bytes) * Math.max(0, totalBytes - bytes)));
}

function speed({ lines, seconds }: Reading): string {
  return seconds > 0 ? `${formatCount(Math.round(lines / seconds))}/s` : '-/s';
}

/** The line for a reading. Pure: tests need no terminal and no clock. */
export function progressLine(reading: Reading, { width, unicode }: Look): string {
  const { label, bytes, totalBytes, lines, seconds, lag } = reading;
  const glyphs = glyphsOf({ ...PLAIN_STYLE, unicode });
  const { ellipsis } = glyphs;
  const name = cutToWidth(terminalText(label), { width: LABEL_MOST, place: 'middle', ellipsis });
  const figures = [`${formatCount(lines)} lines`, speed(reading)];
  if (totalBytes === null) {
    figures.push(formatBytes(bytes), formatDuration(Math.floor(seconds)));
    if (lag !== undefined) figures.push(`${formatDuration(Math.floor(lag))} behind`);
  } else {
    figures.unshift(formatShare(Math.min(bytes, totalBytes), totalBytes));
    figures.push(`${timeLeft(reading)} left`);
  }
  const text = figures.join('  ');
  const barWidth = Math.min(BAR_MOST, width - displayWidth(name) - displayWidth(text) - 4);
  const hasBar = totalBytes !== null && totalBytes > 0 && barWidth >= BAR_LEAST;
  const bar = hasBar ? drawBar(bytes, { full: totalBytes, width: barWidth }, glyphs) : '';
  const parts = hasBar ? [name, padToWidth(bar, barWidth, 'left'), text] : [name, text];
  return cutToWidth(parts.join('  '), { width, place: 'end', ellipsis });
}

/** Starts the line; draws nothing at all where stderr is no terminal. */
export async function startProgress(io: Io, work: Work): Promise<Meter> {
  if (!io.isTerminal.stderr) {
    return SILENT;
  }
  const { default: cliProgress } = await import('cli-progress');
  const look = { width: io.columns ?? 80, unicode: stderrShowsUnicode(io) };
  const started = performance.now();
  let [bytes, lines] = [0, 0];
  let lag: number | undefined;
  const bar = new cliProgress.SingleBar({
    stream: io.stderr as NodeJS.WritableStream,
    fps: UPDATES_PER_SECOND,
    format: () => {
      const seconds = (performance.now() - started) / 1000;
      return progressLine({ ...work, bytes, lines, seconds, lag }, look);
    },
    clearOnComplete: true,
    // The terminal stays as it is, whatever ends the process; signals are the command's business.
    hideCursor: false,
    linewrap: true,
    gracefulExit: false,
  });
  bar.start(work.totalBytes ?? 0, 0);
  return {
    update: (nowBytes, nowLines, nowLag) => {
      [bytes, lines, lag] = [nowBytes, nowLines, nowLag];
      bar.update(nowBytes);
    },
    stop: () => bar.stop(),
  };
}
