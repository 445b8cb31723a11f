/**
 * The ruleset check_rcpt of sendmail 8.17 (proto.m4): may this client send to this recipient? Mail for us and
 * for domains we relay to may come from anybody; the rest only from those who may relay: ourselves, clients
 * in relay-domains or with RELAY in the access map, and users who have authenticated.
 *
 * Promise: closed by default. An address is judged by where it would really lead (relay-address.ts), and what
 * cannot be read is refused.
 */
import type { Client } from '../model.ts';
import { type AccessMap, MAILBOX_DISABLED, parseAction, verdictOf } from './access.ts';
import { addressSite } from './check-mail.ts';
import { errorReply } from './error-text.ts';
import { type AddressSite, type CanonicalAddress, parseRecipient } from './relay-address.ts';
import { clientAddress, clientName, isOurself, type PolicySite } from './site.ts';
import { ACCEPT, refuse, type Subject, type Verdict } from './verdict.ts';

/** A recipient: as the client typed it, with its brackets, and bare. */
export interface Recipient {
  readonly shown: string;
  readonly address: string;
}

/** Who is asking. */
export interface RcptClient {
  readonly client: Client;
  /** What it said in HELO or EHLO; null: nothing. */
  readonly helo: string | null;
  /** By which mechanism it has authenticated; null: it has not. */
  readonly mechanism: string | null;
}

export function checkRcpt(recipient: Recipient, asker: RcptClient, site: PolicySite): Verdict {
  const { shown } = recipient;
  const subject: Subject = { ruleset: 'check_rcpt', arg1: shown, address: shown };
  if (recipient.address === '') {
    return refuse(subject, { code: 553, status: '5.0.0', text: 'User address required' });
  }
  const canonical = parseRecipient(recipient.shown, recipientSite(site));
  if (canonical.kind === 'error') {
    return refuse(subject, errorReply(canonical.status, canonical.text));
  }
  const { address } = canonical;
  const blocked = site.blocksRecipients ? blockedRecipient(subject, address, site) : null;
  if (blocked !== null) return blocked;
  if (asker.mechanism !== null && site.trustedMechanisms.includes(asker.mechanism)) return ACCEPT;
  const denied = isOurs(address, site) ? null : mayNotRelay(subject, asker.client, site);
  return denied ?? badHelo(subject, asker, site) ?? ACCEPT;
}

/** Hosts that we relay for by the access map are taken off an address too. */
function recipientSite(site: PolicySite): AddressSite {
  return { ...addressSite(site), isRelayDomain: (domain) => isRelayedTo(domain, site) };
}

function isRelayedTo(domain: string, site: PolicySite): boolean {
  const rule = site.relayDomains.domain(domain);
  if (rule !== undefined) return rule === 'relay';
  return isRelay(site.access?.domain('To', domain));
}

function isRelay(value: string | undefined): boolean {
  return value !== undefined && parseAction(value).kind === 'relay';
}

/** FEATURE blocklist_recipients. */
function blockedRecipient(
  subject: Subject,
  address: CanonicalAddress,
  site: PolicySite,
): Verdict | null {
  const value = site.access === null ? undefined : lookUp(site.access, address, site);
  if (value === undefined) return null;
  return verdictOf(parseAction(value), subject, MAILBOX_DISABLED);
}

function lookUp(
  access: AccessMap,
  { user, domain }: CanonicalAddress,
  site: PolicySite,
): string | undefined {
  if (domain === null) return access.user('To', user);
  const byUser = site.isLocalDomain(domain.toLowerCase()) ? access.user('To', user) : undefined;
  return access.full('To', user, domain) ?? byUser ?? access.domain('To', domain);
}

function isOurs({ domain }: CanonicalAddress, site: PolicySite): boolean {
  if (domain === null) return true;
  return site.isLocalDomain(domain.toLowerCase()) || isRelayedTo(domain, site);
}

/** Null where the client may relay. */
function mayNotRelay(subject: Subject, client: Client, site: PolicySite): Verdict | null {
  if (isOurself(client)) return null;
  const address = clientAddress(client);
  const byAddress = site.relayDomains.address(address);
  if (byAddress === 'relay') return null;
  if (byAddress === 'reject') return denied(subject, site);
  if (isRelay(site.access?.address('Connect', address))) return null;
  if (site.isLocalDomain(`[${address}]`.toLowerCase())) return null;
  return unresolved(subject, client) ?? byName(subject, client, site);
}

function unresolved(subject: Subject, client: Client): Verdict | null {
  const address = clientAddress(client);
  const text = 'Relaying denied. IP name';
  switch (client.resolution) {
    case 'OK':
      return null;
    case 'TEMP':
      return refuse(subject, {
        code: 450,
        status: '4.4.0',
        text: `Relaying temporarily denied. Cannot resolve PTR record for ${address}`,
      });
    case 'FORGED':
      return refuse(subject, {
        code: 550,
        status: '5.7.1',
        text: `${text} possibly forged [${address}]`,
      });
    case 'FAIL':
      return refuse(subject, {
        code: 550,
        status: '5.7.1',
        text: `${text} lookup failed [${address}]`,
      });
  }
}

function byName(subject: Subject, client: Client, site: PolicySite): Verdict | null {
  const name = clientName(client).replace(/\.+$/, '');
  if (site.isLocalDomain(name.toLowerCase())) return null;
  const rule = site.relayDomains.domain(name);
  if (rule === 'relay') return null;
  if (rule === undefined && isRelay(site.access?.domain('Connect', name))) return null;
  return denied(subject, site);
}

function denied(subject: Subject, site: PolicySite): Verdict {
  const hint = site.trustedMechanisms.length > 0 ? '. Proper authentication required.' : '';
  return refuse(subject, { code: 550, status: '5.7.1', text: `Relaying denied${hint}` });
}

/** FEATURE block_bad_helo: our own name or address, or a name without a dot. */
function badHelo(subject: Subject, asker: RcptClient, site: PolicySite): Verdict | null {
  const { helo, client, mechanism } = asker;
  if (!site.blocksBadHelo || helo === null || mechanism !== null || isOurself(client)) return null;
  if (site.relayDomains.address(clientAddress(client)) === 'relay') return null;
  const name = helo.toLowerCase();
  const isQualified = /[^.]\.[^.]/.test(name) || /^\[?ipv6:./.test(name);
  if (isQualified && !site.isLocalDomain(name)) return null;
  return refuse(subject, { code: 550, status: '5.7.1', text: `bogus HELO name used: ${helo}` });
}
