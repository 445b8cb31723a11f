/**
 * Real sendmail and ours, given the same site and the same clients: what they say, log, count, deliver and keep is
 * the same but for what `exceptions.ts` names.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { compare } from '../../support/mta-lab/compare.ts';
import { playWithOurs, playWithSendmail } from '../../support/mta-lab/lab.ts';
import { labOrSkip } from '../../support/mta-lab/lab-or-skip.ts';
import { EXCEPTIONS, masksFor } from './exceptions.ts';
import { SCENARIOS } from './scenarios/all.ts';

const PLAYS_AT_ONCE = 3;

suite('sendmail and ours', { concurrency: PLAYS_AT_ONCE }, () => {
  for (const scenario of SCENARIOS) {
    test(scenario.name, async (t) => {
      if (!(await labOrSkip(t))) return;
      const [sendmail, ours] = await Promise.all([
        playWithSendmail(scenario),
        playWithOurs(scenario),
      ]);
      assert.deepEqual(compare(sendmail, ours, masksFor(scenario.name)), {});
    });
  }

  test('docs/mta.md names every exception', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../../docs/mta.md'), 'utf8');
    const [, section = ''] = text.split('## What differs from sendmail');
    const rows = section
      .split('\n## ')[0]
      ?.split('\n')
      .filter((line) => line.startsWith('| '))
      .slice(2)
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .map(([, what, why]) => ({ what, why }));
    assert.deepEqual(
      rows,
      EXCEPTIONS.map(({ what, why }) => ({ what, why })),
    );
  });
});
