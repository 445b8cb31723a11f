/**
 * The ruleset check_relay of sendmail 8.17 (proto.m4): may this client speak to us at all? The access map
 * first (OK and RELAY end the search), then our own list, then how many and how often, then the lists in the DNS.
 */
import type { Client } from '../model.ts';
import { ACCESS_DENIED, type AccessMap, parseAction, verdictOf } from './access.ts';
import { errorReply } from './error-text.ts';
import { clientAddress, clientName, type DnsList, type PolicySite } from './site.ts';
import { ACCEPT, discard, quarantine, refuse, type Subject, type Verdict } from './verdict.ts';

/** How often a client has come, this connection included. */
export interface ClientLoad {
  /** Connections in the last minute. */
  readonly rate: number;
  /** Connections that are open. */
  readonly open: number;
}

const RULESET = 'check_relay';
const VERSION_4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

export async function checkRelay(
  client: Client,
  load: ClientLoad,
  site: PolicySite,
): Promise<Verdict> {
  const name = clientName(client);
  const address = clientAddress(client);
  const subject: Subject = { ruleset: RULESET, arg1: name, arg2: address };
  const value = site.access === null ? undefined : lookUp(site.access, name, address);
  if (value !== undefined) {
    return verdictOf(parseAction(value), subject, ACCESS_DENIED) ?? ACCEPT;
  }
  if (site.badSenders.hasClient(name, address)) {
    return refuse(subject, errorReply(ACCESS_DENIED.status, ACCESS_DENIED.text));
  }
  const limited = tooMuch(subject, load, site);
  if (limited !== null) return limited;
  return (await onLists(subject, address, site)) ?? withoutName(subject, client, site) ?? ACCEPT;
}

function lookUp(access: AccessMap, name: string, address: string): string | undefined {
  return access.domain('Connect', name) ?? access.address('Connect', address);
}

/** FEATURE ratecontrol and conncontrol: ClientRate: and ClientConn: entries; 0 is no limit. */
function tooMuch(subject: Subject, load: ClientLoad, site: PolicySite): Verdict | null {
  const { access, limitCode, defaultLimits } = site;
  const address = subject.arg2 ?? '';
  const reply = (text: string) => refuse(subject, { code: limitCode, status: '4.3.2', text });
  if (isOver(load.rate, limitOf(access, 'ClientRate', address, defaultLimits?.ClientRate))) {
    return reply('Connection rate limit exceeded.');
  }
  if (isOver(load.open, limitOf(access, 'ClientConn', address, defaultLimits?.ClientConn))) {
    return reply('Too many open connections.');
  }
  return null;
}

function isOver(count: number, limit: number): boolean {
  return limit > 0 && count > limit;
}

/** `otherwise` where there is no entry; 0 where it is no number. */
export function limitOf(
  access: AccessMap | null,
  tag: 'ClientRate' | 'ClientConn',
  address: string,
  otherwise = 0,
): number {
  const entry = access?.address(tag, address, 'tag only') ?? access?.default(tag);
  const value = entry ?? String(otherwise);
  const limit = Number(value.trim());
  return Number.isInteger(limit) && limit > 0 ? limit : 0;
}

async function onLists(
  subject: Subject,
  address: string,
  site: PolicySite,
): Promise<Verdict | null> {
  const [, ...octets] = VERSION_4.exec(address) ?? [];
  if (octets.length === 0) return null;
  // Sendmail logs the last list's answer in the place of the client's address.
  let shown = subject;
  for (const list of site.dnsLists) {
    const answers = await site.dns.addresses(`${octets.toReversed().join('.')}.${list.zone}`);
    if (answers === 'unknown') {
      if (list.refusesWhileUnknown === true) return unknown(shown, address, list);
      continue;
    }
    const last = answers.at(-1);
    if (last !== undefined) shown = { ...subject, arg2: last };
    const counts = answers.some((a) => list.answers === undefined || list.answers.includes(a));
    if (counts) return listed(shown, address, list);
  }
  return null;
}

function listed(subject: Subject, address: string, list: DnsList): Verdict {
  if (list.action === 'discard') return discard(subject);
  if (list.action === 'quarantine') return quarantine(subject, list.zone);
  const text = list.message ?? `550 Rejected: ADDRESS listed at ${list.zone}`;
  return refuse(subject, errorReply('5.7.1', `"${text.replaceAll('ADDRESS', address)}"`));
}

function unknown(subject: Subject, address: string, list: DnsList): Verdict {
  const text = `Temporary lookup failure of ${address} at ${list.zone}`;
  return refuse(subject, { code: 451, status: '4.4.3', text });
}

/** FEATURE require_rdns. */
function withoutName(subject: Subject, client: Client, site: PolicySite): Verdict | null {
  const address = subject.arg2 ?? '';
  if (!site.requiresName || site.relayDomains.address(address) === 'relay') return null;
  switch (client.resolution) {
    case 'OK':
      return null;
    case 'FAIL':
      return refuse(subject, {
        code: 550,
        status: '5.7.1',
        text: `Fix reverse DNS for ${address}`,
      });
    case 'TEMP':
      return refuse(subject, {
        code: 451,
        status: '4.1.8',
        text: `Client IP address ${address} does not resolve`,
      });
    case 'FORGED':
      return refuse(subject, {
        code: 451,
        status: '4.1.8',
        text: `Possibly forged hostname for ${address}`,
      });
  }
}
