/**
 * Lines come over plain TCP while the daemon is killed. The protocol has no answers: what was in buffers is
 * lost, and how much is printed. What had come into the spool is in the store at the end, and nothing twice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ledgerAddsUp } from '../e2e/store-digest.ts';
import { crashSeeds, freePort, KILLS, killAtRandom, makeCrashSite } from '../support/crash.ts';
import { DaemonProcess } from '../support/daemon.ts';
import {
  differences,
  missingLines,
  NumberedLog,
  timesOf,
  tooOften,
} from '../support/numbered-log.ts';
import { randomSource } from '../support/random.ts';
import { numbersInSpools } from '../support/spool-lines.ts';
import { TcpSender } from '../support/tcp-sender.ts';

const [SEED = 0] = crashSeeds([301]);
const SHARE = 0.4;
const LEDGER = 'SELECT coalesce(sum(lines_read), 0)::BIGINT AS lines FROM ledger';

/** Asks until told to stop; fails where the ledger has gone back. */
async function watchLedger(daemon: DaemonProcess, isOver: () => boolean): Promise<number> {
  let most = 0;
  while (!isOver()) {
    const rows = await daemon.rows(LEDGER).catch(() => undefined);
    if (rows !== undefined) {
      const lines = Number(rows[0]?.lines);
      assert.ok(lines >= most, `the ledger said ${most} and then ${lines}`);
      most = lines;
    }
    await sleep(50);
  }
  return most;
}

test(`lines come over TCP and the daemon is killed, seed ${SEED}`, async (t) => {
  const site = makeCrashSite('crash-tcp');
  const random = randomSource(SEED);
  const port = await freePort();
  const daemon = new DaemonProcess(site.db, ['--listen', `tcp://127.0.0.1:${port}`]);
  const sender = new TcpSender(port);
  const made = new NumberedLog();
  let isOver = false;
  try {
    const pace = randomSource(SEED + 1);
    const writing = (async () => {
      while (!isOver) {
        const count = pace.below(60) === 0 ? 3000 : 1 + pace.below(30);
        for (let n = 0; n < count && !isOver; n += 1) await sender.send(made.next());
        await sleep(pace.below(30));
      }
    })();
    const watching = watchLedger(daemon, () => isOver);
    // A rejection is seen when it is waited for.
    watching.catch(() => undefined);
    const spooled = new Map<number, number>();
    for (let kill = 0; kill < Math.round(KILLS * SHARE); kill += 1) {
      await killAtRandom(daemon, random);
      for (const [number, count] of await numbersInSpools(site.db)) spooled.set(number, count);
    }
    await daemon.start();
    await sleep(500);
    isOver = true;
    await writing;
    await sender.end();
    const before = await watching;
    // Its end takes all that has come.
    assert.equal(await daemon.end(), 0);
    await daemon.start();
    const [row = {}] = await daemon.rows(LEDGER);
    assert.ok(Number(row.lines) >= before);
    const wrong = await differences((asked) => daemon.rows(asked), made.numbers);
    t.diagnostic(
      `${made.lines} lines in ${sender.connections} connections; ${missingLines(wrong)} were lost in buffers`,
    );
    assert.deepEqual(tooOften(wrong).slice(0, 20), []);
    const found = new Map(wrong.map((one) => [one.number, one.found]));
    const gone = [...spooled].filter(([n, count]) => (found.get(n) ?? timesOf(n)) < count);
    assert.deepEqual(gone.slice(0, 20), [], 'was in the spool and is not in the store');
    assert.ok(Number(row.lines) <= made.lines - missingLines(wrong));
    assert.equal(daemon.noise, '');
    assert.equal(await daemon.end(), 0);
    assert.equal(await ledgerAddsUp(site.db), true);
  } finally {
    isOver = true;
    sender.destroy();
    await daemon.end('SIGKILL');
    site.remove();
  }
});
