/**
 * What a real sendmail has refused (fixtures): our rulesets, asked what it was asked, give the ruleset= lines
 * of its log.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import type { Client } from '../../../src/mta/model.ts';
import { Rulesets } from '../../../src/mta/policy/rulesets.ts';
import type { Verdict } from '../../../src/mta/policy/verdict.ts';
import { policyClient, policySite } from '../../support/policy-site.ts';

interface Scenario {
  readonly config: { readonly access?: string };
}

const RELAY = /^(?<name>\S+?)(?: \[(?<address>[\d.]+)\])?(?<forged> \(may be forged\))?$/;

/** A client whose name servers fail is logged as one without a name: the refusal tells them apart. */
function clientOf(relay: string, end: string): Client {
  const { name = '', address, forged } = RELAY.exec(relay)?.groups ?? {};
  if (forged !== undefined) return policyClient(address ?? '', name, 'FORGED');
  if (end.includes('Cannot resolve PTR')) return policyClient(name.slice(1, -1), name, 'TEMP');
  return policyClient(address ?? name.slice(1, -1), name);
}

function replyOf(verdict: Verdict): string {
  if (verdict.kind !== 'refuse') return '';
  const { code, status, text } = verdict.reply;
  return `${code} ${status} ${text}`;
}

/** `ruleset=check_mail, arg1=...`, without relay. */
function lineOf(verdict: Verdict): string {
  if (verdict.kind === 'accept') return 'accept';
  const { ruleset, arg1, arg2, result } = verdict.event;
  const args = arg2 === undefined ? `arg1=${arg1}` : `arg1=${arg1}, arg2=${arg2}`;
  if (result.kind === 'reject') return `ruleset=${ruleset}, ${args}, reject=${replyOf(verdict)}`;
  const what = result.kind === 'discard' ? 'discard' : `quarantine=${result.text}`;
  return `ruleset=${ruleset}, ${args}, ${what}`;
}

function ask(rulesets: Rulesets, ruleset: string, arg1: string, client: Client): Promise<Verdict> {
  const asked = { shown: arg1, address: arg1.slice(1, -1) };
  if (ruleset === 'check_relay') return rulesets.checkRelay(client, { rate: 1, open: 1 });
  if (ruleset === 'check_mail') return rulesets.checkMail(asked, client);
  return Promise.resolve(rulesets.checkRcpt(asked, { client, helo: null, mechanism: null }));
}

const LINE =
  /(?<start>ruleset=(?<ruleset>\w+), arg1=(?<arg1>\S+?)(?:, arg2=\S+)?), relay=(?<relay>.*?)(?<end>, (?:reject=|discard|quarantine=).*)/g;

for (const name of ['access_db', 'relay_denied']) {
  test(`the refusals of ${name}`, async () => {
    const text = readFileSync(resolve(`test/fixtures/sendmail/${name}.expect.json`), 'utf8');
    const { config } = JSON.parse(text) as Scenario;
    const log = readFileSync(resolve(`test/fixtures/sendmail/${name}.maillog`), 'utf8');
    const rulesets = new Rulesets(policySite(config.access ?? ''));
    const lines = [...log.matchAll(LINE)];
    assert.ok(lines.length > 10);
    for (const { groups = {} } of lines) {
      const { start = '', ruleset = '', arg1 = '', relay = '', end = '' } = groups;
      const verdict = await ask(rulesets, ruleset, arg1, clientOf(relay, end));
      assert.equal(lineOf(verdict), start + end);
    }
  });
}
