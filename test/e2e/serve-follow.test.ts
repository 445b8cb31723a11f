/** `maillog ingest --follow`: files and standard input as they grow, with a store of its own or a daemon's. */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServeCommand } from '../support/serve-command.ts';
import {
  assertStored,
  asText,
  daemonProcess,
  LINES,
  newPlace,
  READ,
  serveCommand,
} from '../support/serve-site.ts';

interface Summary {
  readonly lines: Readonly<Record<string, number>>;
  readonly events: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly seconds: number;
}

async function summaryOf(command: ServeCommand): Promise<Summary> {
  const { code, said } = await command.ended();
  assert.deepEqual([code, said], [0, []]);
  return JSON.parse(command.stdout) as Summary;
}

const follow = (db: string, ...names: readonly string[]): ServeCommand =>
  serveCommand(['ingest', '--db', db, '--format', 'json', '--follow', ...names]);

/** Signals are heard before the database is made. */
const begun = (db: string): Promise<void> => until(() => existsSync(db));

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2000 && !isSo(); tries += 1) await sleep(5);
}

suite('standard input', () => {
  test('ends with it; the last line needs no end, the summary is that of any load', async () => {
    const { db, log } = newPlace();
    const command = follow(db, '-');
    for (let at = 0; at < 2000; at += 100) {
      command.child.stdin?.write(asText(LINES.slice(at, at + 100)));
      await sleep(2);
    }
    command.child.stdin?.end(LINES[2000]);
    const summary = await summaryOf(command);
    await assertStored(db, LINES.slice(0, 2001));
    writeFileSync(log, asText(LINES.slice(0, 2001)));
    const { db: other } = newPlace();
    const loaded = serveCommand(['ingest', '--db', other, '--format', 'json', log]);
    const { seconds: _, ...expected } = await summaryOf(loaded);
    const { seconds: __, ...got } = summary;
    assert.deepEqual({ ...got, bytes: got.bytes + 1 }, expected);
  });

  test('a signal ends it too: what has come is stored', async () => {
    const { db } = newPlace();
    const command = follow(db, '-');
    await new Promise((done) => command.child.stdin?.write(asText(LINES.slice(0, 1000)), done));
    await begun(db);
    command.child.kill('SIGTERM');
    assert.equal((await summaryOf(command)).lines.read, 1000);
    await assertStored(db, LINES.slice(0, 1000));
  });

  test('an empty one is no failure', async () => {
    const command = follow(newPlace().db, '-');
    command.child.stdin?.end();
    assert.equal((await summaryOf(command)).lines.read, 0);
  });
});

suite('files', () => {
  test('are followed until SIGINT', async () => {
    const { db, log } = newPlace();
    writeFileSync(log, asText(LINES.slice(0, 500)));
    const command = follow(db, log);
    await begun(db);
    for (let at = 500; at < 1000; at += 100) {
      await sleep(150);
      appendFileSync(log, asText(LINES.slice(at, at + 100)));
    }
    command.child.kill('SIGINT');
    assert.equal((await summaryOf(command)).lines.read, 1000);
    await assertStored(db, LINES.slice(0, 1000));
    const again = follow(db, log);
    // Before its first line the signal is the system's to answer.
    await sleep(1500);
    again.child.kill('SIGTERM');
    assert.equal((await summaryOf(again)).lines.read, 0);
  });

  test('through a daemon, and on when that is ended and started again', async () => {
    const { db, log } = newPlace();
    writeFileSync(log, asText(LINES.slice(0, 300)));
    const daemon = daemonProcess(db, ['--listen', 'udp://127.0.0.1:0']);
    await daemon.start();
    const command = follow(db, log);
    await daemon.until(READ, ({ n }) => n === 300);
    assert.equal(await daemon.end(), 0);
    appendFileSync(log, asText(LINES.slice(300, 600)));
    // It says so and takes the database itself, or finds the next daemon.
    await command.says('nothing can be stored now, it is tried again: ');
    await command.says('storing goes on');
    command.child.kill('SIGTERM');
    const { code } = await command.ended();
    assert.equal(code, 0);
    assert.equal((JSON.parse(command.stdout) as Summary).lines.read, 600);
    await assertStored(db, LINES.slice(0, 600));
  });
});

test('without a name it is wrong usage', async () => {
  const { code } = await serveCommand(['ingest', '--follow']).ended();
  assert.equal(code, 2);
});
