/** The daemon at work and at its end: nothing is lost by a stop, signals and HTTP tell how it is. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RemoteStore } from '../../src/store/remote/client.ts';
import { writeFakeJournalctl } from '../ingest/live/fake-journalctl.ts';
import {
  assertStored,
  asText,
  daemonProcess,
  LINES,
  newPlace,
  READ,
  send,
  serveCommand,
  site,
  TCP,
} from '../support/serve-site.ts';

suite('the end', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal}: what was written and sent before it is stored`, async () => {
      const { db, log } = newPlace();
      writeFileSync(log, asText(LINES.slice(0, 1000)));
      const daemon = daemonProcess(db, ['--listen', TCP, log]);
      await daemon.start();
      await daemon.until(READ, ({ n }) => n === 1000);
      const sending = [0, 1, 2, 3].map((part) =>
        send(daemon.bound(TCP), LINES.slice(2000 + part * 1000, 3000 + part * 1000)),
      );
      appendFileSync(log, asText(LINES.slice(1000, 1500)));
      // Rotated a moment before: the new file was seen by nobody yet.
      renameSync(log, `${log}.1`);
      writeFileSync(log, asText(LINES.slice(1500, 2000)));
      await Promise.all(sending);
      assert.equal(await daemon.end(signal), 0);
      assert.equal(daemon.noise, '');
      await assertStored(db, LINES);
      assert.equal(existsSync(`${db}.sock`), false);
    });
  }

  test('a second signal ends it at once, and not well', async () => {
    const { db, log } = newPlace();
    writeFileSync(log, '');
    const daemon = serveCommand(['serve', '--db', db, '--listen', 'relp://127.0.0.1:0', log]);
    await daemon.says('"ready"');
    daemon.child.kill('SIGTERM');
    daemon.child.kill('SIGINT');
    const { code, signal, logged } = await daemon.ended();
    assert.deepEqual([code, signal], [1, null]);
    assert.ok(logged.includes('ended at once, as a second signal asks for'));
  });

  test('no journalctl is left behind', async () => {
    const { db } = newPlace();
    const folder = join(site.folder, 'bin');
    execFileSync('mkdir', ['-p', folder]);
    const program = join(folder, 'journalctl');
    writeFakeJournalctl(program);
    writeFileSync(`${program}.entries`, '');
    const daemon = daemonProcess(db, ['--journal', '--facility=mail'], {
      PATH: `${folder}:${process.env.PATH}`,
    });
    await daemon.start();
    const children = (): readonly string[] =>
      spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
        .stdout.split('\n')
        .filter((line) => line.includes(`${program}.mjs`));
    for (let tries = 0; tries < 1000 && children().length === 0; tries += 1) await sleep(10);
    assert.equal(children().length, 1);
    assert.equal(await daemon.end(), 0);
    assert.deepEqual(children(), []);
  });
});

suite('while it runs', () => {
  test('SIGUSR1 writes health to the log, and opens no debugger, from the begin on', async () => {
    const { db, log } = newPlace();
    writeFileSync(log, asText(LINES.slice(0, 10)));
    const daemon = serveCommand(['serve', '--db', db, log]);
    await daemon.says('"ready"');
    daemon.child.kill('SIGUSR1');
    await daemon.says('"health"');
    assert.doesNotMatch(daemon.stderr, /[Dd]ebugger/);
    const line = daemon.stderr.split('\n').find((one) => one.includes('"msg":"health"')) ?? '';
    assert.equal(JSON.parse(line).health.state, 'ok');
    daemon.child.kill('SIGTERM');
    assert.equal((await daemon.ended()).code, 0);
  });

  test('health and metrics over HTTP, 404 elsewhere; nowhere unless asked for', async () => {
    const { db, log } = newPlace();
    const hostile = `${log} "quoted" \\ back\nline`;
    writeFileSync(hostile, asText(LINES.slice(0, 10)));
    const daemon = daemonProcess(db, ['--http', '127.0.0.1:0', '--listen', TCP, hostile]);
    await daemon.start();
    await daemon.until(READ, ({ n }) => n === 10);
    const url = String(daemon.lines.find(({ msg }) => msg === 'health and metrics')?.url);
    const health = await fetch(`${url}/health`);
    assert.equal(health.status, 200);
    assert.equal(((await health.json()) as { readonly state: string }).state, 'ok');
    const metrics = await fetch(`${url}/metrics`);
    assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    const text = await metrics.text();
    assert.ok(text.includes('"quoted\\" \\\\ back\\nline",outcome="parsed"}'), text);
    const none = await fetch(`${url}/nothing`);
    assert.deepEqual(
      [none.status, await none.json()],
      [404, { error: 'there is only /health and /metrics here' }],
    );
    assert.equal(await daemon.end(), 0);
  });

  test('six slow questions are answered at once, with no variable set by the user', async () => {
    const { db, log } = newPlace();
    writeFileSync(log, asText(LINES.slice(0, 10)));
    const daemon = serveCommand(['serve', '--db', db, log]);
    await daemon.says('"ready"');
    const slow = 'SELECT sum(a.range * b.range) AS n FROM range(30000) a, range(1000000) b';
    const askers = await Promise.all(
      [0, 1, 2, 3, 4, 5].map(() => RemoteStore.connect(`${db}.sock`)),
    );
    const asked = askers.map((store) => store.query(slow).catch(() => undefined));
    const own = await RemoteStore.connect(`${db}.sock`);
    // They hold six places; two are left for a quick question, and the writer has its own.
    await sleep(100);
    assert.deepEqual((await own.query('SELECT 7 AS n')).rows, [{ n: 7 }]);
    appendFileSync(log, asText(LINES.slice(10, 20)));
    for (let tries = 0; tries < 2000; tries += 1) {
      if ((await own.query(READ)).rows[0]?.n === 20) break;
      await sleep(5);
    }
    assert.deepEqual((await own.query(READ)).rows, [{ n: 20 }]);
    await Promise.all(askers.map((store) => store.close()));
    await Promise.all(asked);
    await own.close();
    daemon.child.kill('SIGTERM');
    assert.equal((await daemon.ended()).code, 0);
  });
});

test('the unit file is one that systemd understands', () => {
  const unit = readFileSync('docs/systemd/maillog.service', 'utf8');
  assert.match(unit, /^Type=notify$/m);
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) return;
  // Its program need not be installed here.
  const copy = join(site.folder, 'maillog.service');
  writeFileSync(copy, unit.replaceAll('/usr/local/bin/maillog', process.execPath));
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', copy], { encoding: 'utf8' });
  assert.deepEqual([status, stderr.includes('maillog.service')], [0, false], stderr);
});
