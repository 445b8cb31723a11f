import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { zoneName } from '../../src/cli/zone-name.ts';

const folder = mkdtempSync(join(tmpdir(), 'maillog-zone-'));
after(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'zoneinfo/posix/Europe'), { recursive: true });
mkdirSync(join(folder, 'zoneinfo/Europe'));
for (const file of ['zoneinfo/Europe/Paris', 'zoneinfo/posix/Europe/Paris', 'copied']) {
  writeFileSync(join(folder, file), 'TZif2');
}
symlinkSync(join(folder, 'zoneinfo/Europe/Paris'), join(folder, 'localtime'));

test('a path into the zone tables gives the zone', () => {
  assert.equal(zoneName(join(folder, 'zoneinfo/Europe/Paris')), 'Europe/Paris');
  assert.equal(zoneName(join(folder, 'zoneinfo/posix/Europe/Paris')), 'Europe/Paris');
  assert.equal(zoneName(`:${join(folder, 'zoneinfo/Europe/Paris')}`), 'Europe/Paris');
});

test('a link such as /etc/localtime is followed', () => {
  assert.equal(zoneName(`:${join(folder, 'localtime')}`), 'Europe/Paris');
});

test('anything else stays as it is', () => {
  for (const tz of ['', 'UTC', ':Europe/Paris', 'CET-1CEST', join(folder, 'copied'), '/absent']) {
    assert.equal(zoneName(tz), null, tz);
  }
});
