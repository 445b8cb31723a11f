/**
 * Live load: lines come over TCP at a steady rate while a large log is loaded and questions are asked. None is
 * lost, and what the user would feel is printed: lag, memory by the second, time to an answer.
 *
 * `MAILLOG_LOAD_SECONDS`, `_RATE` and `_BACKFILL` (lines) set how much; nothing is asserted about time.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { topSql } from '../../reports/top.ts';
import { RemoteStore } from '../../src/store/remote/client.ts';
import { socketPathOf } from '../../src/store/remote/socket-path.ts';
import { writeSendmailLog } from '../bench/sendmail-log.ts';
import { FileSink } from '../bench/time-order.ts';
import { createTraffic } from '../bench/traffic.ts';
import { DaemonProcess, makeSite } from '../support/daemon.ts';

const SECONDS = Number(process.env.MAILLOG_LOAD_SECONDS ?? 20);
const RATE = Number(process.env.MAILLOG_LOAD_RATE ?? 20_000);
const BACKFILL = Number(process.env.MAILLOG_LOAD_BACKFILL ?? 500_000);
const MAIN = resolve(import.meta.dirname, '../../src/cli/main.js');
const LISTEN = 'tcp://127.0.0.1:0';
/** Parts of a second in which lines are sent. */
const SLICES = 50;

function writeLog(path: string, seed: number, lines: number): number {
  const descriptor = openSync(path, 'w');
  try {
    return writeSendmailLog(createTraffic(seed, lines), new FileSink(descriptor)).lines;
  } finally {
    closeSync(descriptor);
  }
}

interface Sent {
  /** When so many lines had been sent in all. */
  readonly at: number;
  readonly lines: number;
}

/** Sends the lines at the rate; the times at which how many had gone. */
async function send(port: number, lines: readonly string[]): Promise<readonly Sent[]> {
  const socket = connect(port, '127.0.0.1');
  const sent: Sent[] = [];
  const started = performance.now();
  const slice = Math.ceil(RATE / SLICES);
  for (let from = 0; from < lines.length; from += slice) {
    const due = started + (from / RATE) * 1000;
    if (due > performance.now()) await sleep(due - performance.now());
    const part = lines.slice(from, from + slice);
    const text = part.map((line) => `<22>${line}\n`).join('');
    if (!socket.write(text)) await new Promise<void>((drained) => socket.once('drain', drained));
    sent.push({ at: performance.now(), lines: from + part.length });
  }
  await new Promise<void>((ended) => socket.end(() => ended()));
  return sent;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Milliseconds from the sending of the line that was the newest in the store to when it was seen there. */
function lags(sent: readonly Sent[], seen: readonly Sent[]): number[] {
  return seen.flatMap(({ at, lines }) => {
    // What was sent right after it is what had not come yet.
    const next = sent.find(({ lines: upTo }) => upTo > lines);
    return next === undefined || next.at > at ? [] : [at - next.at];
  });
}

function residentMegabytes(pid: number): number {
  const found = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(found?.[1] ?? 0) / 1024);
}

/** Processor seconds used so far, of all threads (100 ticks a second, as Linux has it everywhere). */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100;
}

test('a steady stream over TCP, a large load and questions at once', async (t) => {
  const site = makeSite('load');
  const daemon = new DaemonProcess(site.db, ['--listen', LISTEN]);
  try {
    const live = join(site.folder, 'live');
    writeLog(live, 7, SECONDS * RATE);
    const lines = readFileSync(live, 'utf8').split('\n').slice(0, -1);
    const backfill = join(site.folder, 'backfill');
    const backfillLines = BACKFILL > 0 ? writeLog(backfill, 8, BACKFILL) : 0;
    await daemon.start();
    const store = await RemoteStore.connect(socketPathOf(site.db));
    const count = async (): Promise<number> => {
      const { rows } = await store.query(
        `SELECT coalesce(sum(lines_read), 0) AS n FROM ledger WHERE source = '${LISTEN}'`,
      );
      return Number(rows[0]?.n);
    };
    const seen: Sent[] = [];
    const answers: number[] = [];
    const memory: number[] = [];
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        const asked = performance.now();
        seen.push({ lines: await count(), at: asked });
        await sleep(50);
      }
    })();
    const asking = (async () => {
      const asker = await RemoteStore.connect(socketPathOf(site.db));
      const period = { start: new Date('2026-10-01'), end: new Date('2026-11-01'), limit: 10 };
      while (!isOver) {
        const asked = performance.now();
        await asker.query(topSql('senders', 'messages'), period);
        answers.push(performance.now() - asked);
        await sleep(100);
      }
      await asker.close();
    })();
    const measuring = (async () => {
      while (!isOver) {
        memory.push(residentMegabytes(daemon.pid));
        await sleep(1000);
      }
    })();
    const started = performance.now();
    const used = processorSeconds(daemon.pid);
    const loading =
      backfillLines === 0
        ? Promise.resolve(0)
        : new Promise<number | null>((done) => {
            const child = spawn(process.execPath, [MAIN, 'ingest', '--db', site.db, backfill]);
            child.on('exit', (code) => done(code));
          });
    const loaded = loading.then((code) => ({ code, at: performance.now() }));
    const sent = await send(Number(daemon.bound(LISTEN).port), lines);
    const sending = performance.now() - started;
    const { code, at } = await loaded;
    for (let tries = 0; tries < 600 && (await count()) < lines.length; tries += 1) await sleep(50);
    isOver = true;
    await Promise.all([watching, asking, measuring]);
    assert.equal(code, 0);
    assert.equal(await count(), lines.length, 'lines that came over TCP');
    const late = lags(sent, seen);
    t.diagnostic(`sent ${lines.length} lines in ${(sending / 1000).toFixed(1)} s`);
    t.diagnostic(
      `lag ms: p50 ${quantile(late, 0.5).toFixed(0)} p99 ${quantile(late, 0.99).toFixed(0)} max ${quantile(late, 1).toFixed(0)} (${late.length} looks)`,
    );
    t.diagnostic(
      `answers ms: p50 ${quantile(answers, 0.5).toFixed(0)} p99 ${quantile(answers, 0.99).toFixed(0)} max ${quantile(answers, 1).toFixed(0)} (${answers.length})`,
    );
    if (backfillLines > 0)
      t.diagnostic(
        `load of ${backfillLines} lines meanwhile: ${((at - started) / 1000).toFixed(1)} s`,
      );
    const processor = processorSeconds(daemon.pid) - used;
    t.diagnostic(`processor seconds of the daemon: ${processor.toFixed(1)}`);
    t.diagnostic(`resident MiB by second: ${memory.join(' ')}`);
    const { rows } = await store.query(
      'SELECT sum(lines_read) AS read, sum(lines_parsed + lines_foreign + lines_unsupported + lines_malformed + lines_duplicate) AS total FROM ledger',
    );
    assert.equal(rows[0]?.read, rows[0]?.total);
    await store.close();
  } finally {
    await daemon.end();
    site.remove();
  }
});
