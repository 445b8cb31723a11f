import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  linkSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import {
  type MailStatistics,
  parseStatistics,
  STATISTICS_SIZE,
} from '../../../src/format/sendmail-st.ts';
import { MAILER_NUMBERS } from '../../../src/mta/model.ts';
import { StatisticsFile } from '../../../src/mta/statistics/statistics-file.ts';
import { tryLock, unlock } from '../../../src/system/file-lock.ts';
import { debianEnvironment, debianPackagesOrSkip } from '../../support/debian-package.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-statistics-'));
after(() => rmSync(folder, { recursive: true }));
const NOW = Date.UTC(2026, 10, 24, 6, 51, 6, 900);

function emptyFile(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, '');
  return path;
}

function makeFile(path: string, problems: string[] = [], now = NOW): StatisticsFile {
  return new StatisticsFile({ path, now: () => now, onProblem: (text) => problems.push(text) });
}

function read(path: string): MailStatistics {
  const found = parseStatistics(readFileSync(path));
  assert.ok(found.kind === 'statistics', found.kind);
  return found.statistics;
}

const at = (counters: readonly bigint[], mailer: string) =>
  Number(counters[MAILER_NUMBERS.indexOf(mailer)]);

/** One of each. */
function countAll(file: StatisticsFile): void {
  const connection = file.connection();
  connection.rejected('esmtp');
  connection.rejected('local');
  file.connection().rejected(null);
  file.connected();
  file.discarded('esmtp');
  file.quarantined('esmtp');
  file.messageFrom('esmtp', 1_001);
  file.messageFrom('local', 0);
  file.messageTo('local', 1_000);
  file.messageTo('relay', 1);
}

suite('the statistics file', () => {
  test('what counts where', async () => {
    const path = emptyFile('all');
    const file = makeFile(path);
    countAll(file);
    await file.close();
    const sum = read(path);
    assert.equal(readFileSync(path).length, STATISTICS_SIZE);
    assert.equal(Number(sum.startedAt), Math.floor(NOW / 1000));
    const connections = [sum.connectionsFrom, sum.connectionsTo, sum.connectionsRejected];
    assert.deepEqual(connections.map(Number), [2, 1, 3], 'one rejection for each connection');
    assert.deepEqual([at(sum.rejected, 'esmtp'), at(sum.rejected, 'local')], [1, 0]);
    assert.deepEqual([at(sum.discarded, 'esmtp'), at(sum.quarantined, 'esmtp')], [1, 1]);
    assert.deepEqual([at(sum.messagesFrom, 'esmtp'), at(sum.kilobytesFrom, 'esmtp')], [1, 2]);
    assert.deepEqual([at(sum.messagesFrom, 'local'), at(sum.kilobytesFrom, 'local')], [1, 0]);
    assert.deepEqual([at(sum.messagesTo, 'local'), at(sum.kilobytesTo, 'local')], [1, 1]);
    assert.deepEqual([at(sum.messagesTo, 'relay'), at(sum.kilobytesTo, 'relay')], [1, 1]);
  });

  test('later postings keep the time; a damaged file is begun anew', async () => {
    const path = emptyFile('again');
    const first = makeFile(path);
    first.connected();
    await first.close();
    const second = makeFile(path, [], NOW + 60_000);
    second.connected();
    await second.post();
    second.connected();
    await second.close();
    const sum = read(path);
    assert.deepEqual(
      [Number(sum.startedAt), Number(sum.connectionsTo)],
      [Math.floor(NOW / 1000), 3],
    );
    writeFileSync(path, readFileSync(path).subarray(0, 1_000));
    const third = makeFile(path, [], NOW + 60_000);
    third.connected();
    await third.close();
    const anew = read(path);
    const began = Math.floor(NOW / 1000) + 60;
    assert.deepEqual([Number(anew.startedAt), Number(anew.connectionsTo)], [began, 1]);
  });

  test('it is never created', async () => {
    const path = join(folder, 'none');
    const problems: string[] = [];
    const file = makeFile(path, problems);
    file.connected();
    await file.post();
    assert.equal(existsSync(path), false);
    writeFileSync(path, '');
    file.connected();
    await file.close();
    assert.equal(Number(read(path).connectionsTo), 1, 'only since it is there');
    assert.deepEqual(problems, []);
  });

  test('neither through a link nor with a second name', async () => {
    const [one, other] = [emptyFile('one'), emptyFile('other')];
    symlinkSync(one, join(folder, 'symbolic'));
    linkSync(other, join(folder, 'second'));
    for (const path of [join(folder, 'symbolic'), other]) {
      const problems: string[] = [];
      const file = makeFile(path, problems);
      file.connected();
      await file.close();
      assert.equal(problems.length, 2, 'why, and that counts are lost');
      assert.equal(readFileSync(path).length, 0);
    }
  });

  test('it waits for a lock', async () => {
    const path = emptyFile('locked');
    const fd = openSync(path, 'r+');
    assert.ok(tryLock(fd));
    const file = makeFile(path);
    file.connected();
    const posted = file.post();
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(readFileSync(path).length, 0);
    unlock(fd);
    await posted;
    closeSync(fd);
    await file.close();
    assert.equal(Number(read(path).connectionsTo), 1);
  });

  test('several in one file lose nothing', async () => {
    const path = emptyFile('many');
    const files = Array.from({ length: 4 }, () => makeFile(path));
    const work = files.map(async (file) => {
      for (let round = 0; round < 25; round += 1) {
        file.connected();
        await file.post();
      }
      await file.close();
    });
    await Promise.all(work);
    assert.equal(Number(read(path).connectionsTo), 100);
  });

  test('mailstats prints it', async (t) => {
    const root = await debianPackagesOrSkip(t, ['sendmail-bin']);
    if (root === undefined) return;
    const path = emptyFile('printed');
    const file = makeFile(path);
    countAll(file);
    await file.close();
    const cf = join(folder, 'test.cf');
    const mailers = MAILER_NUMBERS.slice(3).map((name) => `M${name}, P=[IPC]\n`);
    writeFileSync(cf, `${mailers.join('')}O StatusFile=${path}\n`);
    const program = join(root, 'usr/libexec/sendmail/mailstats');
    const env = { ...(await debianEnvironment(root)), TZ: 'UTC' };
    const text = execFileSync(program, ['-C', cf], { env, encoding: 'latin1' });
    assert.deepEqual(text.split('\n'), [
      'Statistics from Tue Nov 24 06:51:06 2026',
      ' M   msgsfr  bytes_from   msgsto    bytes_to  msgsrej msgsdis msgsqur  Mailer',
      ' 3        1          0K        1          1K        0       0       0  local',
      ' 5        1          2K        0          0K        1       1       1  esmtp',
      ' 8        0          0K        1          1K        0       0       0  relay',
      '=====================================================================',
      ' T        2          2K        2          2K        1       1       1',
      ' C        2                    1                    3',
      '',
    ]);
  });
});
