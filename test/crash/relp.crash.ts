/**
 * A real rsyslogd forwards by RELP to the daemon, which is killed at random moments: nothing is lost, and
 * what rsyslogd had to send again is in the store once.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ledgerAddsUp } from '../e2e/store-digest.ts';
import { crashSeeds, freePort, KILLS, killAtRandom, makeCrashSite } from '../support/crash.ts';
import { DaemonProcess } from '../support/daemon.ts';
import { debianPackagesOrSkip } from '../support/debian-package.ts';
import { differences, missingLines, NumberedLog, tooOften } from '../support/numbered-log.ts';
import { randomSource } from '../support/random.ts';
import { Rsyslog } from '../support/rsyslog.ts';

const [SEED = 0] = crashSeeds([201]);
const PACKAGES = ['rsyslog', 'rsyslog-relp'];
/** Many kills of this kind take long: rsyslogd waits a second or more before it tries again. */
const SHARE = 0.4;

/** Until rsyslogd has found it again. */
async function untilConnected(daemon: DaemonProcess): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const { listeners } = await daemon.health();
    if (JSON.stringify(listeners).includes('"connectionsOpen":1')) return;
    await sleep(50);
  }
}

/** Queues that hold all there will be, tried for ever: nothing may be thrown away but by us. */
const forwarding = (port: number): string => `
main_queue(queue.type="LinkedList" queue.size="1000000" queue.timeoutEnqueue="600000")
module(load="omrelp")
action(type="omrelp" target="127.0.0.1" port="${port}" template="RSYSLOG_TraditionalForwardFormat"
  timeout="10" action.resumeRetryCount="-1" action.resumeInterval="1"
  queue.type="LinkedList" queue.size="1000000" queue.timeoutEnqueue="600000")`;

const asMessages = (lines: readonly string[]): string[] => lines.map((line) => `<22>${line}`);

test(`rsyslogd forwards by RELP and the daemon is killed, seed ${SEED}`, async (t) => {
  const unpacked = await debianPackagesOrSkip(t, PACKAGES);
  if (unpacked === undefined) return;
  const site = makeCrashSite('crash-relp');
  const random = randomSource(SEED);
  const port = await freePort();
  const daemon = new DaemonProcess(site.db, ['--listen', `relp://127.0.0.1:${port}`]);
  const made = new NumberedLog();
  let isOver = false;
  let rsyslog: Rsyslog | undefined;
  try {
    await daemon.start();
    const config = forwarding(port);
    rsyslog = await Rsyslog.start({ root: unpacked, folder: join(site.folder, 'rsyslog'), config });
    const relay = rsyslog;
    // Where rsyslogd (8.2302) cannot connect for its very first line, it sends that line once more much later,
    // long after it was answered: its queue has it twice.
    await relay.feed(asMessages(made.next()));
    await daemon.until('SELECT sum(lines_read)::BIGINT AS lines FROM ledger', (r) => r.lines === 1);
    await untilConnected(daemon);
    await daemon.end('SIGKILL');
    const pace = randomSource(SEED + 1);
    const writing = (async () => {
      while (!isOver) {
        const count = pace.below(200) === 0 ? 3000 : 1 + pace.below(20);
        const lines = Array.from({ length: count }, () => made.next()).flat();
        await relay.feed(asMessages(lines));
        await sleep(10 + pace.below(50));
      }
    })();
    for (let kill = 0; kill < Math.round(KILLS * SHARE); kill += 1) {
      await killAtRandom(daemon, random, () => untilConnected(daemon));
    }
    isOver = true;
    await writing;
    await daemon.start();
    const sql = `SELECT sum(lines_read - lines_duplicate)::BIGINT AS lines, sum(lines_duplicate)::BIGINT AS duplicate FROM ledger`;
    // omrelp connects again only when it has a line to send; what was not answered goes before that one.
    for (let tries = 0; tries < 30; tries += 1) {
      await relay.feed(asMessages(made.next()));
      const { lines } = await daemon.until(sql, (r) => Number(r.lines) >= made.lines, 2000);
      if (Number(lines) >= made.lines) break;
    }
    // Whatever else would come.
    await sleep(2000);
    const [row = {}] = await daemon.rows(sql);
    t.diagnostic(`${made.lines} lines; ${row.duplicate} were sent again and known`);
    const wrong = await differences((asked) => daemon.rows(asked), made.numbers);
    assert.equal(missingLines(wrong), 0, `missing: ${JSON.stringify(wrong.slice(0, 20))}`);
    // Of equal lines in a row RELP cannot tell which one comes again: in doubt one is kept once more.
    const twice = tooOften(wrong);
    assert.deepEqual(twice.filter(({ expected }) => expected === 1).slice(0, 20), []);
    const extra = twice.reduce((sum, { found, expected }) => sum + found - expected, 0);
    assert.equal(Number(row.lines), made.lines + extra);
    t.diagnostic(`${extra} of equal lines are there once more`);
    assert.equal(daemon.noise, '');
    assert.equal(await daemon.end(), 0);
    assert.equal(await ledgerAddsUp(site.db), true);
  } finally {
    isOver = true;
    await rsyslog?.end();
    await daemon.end('SIGKILL');
    site.remove();
  }
});
