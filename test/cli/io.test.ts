/** The edges: results and complaints, closed pipes, full disks, and how text should look. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { complain, guarded, OutputClosed, print, stdoutStyle } from '../../src/cli/io.ts';
import { maillogError } from '../../src/model/errors.ts';
import { memoryIo } from './memory-io.ts';

test('results go to stdout, complaints to stderr', async () => {
  const io = memoryIo();
  await print(io, 'a result\n');
  await print(io, Buffer.from('bytes\n'));
  await complain(io, 'a complaint');
  assert.deepEqual(io.written(), {
    stdout: 'a result\nbytes\n',
    stderr: 'maillog: a complaint\n',
  });
});

test('a complaint is one line and cannot drive a terminal', async () => {
  const io = memoryIo();
  await complain(io, 'no file "\x1b[2J\n\u202e"');
  assert.equal(io.written().stderr, 'maillog: no file "\\x1b[2J\\n\\u202e"\n');
});

test('a closed stdout ends a command with 0, after it has cleaned up', async () => {
  for (const stdoutFails of ['EPIPE', 'ERR_STREAM_DESTROYED']) {
    const io = memoryIo({ stdoutFails });
    let cleaned = false;
    const code = await guarded(io, async () => {
      try {
        await print(io, 'x');
        return 1;
      } finally {
        cleaned = true;
      }
    });
    assert.equal(code, 0);
    assert.ok(cleaned);
    assert.equal(io.written().stderr, '');
  }
  const io = memoryIo({ stdoutFails: 'EPIPE' });
  await assert.rejects(print(io, 'x'), OutputClosed);
  await assert.rejects(print(io, 'again'), OutputClosed);
});

test('a full disk behind stdout is told', async () => {
  const io = memoryIo({ stdoutFails: 'ENOSPC' });
  const code = await guarded(io, async () => {
    await print(io, 'x');
    return 0;
  });
  assert.equal(code, 1);
  assert.match(io.written().stderr, /^maillog: no room is left to write standard output: /);
});

test('a closed stderr is no failure', async () => {
  const io = memoryIo({ stderrFails: 'EPIPE' });
  await complain(io, 'x');
  await complain(io, 'y');
});

test('failures become one line and their exit code', async () => {
  const run = async (error: unknown, env = {}) => {
    const io = memoryIo({ env });
    const code = await guarded(io, () => Promise.reject(error));
    return { code, stderr: io.written().stderr };
  };
  assert.deepEqual(await run(maillogError('E_USAGE', { problem: 'no file named' })), {
    code: 2,
    stderr: 'maillog: no file named (see --help)\n',
  });
  assert.deepEqual(await run(new TypeError('x is not a function')), {
    code: 1,
    stderr:
      'maillog: unexpected failure: x is not a function; this is a defect of maillog, please report it\n',
  });
  const { stderr } = await run(new TypeError('x'), { MAILLOG_DEBUG: '1' });
  assert.match(stderr, /\nmaillog: {5}at .*io\.test/);
});

test('the exit code of a command that ends by itself is its own', async () => {
  const io = memoryIo();
  assert.equal(await guarded(io, async () => 0), 0);
  assert.equal(await guarded(io, async () => 1), 1);
});

test('how text looks depends on the terminal and the environment', () => {
  const style = (isTerminal: boolean, env = {}, columns = 100) =>
    stdoutStyle(memoryIo({ isTerminal, env, columns }), null);
  assert.deepEqual(style(true), { width: 100, colour: true, unicode: true, zone: null });
  assert.deepEqual(style(false), { width: null, colour: false, unicode: false, zone: null });
  assert.equal(style(true, {}, 5).width, 20);
  assert.equal(stdoutStyle(memoryIo({ isTerminal: true }), 'UTC').width, 80);
  assert.equal(style(true, { NO_COLOR: '1' }).colour, false);
  assert.equal(style(true, { NO_COLOR: '' }).colour, true);
  assert.equal(style(true, { TERM: 'dumb' }).colour, false);
  assert.equal(style(true, { LANG: 'C' }).unicode, false);
  assert.equal(style(true, { LC_ALL: 'POSIX', LANG: 'de_DE.UTF-8' }).unicode, false);
  assert.equal(style(false, { LC_ALL: '', LANG: 'de_DE.utf8' }).unicode, true);
});

test('a real process whose reader goes away ends with 0 and says nothing', async () => {
  const script = `
    import { guarded, print, processIo } from ${JSON.stringify(import.meta.resolve('../../src/cli/io.js'))};
    const io = processIo();
    process.exitCode = await guarded(io, async () => {
      for (;;) await print(io, 'a line of some length\\n'.repeat(1000));
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [code, signal] = await once(child, 'close');
  assert.deepEqual([code, signal, stderr], [0, null, '']);
});
