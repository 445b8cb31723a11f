/**
 * Whole sessions that real sendmail 8.17.1.9 led, written down by their clients (test/fixtures/mta/transcripts.json):
 * ours, configured from the same lines of sendmail.mc, gives the same replies.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { playWithOurs } from '../../support/mta-lab/lab.ts';
import { labOrSkip } from '../../support/mta-lab/lab-or-skip.ts';
import type { Scenario } from '../../support/mta-lab/scenario.ts';
import {
  expected,
  scriptOf,
  type WrittenSession,
  written,
} from '../../support/mta-lab/transcript-script.ts';

interface Fixture {
  readonly answers: readonly (readonly string[])[];
  readonly scenarios: readonly {
    readonly name: string;
    readonly config: Readonly<Record<string, string>>;
    readonly sessions: readonly WrittenSession[];
  }[];
}

const FOLDER = '../../../../test/fixtures/mta/transcripts.json';
const { answers, scenarios } = JSON.parse(
  readFileSync(join(import.meta.dirname, FOLDER), 'utf8'),
) as Fixture;
const PASSWORDS = { alice: 'wonder', bob: 'builder' };

/** Sessions that are not replayed, by scenario and number, and why. */
const LEFT_OUT: Readonly<Record<string, Readonly<Record<number, string>>>> = {};

/** Places of the world in which the sessions were written down, in ours. */
const PLACES = /\/(?:etc\/mail\/(?=\S+\.list)|var\/lab\/|usr\/local\/bin\/|etc\/lab\b\/?)/g;

function scenarioOf({ name, config, sessions }: Fixture['scenarios'][number]): Scenario {
  const moved = (text = '') => text.replace(PLACES, '/srv/lab/');
  return {
    name,
    config: {
      access: config.access ?? '',
      aliases: moved(config.aliases),
      relayDomains: config.relay_domains ?? '',
      virtusertable: config.virtusertable ?? '',
      mailertable: config.mailertable ?? '',
      local: config.local ?? '',
      mc: [moved(config.mc_extra)],
      certificates: config.mc_extra?.includes('confSERVER_CERT') ?? false,
      users: PASSWORDS,
    },
    sessions: sessions.map((session) => scriptOf(session, PASSWORDS)),
    sessionsAtOnce: 8,
  };
}

suite('sessions of real sendmail', { concurrency: 3 }, () => {
  for (const scenario of scenarios) {
    test(scenario.name, async (t) => {
      if (!(await labOrSkip(t))) return;
      const { transcripts } = await playWithOurs(scenarioOf(scenario));
      const wrong = scenario.sessions.flatMap((session, index) => {
        if (LEFT_OUT[scenario.name]?.[index] !== undefined) return [];
        const wanted = expected(session, answers);
        const said = written(transcripts[index] ?? [], answers);
        // Who hangs up does not hear the rest.
        const heard = session.lines.at(-1)?.startsWith('C: ') ? said : said.slice(0, wanted.length);
        const isSame = JSON.stringify(heard.slice(0, wanted.length)) === JSON.stringify(wanted);
        return isSame ? [] : [{ session: index, client: session.lines, wanted, said }];
      });
      assert.deepEqual(wrong, []);
    });
  }
});
