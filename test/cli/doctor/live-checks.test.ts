/** The doctor at real sites: with a daemon and without, logs missing, forbidden, grown, foreign, silent. */
import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Finding } from '../../../src/cli/doctor/finding.ts';
import { runMaillog } from '../../../src/cli/program.ts';
import { socketPathOf } from '../../../src/store/remote/socket-path.ts';
import { sampleLines } from '../../e2e/sample-log.ts';
import { DaemonProcess, makeSite, type Site } from '../../support/daemon.ts';
import { memoryIo } from '../memory-io.ts';

const NOW_S = Math.floor(Date.now() / 1000);
const DAY_S = 86_400;

interface Asked {
  readonly code: number;
  readonly findings: readonly Finding[];
  /** `verdict finding -> advice` of all. */
  readonly text: string;
}

class Doctor {
  readonly site: Site;
  #config = 'timezone = "UTC"\n';

  constructor(name: string) {
    this.site = makeSite(`doctor-${name}`);
    this.configure('');
  }

  path(name: string): string {
    return join(this.site.folder, name);
  }

  configure(toml: string): void {
    this.#config = `timezone = "UTC"\n${toml}`;
    writeFileSync(this.path('maillog.toml'), this.#config);
  }

  write(name: string, lines: readonly string[]): string {
    writeFileSync(this.path(name), `${lines.join('\n')}\n`);
    return this.path(name);
  }

  async run(...args: readonly string[]): Promise<{ code: number; stdout: string }> {
    const env = { HOME: this.site.folder, MAILLOG_DB: this.site.db, NO_COLOR: '1' };
    const io = memoryIo({ env, cwd: this.site.folder });
    const config = ['--config', this.path('maillog.toml')];
    const code = await runMaillog([...args, ...config], io);
    return { code, stdout: io.written().stdout };
  }

  async ask(): Promise<Asked> {
    const { code, stdout } = await this.run('doctor', '--format', 'json');
    const findings = JSON.parse(stdout) as Finding[];
    const text = findings
      .map(({ check, verdict, finding, advice }) => `${check} ${verdict} ${finding} -> ${advice}`)
      .join('\n');
    return { code, findings, text };
  }
}

const recent = (seed: number, host = 'mx1', ago = 600): readonly string[] =>
  sampleLines({ lines: 100, seed, start: NOW_S - ago, host });

suite('without a daemon', () => {
  let doctor: Doctor;
  before(() => {
    doctor = new Doctor('cron');
  });
  after(() => doctor.site.remove());

  test('before anything was read, what is configured is looked at', async () => {
    const loop = doctor.path('loop.log');
    symlinkSync(loop, loop);
    const here = doctor.write('here.log', recent(1));
    doctor.configure(
      `[serve]\nfollow = [${[loop, here, doctor.path('no.log')].map((p) => `"${p}"`)}]`,
    );
    const { text, code } = await doctor.ask();
    assert.equal(code, 1);
    assert.match(text, /^daemon fail none is running, though serve\.follow is set/m);
    assert.match(text, /^store fail .* -> the daemon makes it when it starts/m);
    assert.match(text, /^source fail .*loop\.log: symbolic links go round in a circle/m);
    assert.match(text, /^source fail .*no\.log: there is no such file -> .*\/var\/log\//m);
    assert.match(text, /^source ok .*here\.log: readable, /m);
  });

  test('a folder that may not be entered is told with its mode', async (context) => {
    // Root may enter any folder.
    if (process.geteuid?.() !== 0) return context.skip('only root can become another user here');
    const log = doctor.write('closed.log', recent(1));
    chmodSync(log, 0o600);
    chmodSync(doctor.site.folder, 0o755);
    chmodSync(doctor.path('maillog.toml'), 0o644);
    doctor.configure(`[serve]\nfollow = ["${log}"]`);
    process.setegid?.(65_534);
    process.seteuid?.(65_534);
    try {
      const { text } = await doctor.ask();
      assert.match(
        text,
        /^source fail .*closed\.log: user \S+ may not read it \(owner \S+, group \S+, mode 0600\)/m,
      );
    } finally {
      process.seteuid?.(0);
      process.setegid?.(0);
    }
  });

  test('a log that has grown since it was read, a foreign one, a silent host, a wrong zone', async () => {
    doctor.configure('');
    const mail = doctor.write('mail.log', recent(2));
    const kern = doctor.write('kern.log', Array(9).fill('Nov 24 06:51:15 mx1 kernel: eth0: up'));
    const days = [5, 4, 3, 2];
    const old = days.flatMap((day) => recent(day, 'mx2', day * DAY_S + 3600));
    const shifted = recent(3, 'mx3', 900).map((line) => {
      const at = new Date(
        `${line.slice(0, 15)} ${new Date((NOW_S - 900) * 1000).getUTCFullYear()} UTC`,
      );
      return `${at.toISOString().slice(0, 19)}+02:00${line.slice(15)}`;
    });
    const paths = [mail, kern, doctor.write('mx2.log', old), doctor.write('mx3.log', shifted)];
    assert.equal((await doctor.run('ingest', ...paths)).code, 0);
    appendFileSync(mail, `${recent(4).join('\n')}\n`);
    const { findings, text } = await doctor.ask();
    assert.match(text, /^source warn .*kern\.log: none of 9 lines is a mail server's/m);
    const foreign = findings.find(({ finding }) => finding.includes('kern.log'));
    assert.deepEqual(foreign?.examples, ['Nov 24 06:51:15 mx1 kernel: eth0: up']);
    assert.match(text, /^host warn nothing from mx2 for 2d .*logged on \d of the 7 days before/m);
    assert.match(text, /^clock warn mx3: its stamps are 2h 00m behind .*looks like a time zone/m);
  });
});

suite('with a daemon', () => {
  let doctor: Doctor;
  let daemon: DaemonProcess;
  before(async () => {
    doctor = new Doctor('daemon');
    const mail = doctor.write('mail.log', recent(7));
    doctor.configure(
      `[serve]\nfollow = ["${mail}", "${doctor.path('later.log')}"]\nlisten = ["udp://127.0.0.1:0"]\njournal = ["--facility=mail"]`,
    );
    daemon = new DaemonProcess(doctor.site.db, ['--config', doctor.path('maillog.toml')]);
    await daemon.start();
    await daemon.until('SELECT sum(lines_read)::INTEGER AS n FROM ledger', ({ n }) => n === 100);
  });
  after(async () => {
    await daemon.end();
    doctor.site.remove();
  });

  test('what it reads and listens to is told, and what is missing', async () => {
    const { text } = await doctor.ask();
    assert.match(text, /^daemon ok process \d+ of user \S+, up /m);
    assert.match(text, /^source fail .*later\.log: there is no such file/m);
    assert.match(
      text,
      /^listener ok udp:\/\/127\.0\.0\.1:0 \(udp:\/\/127\.0\.0\.1:\d+\): no message yet/m,
    );
    assert.match(text, /^ledger ok adds up: each of 100 lines/m);
    // The doctor's PATH is empty here.
    assert.match(text, /^source fail journal: there is no journalctl in the PATH/m);
  });
});

test('a daemon that does not answer is told, and not waited for long', async () => {
  const doctor = new Doctor('silent');
  assert.equal((await doctor.run('ingest', doctor.write('mail.log', recent(8)))).code, 0);
  const server = createServer((socket) => socket.on('data', () => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(socketPathOf(doctor.site.db), resolve));
  const { text } = await doctor.ask();
  assert.match(text, /^daemon fail a daemon listens at .*, but does not answer/m);
  await new Promise((resolve) => server.close(resolve));
  doctor.site.remove();
});
