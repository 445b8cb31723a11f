/** The demo as a whole: what its clients saw is what its log, its statistics and its report say. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Played } from '../../../src/cli/mta/demo/play.ts';
import { runMaillog } from '../../../src/cli/program.ts';
import { memoryIo } from '../memory-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-demo-'));
const kept = join(folder, 'kept');
let printed = '';
let day = '';
let played: Played;

async function run(
  ...args: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const now = new Date('2026-11-24T09:00:00Z');
  const env = { HOME: folder, MAILLOG_TIMEZONE: 'Asia/Taipei' };
  const io = memoryIo({ env, cwd: folder, now });
  const code = await runMaillog(args, io);
  return { code, ...io.written() };
}

async function numbers(sql: string): Promise<readonly number[]> {
  const { stdout } = await run('query', sql, '--db', join(kept, 'mail.duckdb'), '--format', 'json');
  const [row = {}] = JSON.parse(stdout) as Record<string, string | number>[];
  return Object.values(row).map(Number);
}

before(async () => {
  const { code, stdout, stderr } = await run(
    'demo',
    '--keep',
    'kept',
    '--minutes',
    '40',
    '--seed',
    '7',
  );
  assert.equal(code, 0, stderr);
  printed = stdout;
  ({ day, played } = JSON.parse(readFileSync(join(kept, 'demo.json'), 'utf8')));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('it is the afternoon of a day that is over, and says what there is', () => {
  assert.equal(day, '2026-11-23');
  for (const part of ['lines read ', 'Mail report, 2026-11-23', 'To look further', kept]) {
    assert.ok(printed.includes(part), part);
  }
  assert.match(printed, /foreign 0 \+ unsupported 0 \+ malformed 0 \+ duplicate 0/);
  const log = readFileSync(join(kept, 'maillog'), 'latin1').trimEnd().split('\n');
  for (const line of log) assert.match(line, /^Nov 23 1[23]:[0-5]\d:[0-5]\d mx sm-mta\[\d+\]: /);
});

test('messages and recipients are those that clients got accepted', async () => {
  const relays = "'127.20.0.10'";
  const [accepted, recipients] = await numbers(
    `SELECT count(*), sum(nrcpts) FROM messages WHERE relay_ip IS NOT NULL AND relay_ip <> ${relays}`,
  );
  assert.deepEqual([accepted, recipients], [played.accepted, played.recipientsAccepted]);
  const logins = await numbers(
    "SELECT count(*) FILTER (outcome = 'ok'), count(*) FILTER (outcome = 'failed') FROM auth_events",
  );
  assert.deepEqual(logins, [played.logins, played.loginsFailed]);
});

test('what was sent is in mailboxes, and with the others', async () => {
  const [local, moody] = await numbers(
    `SELECT count(*) FILTER (mailer = 'local'),
       count(*) FILTER (recipient_domain IN ('grey.example', 'slow.example', 'later.example'))
     FROM deliveries WHERE status = 'sent'`,
  );
  const boxes = readdirSync(join(kept, 'mail')).map((user) =>
    readFileSync(join(kept, 'mail', user), 'latin1'),
  );
  const messages = boxes.reduce((sum, text) => sum + (text.match(/^From /gm)?.length ?? 0), 0);
  assert.equal(local, messages);
  assert.equal(moody, played.takenElsewhere);
});

test('sendmail.st counts what the log counts', async () => {
  const ofFile = await run('stats', '--file', join(kept, 'sendmail.st'));
  const ofLog = await run('stats', '--db', join(kept, 'mail.duckdb'), '--date', day);
  const table = (text: string) => text.split('\n').slice(1);
  assert.deepEqual(table(ofFile.stdout), table(ofLog.stdout));
});

test('one seed is one afternoon; the folder is used again, but not that of others', async () => {
  const again = await run('demo', '--keep', 'kept', '--minutes', '40', '--seed', '7');
  assert.equal(again.code, 0, again.stderr);
  const { played: second } = JSON.parse(readFileSync(join(kept, 'demo.json'), 'utf8'));
  assert.deepEqual(second, played);
  const other = mkdtempSync(join(folder, 'other-'));
  writeFileSync(join(other, 'mine'), '');
  const refused = await run('demo', '--keep', other);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /is not empty: name another with --keep/);
  assert.ok(existsSync(join(other, 'mine')));
  assert.equal((await run('demo', '--minutes', 'many')).code, 2);
});
