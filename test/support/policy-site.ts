/** A site for the rulesets of policy: corp.example, with whatever a test puts in its place. */
import { MemoryMap } from '../../src/mta/map/keyed-map.ts';
import { parseMapText } from '../../src/mta/map/text-map.ts';
import type { Client } from '../../src/mta/model.ts';
import { AccessMap } from '../../src/mta/policy/access.ts';
import { BadSenders } from '../../src/mta/policy/bad-senders.ts';
import { RelayDomains } from '../../src/mta/policy/relay-domains.ts';
import type { PolicySite } from '../../src/mta/policy/site.ts';
import type { Verdict } from '../../src/mta/policy/verdict.ts';

const OURS = new Set([
  'corp.example',
  'selflocal.example',
  'mx1.corp.example',
  'mx1',
  'localhost',
  '[127.0.0.1]',
]);

export function accessOf(text: string): AccessMap {
  return new AccessMap(new MemoryMap(parseMapText(text).entries));
}

export function policySite(access: string, more: Partial<PolicySite> = {}): PolicySite {
  return {
    hostName: 'mx1.corp.example',
    isLocalDomain: (domain) => OURS.has(domain),
    access: accessOf(access),
    relayDomains: new RelayDomains(),
    badSenders: new BadSenders(),
    dns: { resolves: () => Promise.resolve('no'), addresses: () => Promise.resolve([]) },
    dnsLists: [],
    acceptsUnresolvable: false,
    acceptsUnqualified: false,
    blocksRecipients: true,
    blocksBadHelo: false,
    requiresName: false,
    trustedMechanisms: [],
    limitCode: 421,
    ...more,
  };
}

/** One with a name resolves; one without does not. */
export function policyClient(
  address: string,
  name = `[${address}]`,
  resolution: Client['resolution'] = name.startsWith('[') ? 'FAIL' : 'OK',
): Client {
  return { address, port: 4711, name, resolution };
}

/** `550 5.7.1 text`, `discard`, `quarantine=text` or `accept`. */
export function verdictText(verdict: Verdict): string {
  if (verdict.kind === 'quarantine') return `quarantine=${verdict.text}`;
  if (verdict.kind !== 'refuse') return verdict.kind;
  const { code, status, text } = verdict.reply;
  return `${code} ${status} ${text}`;
}
