/**
 * Debian's fail2ban finds in our log whom it finds in sendmail's: its filters for sendmail, in each of their modes,
 * match as many lines of the same clients.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { debianPackagesOrSkip } from '../../support/debian-package.ts';
import { playWithOurs, playWithSendmail } from '../../support/mta-lab/lab.ts';
import { labOrSkip } from '../../support/mta-lab/lab-or-skip.ts';
import { BAN } from './scenarios/ban.ts';

const FILTERS = ['sendmail-auth', 'sendmail-reject', 'sendmail-reject[mode=aggressive]'];
const folder = mkdtempSync(join(tmpdir(), 'maillog-fail2ban-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The addresses of the lines that match, one for each. */
function banned(packages: string, log: readonly string[], filter: string): readonly string[] {
  const file = join(folder, 'mail.log');
  writeFileSync(file, `${log.join('\n')}\n`);
  const [, name = '', mode = ''] = /^([\w-]+)(.*)$/.exec(filter) ?? [];
  const program = join(packages, 'usr/bin/fail2ban-regex');
  const config = join(packages, 'etc/fail2ban');
  const args = ['--config', config, '--out', 'ip', file, `${config}/filter.d/${name}.conf${mode}`];
  const text = execFileSync('/usr/bin/python3', [program, ...args], {
    env: {
      PATH: process.env.PATH,
      TZ: 'UTC',
      PYTHONPATH: join(packages, 'usr/lib/python3/dist-packages'),
    },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return text.split('\n').filter((line) => /^[\d.]+$/.test(line));
}

test('fail2ban matches our log as it matches that of sendmail', async (t) => {
  if (!(await labOrSkip(t))) return;
  const packages = await debianPackagesOrSkip(t, ['fail2ban']);
  if (packages === undefined) return;
  const [sendmail, ours] = await Promise.all([playWithSendmail(BAN), playWithOurs(BAN)]);
  for (const filter of FILTERS) {
    const wanted = banned(packages, sendmail.log, filter);
    assert.deepEqual(banned(packages, ours.log, filter), wanted, filter);
    assert.notEqual(wanted.length, 0, `${filter} finds somebody`);
  }
});
