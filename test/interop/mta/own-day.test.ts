/**
 * A day of our MTA, all scenarios of it: our own tools read its log to the last line and its statistics, and what
 * they tell is what the mailboxes and the other hosts have.
 */
import { suite, test } from 'node:test';
import { playWithOurs } from '../../support/mta-lab/lab.ts';
import { labOrSkip, labPackages } from '../../support/mta-lab/lab-or-skip.ts';
import { assertReadByOurselves } from '../../support/mta-lab/own-day.ts';
import { SCENARIOS } from './scenarios/all.ts';

/** They take long, and log nothing that the others do not. */
const SLOW = new Set(['commands', 'retries', 'limits', 'refused']);
/** At others results are not told. */
const LEVELS = new Set(['log level 5']);

suite('our own day', { concurrency: 3 }, () => {
  for (const scenario of SCENARIOS) {
    if (SLOW.has(scenario.name) || LEVELS.has(scenario.name)) continue;
    test(scenario.name, async (t) => {
      if (!(await labOrSkip(t))) return;
      await assertReadByOurselves(await playWithOurs(scenario), await labPackages());
    });
  }
});
