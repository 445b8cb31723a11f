/**
 * Our MTA's day as our own tools read it: its log through `ingest` and `trace`, its statistics through `mailstats`,
 * held against the mailboxes and against what the other hosts were given.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runMaillog } from '../../../src/cli/program.ts';
import { parseStatistics } from '../../../src/format/sendmail-st.ts';
import { MAILER_NUMBERS } from '../../../src/mta/model.ts';
import { DuckDbStore } from '../../../src/store/duckdb/duckdb-store.ts';
import type { Row } from '../../../src/store/store.ts';
import { memoryIo } from '../../cli/memory-io.ts';
import { digestOf, ledgerAddsUp } from '../../e2e/store-digest.ts';
import { debianEnvironment } from '../debian-package.ts';
import { runOurs } from '../mailstats-run.ts';
import type { Played } from './scenario.ts';

/** Of everything that LogLevel 9 says; `packages` has the real mailstats. */
export async function assertReadByOurselves(played: Played, packages: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'maillog-own-day-'));
  try {
    await assertLog(played, folder);
    await assertStatistics(played, folder, packages);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function assertLog({ log, mailboxes, taken }: Played, folder: string): Promise<void> {
  const [file, db] = [join(folder, 'mail.log'), join(folder, 'mail.duckdb')];
  writeFileSync(file, `${log.join('\n')}\n`);
  const run = async (...args: string[]) => {
    const io = memoryIo({ env: { HOME: folder, MAILLOG_TIMEZONE: 'UTC' }, cwd: folder });
    const code = await runMaillog([...args, '--db', db], io);
    assert.equal(code, 0, io.written().stderr);
    return io.written().stdout;
  };
  await run('ingest', file);
  const { ledger } = await digestOf(db);
  const { read, unsupported, malformed } = ledger;
  assert.deepEqual(
    [read, unsupported, malformed].map(Number),
    [log.length, 0, 0],
    'every line is read',
  );
  assert.ok(await ledgerAddsUp(db));
  const sent = await rows(
    db,
    `SELECT queue_id, recipient, mailer, reply FROM deliveries WHERE status = 'sent' ORDER BY logged_at`,
  );
  const text = Object.values(mailboxes).join('');
  const local = sent.filter(({ mailer }) => mailer === 'local');
  // A copy for a list's owner has the header of the message that it is a copy of.
  const clones = new Map(
    log.flatMap((line) => {
      const [, parent, clone] = /: (\w{14,}): (\w{14,}): clone: /.exec(line) ?? [];
      return parent === undefined || clone === undefined ? [] : [[clone, parent] as const];
    }),
  );
  for (const { queue_id } of local) {
    const id = clones.get(String(queue_id)) ?? String(queue_id);
    assert.ok(text.includes(` id ${id}`), `${id} in a mailbox`);
  }
  const remote = new Set(
    sent.flatMap(({ reply }) => /queued as (\w+)/.exec(String(reply))?.[1] ?? []),
  );
  assert.equal(remote.size, taken.length, 'what the other hosts took');
  const recipientsOf = new Map<string, string[]>();
  for (const { queue_id: id, recipient } of sent) {
    recipientsOf.set(String(id), [...(recipientsOf.get(String(id)) ?? []), String(recipient)]);
  }
  for (const [id, recipients] of recipientsOf) {
    const story = await run('trace', id, '--format', 'json');
    for (const recipient of recipients.slice(0, 20)) {
      assert.ok(
        story.includes(JSON.stringify(recipient).slice(1, -1)),
        `trace ${id}: ${recipient}`,
      );
    }
  }
}

async function rows(path: string, sql: string): Promise<readonly Row[]> {
  const store = await DuckDbStore.open({ path, readOnly: true });
  try {
    return (await store.query(sql)).rows;
  } finally {
    await store.close();
  }
}

async function assertStatistics(
  { statistics, log, mailboxes }: Played,
  folder: string,
  packages: string,
): Promise<void> {
  const file = join(folder, 'sendmail.st');
  const bytes = Buffer.from(statistics, 'base64');
  writeFileSync(file, bytes);
  const outcome = parseStatistics(bytes);
  assert.ok(outcome.kind === 'statistics');
  const { messagesTo } = outcome.statistics;
  const isLocal = (line: string) => / mailer=local,.* stat=Sent$/.test(line);
  const mails =
    Object.values(mailboxes)
      .join('')
      .match(/^Received: from .*\n\tby mx1/gm) ?? [];
  const lines = log.filter(isLocal).length;
  assert.equal(Number(messagesTo[3]), lines, 'deliveries to mailboxes, in both');
  assert.ok(mails.length >= lines);
  const program = join(packages, 'usr/libexec/sendmail/mailstats');
  const env = { ...(await debianEnvironment(packages)), TZ: 'UTC' };
  const cf = join(folder, 'sendmail.cf');
  writeFileSync(cf, MAILER_NUMBERS.map((name) => `M${name}, P=[IPC]\n`).join(''));
  const args = ['-C', cf, '-f', file];
  const theirs = execFileSync(program, args, { env, encoding: 'latin1' });
  const ours = await runOurs(args);
  assert.equal(ours.stdout, theirs);
}
