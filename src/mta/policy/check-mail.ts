/**
 * The ruleset check_mail of sendmail 8.17 (proto.m4): may this be a sender? His domain must exist, and
 * neither the access map nor the list of bad senders may speak against him. As in sendmail, who may relay is
 * not exempt; OK or RELAY in the access map exempts a sender from the DNS.
 */
import type { Client } from '../model.ts';
import { ACCESS_DENIED, type AccessMap, parseAction, verdictOf } from './access.ts';
import { errorReply } from './error-text.ts';
import { type AddressSite, type CanonicalAddress, canonAddress } from './relay-address.ts';
import { clientAddress, clientName, type PolicySite } from './site.ts';
import { stripQuotes } from './tokens.ts';
import { ACCEPT, refuse, type Subject, type Verdict } from './verdict.ts';

/** A sender: as the client typed it, with its brackets, and bare; bare is empty for the null sender. */
export interface Sender {
  readonly shown: string;
  readonly address: string;
}

const OUR_DOMAIN_ONLY = /^(?:localhost|\[127\.0\.0\.1\]|\[ipv6:(?:0:0:0:0:0:0:0:1|::1)\])\.?$/i;

export async function checkMail(
  sender: Sender,
  client: Client,
  site: PolicySite,
): Promise<Verdict> {
  if (sender.address === '') return ACCEPT;
  const subject: Subject = { ruleset: 'check_mail', arg1: sender.shown, address: sender.shown };
  const fromHere = atLocalhost(sender, client, site);
  if (fromHere) {
    const text = 'Real domain name required for sender address';
    return refuse(subject, { code: 553, status: '5.5.4', text });
  }
  const canonical = canonAddress(sender.shown, addressSite(site));
  // What cannot be read has no domain, to the rulesets too.
  if (canonical.kind === 'error') return unqualified(subject, sender, client, site);
  if (site.badSenders.hasSender(sender.address)) {
    return refuse(subject, errorReply(ACCESS_DENIED.status, ACCESS_DENIED.text));
  }
  const value = site.access === null ? undefined : lookUp(site.access, canonical.address);
  const action = value === undefined ? null : parseAction(value);
  if (action !== null && action.kind !== 'skip') {
    return verdictOf(action, subject, ACCESS_DENIED) ?? ACCEPT;
  }
  const { domain } = canonical.address;
  if (domain === null) return unqualified(subject, sender, client, site);
  return resolved(subject, sender, domain, site);
}

/** What canonAddress needs to know of a site. */
export function addressSite(site: PolicySite): AddressSite {
  return {
    hostName: site.hostName,
    isLocalDomain: (domain) => site.isLocalDomain(domain.toLowerCase()),
    isRelayDomain: (domain) => site.relayDomains.domain(domain) === 'relay',
  };
}

function lookUp(access: AccessMap, { user, domain }: CanonicalAddress): string | undefined {
  if (domain === null) return access.user('From', user);
  return (
    access.full('From', user, domain) ?? access.user('From', user) ?? access.domain('From', domain)
  );
}

/** `user@localhost` from a client that is not of this host. */
function atLocalhost(sender: Sender, client: Client, site: PolicySite): boolean {
  if (site.acceptsUnqualified) return false;
  const domain = sender.address.slice(sender.address.lastIndexOf('@') + 1);
  if (!sender.address.includes('@') || !OUR_DOMAIN_ONLY.test(domain)) return false;
  return !site.isLocalDomain(clientName(client).toLowerCase()) && client.address !== '';
}

/** Only mail that began on this host, without a connection, may have a sender without domain. */
function unqualified(subject: Subject, sender: Sender, client: Client, site: PolicySite): Verdict {
  if (site.acceptsUnqualified || clientAddress(client) === '') return ACCEPT;
  const text = `Domain name required for sender address ${stripQuotes(sender.address)}`;
  return refuse(subject, { code: 553, status: '5.5.4', text });
}

async function resolved(
  subject: Subject,
  sender: Sender,
  domain: string,
  site: PolicySite,
): Promise<Verdict> {
  if (site.acceptsUnresolvable || domain.toLowerCase() === site.hostName.toLowerCase())
    return ACCEPT;
  const answer = await site.dns.resolves(domain);
  if (answer === 'yes') return ACCEPT;
  const text = `Domain of sender address ${stripQuotes(sender.address)}`;
  return answer === 'no'
    ? refuse(subject, { code: 553, status: '5.1.8', text: `${text} does not exist` })
    : refuse(
        { ruleset: subject.ruleset, arg1: subject.arg1 },
        { code: 451, status: '4.1.8', text: `${text} does not resolve` },
      );
}
