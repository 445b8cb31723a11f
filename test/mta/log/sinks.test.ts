import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { FileSink } from '../../../src/mta/log/file-sink.ts';
import { LineQueue } from '../../../src/mta/log/line-queue.ts';
import type { LogLine } from '../../../src/mta/log/log-sink.ts';
import { MemorySink, SeveralSinks } from '../../../src/mta/log/log-sink.ts';
import { UdpSink, UnixSink } from '../../../src/mta/log/syslog-sinks.ts';
import { UnixReceiver } from '../../support/unix-receiver.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-sinks-'));
after(() => rmSync(folder, { recursive: true }));
const AT = Date.UTC(2026, 10, 3, 5, 4, 9, 61);

function lineOf(text: string, rest: Partial<LogLine> = {}): LogLine {
  return { at: AT, severity: 'info', host: 'mx1', tag: 'sm-mta', pid: 77, text, ...rest };
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

suite('the log file', () => {
  test('both forms of stamp', async () => {
    const path = join(folder, 'forms');
    const problems: string[] = [];
    const common = { path, zone: 'Asia/Kolkata', onProblem: (text: string) => problems.push(text) };
    const traditional = new FileSink({ ...common, form: 'traditional' });
    traditional.write(lineOf('one'));
    await traditional.close();
    const iso = new FileSink({ ...common, form: 'iso' });
    iso.write(lineOf('two'));
    iso.write(lineOf('three', { at: AT + 1_000 }));
    await iso.close();
    assert.deepEqual(readFileSync(path, 'utf8').split('\n'), [
      'Nov  3 10:34:09 mx1 sm-mta[77]: one',
      '2026-11-03T10:34:09.061000+05:30 mx1 sm-mta[77]: two',
      '2026-11-03T10:34:10.061000+05:30 mx1 sm-mta[77]: three',
      '',
    ]);
    assert.deepEqual(problems, []);
  });

  test('a rotation between any two lines loses none', async () => {
    const path = join(folder, 'rotated');
    const sink = new FileSink({ path, zone: 'UTC', form: 'traditional', onProblem: assert.fail });
    for (const text of numbers(300)) {
      sink.write(lineOf(text));
      if (text.endsWith('50')) {
        await sink.flush();
        renameSync(path, `${path}.${text}`);
        sink.reopen();
      }
    }
    await sink.close();
    const texts = [`${path}.50`, `${path}.150`, `${path}.250`, path]
      .flatMap((name) => readFileSync(name, 'utf8').trimEnd().split('\n'))
      .map((line) => line.split(': ')[1]);
    assert.deepEqual(texts, numbers(300));
  });

  test('trouble is told once, and the lines wait for it to be over', async () => {
    const path = join(folder, 'missing', 'log');
    const problems: string[] = [];
    const onProblem = (text: string) => problems.push(text);
    const sink = new FileSink({ path, zone: 'UTC', form: 'traditional', onProblem, retryMs: 5 });
    sink.write(lineOf('a'));
    await sink.flush();
    sink.write(lineOf('b'));
    await sink.flush();
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /ENOENT/);
    mkdirSync(join(folder, 'missing'));
    await sink.close();
    assert.equal(readFileSync(path, 'utf8').split('\n').length, 3);
    assert.match(problems[1] ?? '', /well again$/);
  });
});

suite('lines that wait', () => {
  test('a full queue gives up the oldest and says how many', async () => {
    const problems: string[] = [];
    const delivered: string[] = [];
    let isDown = true;
    const queue = new LineQueue({
      name: 'log',
      most: 10,
      onProblem: (text) => problems.push(text),
      deliver: async (lines) => {
        if (isDown) throw new Error('down');
        delivered.push(...lines.map(({ text }) => text));
      },
    });
    for (const text of numbers(25)) queue.put(lineOf(text));
    await queue.flush();
    isDown = false;
    await queue.close();
    assert.equal(delivered.length, 10);
    assert.equal(delivered.at(-1), '24');
    assert.deepEqual(problems, ['log: down', 'log: well again, 15 lines lost']);
    queue.put(lineOf('late'));
    await queue.flush();
    assert.equal(delivered.at(-1), '24', 'what comes after the end is gone');
  });

  test('what could not be delivered at the end is counted', async () => {
    const problems: string[] = [];
    const queue = new LineQueue({
      name: 'log',
      onProblem: (text) => problems.push(text),
      deliver: () => Promise.reject(new Error('down')),
    });
    for (const text of numbers(3)) queue.put(lineOf(text));
    await queue.close();
    assert.deepEqual(problems, ['log: down', 'log: 3 lines lost']);
  });
});

const isKnown = process.platform === 'linux' || process.platform === 'darwin';

suite('syslog', () => {
  test('the local socket, whose daemon is slow and restarted', { skip: !isKnown }, async () => {
    const path = join(folder, 'dev-log');
    let receiver = new UnixReceiver(path);
    const problems: string[] = [];
    const onProblem = (text: string) => problems.push(text);
    const sink = new UnixSink({ path, zone: 'UTC', onProblem, retryMs: 5 });
    sink.write(lineOf('refused', { severity: 'notice' }));
    await sink.flush();
    assert.deepEqual(receiver.read(), ['<21>Nov  3 05:04:09 sm-mta[77]: refused']);
    receiver.close();
    receiver = new UnixReceiver(path);
    for (const text of numbers(2_000)) sink.write(lineOf(text));
    const flushed = sink.flush();
    const got: string[] = [];
    while (got.length < 2_000) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      got.push(...receiver.read());
    }
    await flushed;
    assert.deepEqual(
      got.map((message) => message.split(': ')[1]),
      numbers(2_000),
    );
    await sink.close();
    receiver.close();
    assert.deepEqual(problems, []);
  });

  test('over UDP, with the host', async () => {
    const server = createSocket('udp4');
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    const got: string[] = [];
    server.on('message', (bytes) => got.push(bytes.toString('latin1')));
    const common = { host: '127.0.0.1', port: server.address().port, zone: 'UTC' };
    for (const form of ['rfc3164', 'rfc5424'] as const) {
      const sink = new UdpSink({ ...common, form, onProblem: assert.fail });
      sink.write(lineOf('hello'));
      await sink.close();
    }
    while (got.length < 2) await once(server, 'message');
    server.close();
    assert.deepEqual(got, [
      '<22>Nov  3 05:04:09 mx1 sm-mta[77]: hello',
      '<22>1 2026-11-03T05:04:09.061000+00:00 mx1 sm-mta 77 - - hello',
    ]);
  });

  test('several at once', async () => {
    const [one, other] = [new MemorySink(), new MemorySink()];
    const sink = new SeveralSinks([one, other]);
    sink.write(lineOf('x'));
    sink.reopen();
    await sink.flush();
    await sink.close();
    assert.deepEqual([one.lines, other.lines], [[lineOf('x')], [lineOf('x')]]);
  });
});
