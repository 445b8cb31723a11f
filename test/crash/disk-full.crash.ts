/**
 * The disk with the database and the spools fills in the middle of a stream: nothing is lost or repeated,
 * it is said, questions are answered, and it goes on by itself once there is room.
 */
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ledgerAddsUp } from '../e2e/store-digest.ts';
import { freePort, makeCrashSite, runCommand, runIngest } from '../support/crash.ts';
import { DaemonProcess, type Site } from '../support/daemon.ts';
import { type Difference, differences, NumberedLog, tooOften } from '../support/numbered-log.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { numbersInSpools } from '../support/spool-lines.ts';
import { TcpSender } from '../support/tcp-sender.ts';

const MEGABYTE = 1024 * 1024;
const DISK_MEGABYTES = 40;
/** Room for the stream to begin in. */
const ROOM = 6 * MEGABYTE;
const BATCH = 100;
const LINES = 'SELECT coalesce(sum(lines_read - lines_duplicate), 0)::BIGINT AS lines FROM ledger';

interface Bench {
  readonly site: Site;
  readonly disk: SmallDisk;
  readonly db: string;
  readonly log: string;
  readonly port: number;
}

/** Runs with a small disk, or is skipped by name. */
async function withBench(t: TestContext, work: (bench: Bench) => Promise<void>): Promise<void> {
  const site = makeCrashSite('crash-disk');
  const disk = SmallDisk.mount(join(site.folder, 'disk'), DISK_MEGABYTES);
  try {
    if (disk === undefined) {
      t.skip('only root may mount a small disk');
      return;
    }
    const log = join(site.folder, 'mail.log');
    writeFileSync(log, '');
    await work({ site, disk, db: join(disk.path, 'store.duckdb'), log, port: await freePort() });
  } finally {
    disk?.unmount();
    site.remove();
  }
}

function daemonOf({ db, log, port }: Bench, args: readonly string[]): DaemonProcess {
  return new DaemonProcess(db, [
    '--follow',
    log,
    '--listen',
    `tcp://127.0.0.1:${port}`,
    '--keep-days',
    '0',
    ...args,
  ]);
}

/** Two streams with numbers of one row: what goes to the file and what goes over the wire. */
class Streams {
  readonly made = new NumberedLog();
  readonly sender: TcpSender;
  readonly sent = new Set<number>();
  readonly #log: string;

  constructor({ port, log }: Bench) {
    this.sender = new TcpSender(port);
    this.#log = log;
  }

  async step(): Promise<void> {
    const batch = (): string[] =>
      Array.from({ length: BATCH }, () => this.made.next()).flatMap((lines) => [...lines]);
    appendFileSync(this.#log, `${batch().join('\n')}\n`);
    for (let n = 1; n <= BATCH; n += 1) this.sent.add(this.made.numbers + n);
    await this.sender.send(batch());
  }
}

async function waitFor(what: string, isThere: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await isThere()) return;
    await sleep(50);
  }
  assert.fail(`in vain: ${what}`);
}

const isBlocked = async (daemon: DaemonProcess): Promise<boolean> =>
  (await daemon.health().catch(() => undefined))?.state === 'blocked';

/** Goes on with the streams until nothing can be stored; the last step may be held up till there is room. */
async function untilBlocked(
  daemon: DaemonProcess,
  streams: Streams,
): Promise<{ readonly streaming: Promise<void> }> {
  let isOver = false;
  const streaming = (async () => {
    for (let n = 0; n < 200 && !isOver; n += 1) {
      await streams.step();
      await sleep(5);
    }
  })();
  await waitFor('blocked', () => isBlocked(daemon));
  isOver = true;
  return { streaming };
}

/** What was said, and that questions are answered all the while. */
async function assertSaysFull(daemon: DaemonProcess): Promise<void> {
  const { state, blocked } = await daemon.health();
  assert.equal(state, 'blocked');
  assert.match(String(blocked), /no (?:room|space)|full/i);
  const said = daemon.lines.filter(({ level, reason }) => level === 'error' && reason);
  assert.ok(said.length > 0, 'nothing in the log');
  for (let n = 0; n < 4; n += 1) {
    for (const args of [
      ['query', 'SELECT count(*) AS n FROM messages'],
      ['report'],
      ['top', 'senders'],
    ]) {
      const { code, stderr } = await runCommand([...args, '--db', daemon.db]);
      assert.equal(code, 0, `${args[0]}: ${stderr}`);
    }
    await sleep(400);
  }
}

async function assertAllThere(daemon: DaemonProcess, streams: Streams): Promise<void> {
  const { made } = streams;
  await waitFor('all lines', async () => {
    const rows = await daemon.rows(LINES).catch(() => []);
    return Number(rows[0]?.lines) >= made.lines;
  }).catch(() => undefined);
  const wrong = await differences((sql) => daemon.rows(sql), made.numbers);
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} numbers are wrong`);
  assert.equal(Number((await daemon.rows(LINES))[0]?.lines), made.lines);
  assert.equal((await daemon.health()).state, 'ok');
}

async function assertGoodEnd(daemon: DaemonProcess): Promise<void> {
  assert.equal(daemon.noise, '');
  assert.equal(await daemon.end(), 0);
  assert.equal(await ledgerAddsUp(daemon.db), true);
}

for (const [name, args] of [
  ['the disk is filled to the last byte', ['--reserve-megabytes', '0']],
  ['the reserve stops it before', []],
] as const) {
  test(name, async (t) => {
    await withBench(t, async (bench) => {
      const daemon = daemonOf(bench, args);
      const streams = new Streams(bench);
      try {
        await daemon.start();
        bench.disk.fill(ROOM);
        const { streaming } = await untilBlocked(daemon, streams);
        const broken = daemon.lines.some(({ reason }) =>
          /store failed|FATAL/i.test(String(reason)),
        );
        t.diagnostic(`${bench.disk.free} bytes free when it was blocked`);
        assert.equal(broken, false);
        await assertSaysFull(daemon);
        bench.disk.clear();
        await streaming;
        await streams.sender.end();
        await assertAllThere(daemon, streams);
        await assertGoodEnd(daemon);
      } finally {
        streams.sender.destroy();
        await daemon.end('SIGKILL');
      }
    });
  });
}

test('killed while the disk is full', async (t) => {
  await withBench(t, async (bench) => {
    const daemon = daemonOf(bench, ['--reserve-megabytes', '0']);
    const streams = new Streams(bench);
    try {
      await daemon.start();
      bench.disk.fill(ROOM);
      const { streaming } = await untilBlocked(daemon, streams);
      await daemon.end('SIGKILL');
      const spooled = await numbersInSpools(bench.db);
      await daemon.start();
      await waitFor('blocked again', () => isBlocked(daemon));
      await assertSaysFull(daemon);
      bench.disk.clear();
      await streaming;
      await streams.sender.end();
      await waitFor('all that was spooled', async () => {
        const { listeners, state } = await daemon.health();
        return state === 'ok' && JSON.stringify(listeners).includes('"spoolBytes":0');
      });
      await sleep(1500);
      const wrong = await differences((sql) => daemon.rows(sql), streams.made.numbers);
      assert.deepEqual(tooOften(wrong), []);
      // Of a burst of equal lines a part may have come into the spool before the kill.
      const least = ({ number, expected }: Difference): number =>
        streams.sent.has(number) ? (spooled.get(number) ?? 0) : expected;
      const lost = wrong.filter((one) => one.found < least(one));
      assert.deepEqual(lost.slice(0, 20), [], 'lost of the file or of the spool');
      t.diagnostic(`${wrong.length} numbers were lost in buffers of TCP`);
      await assertGoodEnd(daemon);
    } finally {
      streams.sender.destroy();
      await daemon.end('SIGKILL');
    }
  });
});

test('a load by way of the daemon meets a full disk', async (t) => {
  await withBench(t, async (bench) => {
    const daemon = daemonOf(bench, ['--reserve-megabytes', '0']);
    const made = new NumberedLog();
    const archive = join(bench.site.folder, 'archive.log');
    try {
      await daemon.start();
      const lines = Array.from({ length: 40_000 }, () => made.next()).flat();
      writeFileSync(archive, `${lines.join('\n')}\n`);
      bench.disk.fill(ROOM);
      const { code, stderr } = await runIngest(bench.db, [archive]);
      assert.notEqual(code, 0);
      assert.match(stderr, /no (?:room|space)|full/i);
      bench.disk.clear();
      await sleep(500);
      const again = await runIngest(bench.db, [archive]);
      assert.equal(again.code, 0, again.stderr);
      const wrong = await differences((sql) => daemon.rows(sql), made.numbers);
      assert.deepEqual(wrong.slice(0, 20), []);
      assert.equal(Number((await daemon.rows(LINES))[0]?.lines), made.lines);
      await assertGoodEnd(daemon);
    } finally {
      await daemon.end('SIGKILL');
    }
  });
});
