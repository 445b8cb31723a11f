/** What README.md and ARCHITECTURE.md say is so: commands, options, the report shown, links and file names. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { runMaillog } from '../../src/cli/program.ts';
import { memoryIo } from './memory-io.ts';

const README = readFileSync('README.md', 'utf8');
const ARCHITECTURE = readFileSync('ARCHITECTURE.md', 'utf8');
/** Of rooms that have no files yet. */
const TO_COME = new Set(['web/server.ts']);

function codeBlocks(kind: string): readonly string[] {
  const blocks = README.matchAll(new RegExp(`\`\`\`${kind}\\n([^]*?)\`\`\``, 'g'));
  return [...blocks].map(([, text = '']) => text);
}

/** Words of the command lines, comments cut off. */
const COMMANDS = codeBlocks('sh')
  .flatMap((block) => block.split('\n'))
  .filter((line) => line.startsWith('maillog '))
  .map((line) =>
    line
      .replace(/\s+#.*$/, '')
      .split(/\s+/)
      .slice(1),
  );

async function run(...args: readonly string[]): Promise<string> {
  const io = memoryIo({ env: { HOME: '/nowhere', MAILLOG_TIMEZONE: 'UTC' }, cwd: process.cwd() });
  assert.equal(await runMaillog(args, io), 0, io.written().stderr);
  return io.written().stdout;
}

for (const [command = '', ...rest] of COMMANDS) {
  test(`maillog ${command} ${rest.join(' ')}: there is such a command with these options`, async () => {
    const help = await run(command, '--help');
    for (const option of rest.filter((word) => word.startsWith('--'))) {
      assert.ok(help.includes(`${option} `), option);
    }
  });
}

test('every command is shown', async () => {
  const help = await run('--help');
  const known = [...help.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
  const shown = new Set(COMMANDS.map(([name]) => name));
  assert.ok(known.length > 5);
  assert.deepEqual(
    known.filter((name) => name !== 'help' && !shown.has(name)),
    [],
  );
});

/** Logs in which much happens: many recipients, retries, refusals, logins, TLS, access rules, aliases. */
const SHOWN_LOGS = [
  'multi_rcpt',
  'defer_retry',
  'unknown_user',
  'auth',
  'starttls',
  'access_db',
  'aliases',
];

test('the report shown is that of logs that come with it', async () => {
  const logs = SHOWN_LOGS.map((name) => `test/fixtures/sendmail/${name}.maillog`);
  const printed = await run('report', 'daily', ...logs, '--top', '5');
  const [shown = ''] = codeBlocks('text');
  assert.ok(printed.startsWith(shown), printed.slice(0, shown.length));
});

test('links lead somewhere', () => {
  for (const [, target = ''] of `${README}${ARCHITECTURE}`.matchAll(/\]\((?!https:)([^)#]+)/g)) {
    assert.ok(existsSync(target), target);
  }
});

test('files named in ARCHITECTURE.md exist', () => {
  const there = new Set(
    ['src', 'ingest', 'reports', 'web', 'test'].flatMap((top) =>
      readdirSync(top, { recursive: true, encoding: 'utf8' }).map((name) => join(top, name)),
    ),
  );
  const names = new Set([...there].map((path) => basename(path)));
  for (const [, name = ''] of ARCHITECTURE.matchAll(/`([\w./-]+\.ts)`/g)) {
    const found = name.includes('/') ? there.has(name) : names.has(name);
    assert.ok(found || TO_COME.has(name), name);
  }
});
