/**
 * Whole sessions that a real sendmail has held (fixtures): our rulesets, asked what it was asked, give its
 * replies, and the ruleset= lines of its log.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Client } from '../../../src/mta/model.ts';
import { parseRelayDomains } from '../../../src/mta/policy/relay-domains.ts';
import { Rulesets } from '../../../src/mta/policy/rulesets.ts';
import type { Verdict } from '../../../src/mta/policy/verdict.ts';
import { policyClient, policySite } from '../../support/policy-site.ts';

const FIXTURES = join(import.meta.dirname, '../../../../test/fixtures/sendmail');

interface Scenario {
  readonly config: { readonly access: string; readonly relay_domains: string };
  readonly sessions: readonly { readonly transcript: readonly string[] }[];
}

function clientOf(banner: string): Client {
  const [, resolution = 'OK', name = '', address = ''] =
    /\((OK|FAIL|TEMP|FORGED)\)-(\S+?)(?: \[([\d.]+)\])?(?: \(may be forged\))?$/.exec(banner) ?? [];
  const shown = address === '' ? name.slice(1, -1) : address;
  return policyClient(shown, name, resolution as Client['resolution']);
}

function replyOf(verdict: Verdict): string | null {
  if (verdict.kind !== 'refuse') return null;
  const { code, status, text } = verdict.reply;
  return `${code} ${status} ${text}`;
}

/** `ruleset=check_mail, arg1=...`, without relay, of all verdicts that are logged. */
function logged(verdict: Verdict): string[] {
  if (verdict.kind === 'accept') return [];
  const { ruleset, arg1, arg2, result } = verdict.event;
  const args = arg2 === undefined ? `arg1=${arg1}` : `arg1=${arg1}, arg2=${arg2}`;
  if (result.kind === 'discard') return [`ruleset=${ruleset}, ${args}, discard`];
  if (result.kind === 'quarantine')
    return [`ruleset=${ruleset}, ${args}, quarantine=${result.text}`];
  return [`ruleset=${ruleset}, ${args}, reject=${replyOf(verdict) ?? ''}`];
}

async function replay(scenario: Scenario): Promise<string[]> {
  const dns = {
    resolves: (domain: string) =>
      Promise.resolve(domain.endsWith('.invalid') ? ('no' as const) : ('yes' as const)),
    addresses: () => Promise.resolve([]),
  };
  const { domains: relayDomains } = parseRelayDomains(scenario.config.relay_domains);
  const rulesets = new Rulesets(policySite(scenario.config.access, { dns, relayDomains }));
  const lines: string[] = [];
  for (const { transcript } of scenario.sessions) {
    const client = clientOf(transcript[0] ?? '');
    const atConnect = await rulesets.checkRelay(client, { rate: 1, open: 1 });
    lines.push(...logged(atConnect));
    for (const [index, line] of transcript.entries()) {
      const [, command, address = ''] = /^C: (MAIL FROM|RCPT TO):<(.*)>$/.exec(line) ?? [];
      if (command === undefined) continue;
      const asked = { shown: `<${address}>`, address };
      const verdict =
        command === 'MAIL FROM'
          ? await rulesets.checkMail(asked, client)
          : rulesets.checkRcpt(asked, { client, helo: null, mechanism: null });
      const reply = transcript[index + 1]?.slice(3) ?? '';
      const expected = replyOf(atConnect) ?? replyOf(verdict);
      if (expected === null) assert.match(reply, /^250 /, line);
      else assert.equal(reply, expected);
      if (replyOf(atConnect) === null) lines.push(...logged(verdict));
    }
  }
  return lines.sort();
}

for (const name of ['access_db', 'relay_denied']) {
  test(`the sessions of ${name}`, async () => {
    const text = readFileSync(join(FIXTURES, `${name}.expect.json`), 'utf8');
    const log = readFileSync(join(FIXTURES, `${name}.maillog`), 'utf8');
    const rulesetLines = [
      ...log.matchAll(/(ruleset=.*?), relay=.*?(, (?:reject=|discard|quarantine=).*)/g),
    ];
    const expected = rulesetLines.map(([, start = '', end = '']) => start + end).sort();
    assert.deepEqual(await replay(JSON.parse(text) as Scenario), expected);
  });
}
