/** crontab.example is what somebody will copy: its times are cron's and its commands are ours. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import cron from 'node-cron';
import { runMaillog } from '../../src/cli/program.ts';
import { memoryIo } from './memory-io.ts';

const LINES = readFileSync('crontab.example', 'utf8').split('\n');
const JOBS = LINES.filter((line) => /^[\d*]/.test(line));

async function helpOf(command: string): Promise<string> {
  const io = memoryIo();
  assert.equal(await runMaillog([command, '--help'], io), 0);
  return io.written().stdout;
}

test('every line is a comment, a variable or a job', () => {
  const others = LINES.filter((line) => line !== '' && !/^(?:#|[A-Z]+=\S|[\d*])/.test(line));
  assert.deepEqual(others, []);
  assert.ok(JOBS.length >= 3);
});

for (const job of JOBS) {
  test(`"${job}" can be run by cron`, async () => {
    const [minute, hour, day, month, weekday, program, command = '', ...rest] = job.split(/\s+/);
    assert.ok(cron.validate([minute, hour, day, month, weekday].join(' ')));
    assert.equal(program, 'maillog');
    // cron(5) takes a percent sign for the end of the line.
    assert.doesNotMatch(job, /%/);
    const help = await helpOf(command);
    for (const option of rest.filter((word) => word.startsWith('--'))) {
      assert.ok(help.includes(`${option} `), `${command} has no ${option}`);
    }
  });
}
