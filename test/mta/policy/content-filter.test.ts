/** A content filter's exit codes, its text, its limits. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runContentFilter } from '../../../src/mta/policy/content-filter.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-filter-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const message = join(folder, 'message');
writeFileSync(message, `Subject: x\n\n${'body\n'.repeat(50_000)}`);
const facts = { queueId: 'QID', sender: 'a@b; touch x', clientAddress: '203.0.113.20' };

function filter(script: string, timeoutMs = 10_000): ReturnType<typeof runContentFilter> {
  const config = { program: '/bin/sh', arguments: ['-c', script], timeoutMs };
  return runContentFilter(config, message, facts);
}

test('exit codes', async () => {
  assert.deepEqual(await filter('grep -c body >/dev/null'), { kind: 'accept' });
  assert.deepEqual(await filter('exit 99'), { kind: 'discard' });
  assert.deepEqual(await filter('echo "Virus found: $SENDER"; echo more; exit 77'), {
    kind: 'refuse',
    reply: { code: 554, status: '5.7.1', text: 'Virus found: a@b; touch x' },
    problem: null,
  });
  assert.deepEqual(await filter('exit 75'), {
    kind: 'refuse',
    reply: { code: 451, status: '4.3.2', text: 'Please try again later' },
    problem: null,
  });
  const odd = await filter('exit 3');
  assert.ok(odd.kind === 'refuse' && odd.problem === 'content filter ended with 3');
});

test('no such program, no such message, one that does not end', async () => {
  const config = { program: join(folder, 'none'), arguments: [], timeoutMs: 1000 };
  const none = await runContentFilter(config, message, facts);
  assert.ok(none.kind === 'refuse' && none.reply.code === 451);
  assert.match(none.problem ?? '', /ENOENT/);
  const slow = await filter('sleep 60 & sleep 60', 50);
  assert.ok(slow.kind === 'refuse' && slow.problem === 'content filter took too long');
  const cat = { program: '/bin/cat', arguments: [], timeoutMs: 5000 };
  const lost = await runContentFilter(cat, join(folder, 'lost'), facts);
  assert.ok(lost.kind === 'refuse' && lost.reply.code === 451);
});
