/** What the rulesets are given: the site's tables, its view of the DNS, and a client as they name him. */
import type { Client } from '../model.ts';
import type { AccessMap } from './access.ts';
import type { BadSenders } from './bad-senders.ts';
import type { RelayDomains } from './relay-domains.ts';

/** Answers of the DNS that policy needs. Neither rejects. */
export interface PolicyDns {
  /**
   * Whether mail could be answered: the domain has an MX, A, AAAA or CNAME record; of an address literal with
   * its brackets, whether the address has a name.
   */
  resolves(domain: string): Promise<'yes' | 'no' | 'unknown'>;
  /** The A records of a name; `unknown` where the name servers do not answer. */
  addresses(name: string): Promise<readonly string[] | 'unknown'>;
}

/** A DNS list of clients (FEATURE dnsbl, enhdnsbl). */
export interface DnsList {
  /** `dnsbl.example`. */
  readonly zone: string;
  /** Told instead of `550 Rejected: ADDRESS listed at ZONE`; `ADDRESS` stands for the client's address. */
  readonly message?: string;
  readonly action?: 'reject' | 'discard' | 'quarantine';
  /** Answers that count; all do where there are none. */
  readonly answers?: readonly string[];
  /** Whether a client is refused for now while the list does not answer. */
  readonly refusesWhileUnknown?: boolean;
}

export interface PolicySite {
  /** Our host's own name, sendmail's $j. */
  readonly hostName: string;
  /** Of class w: a domain in lower case, or an address of ours in brackets. */
  isLocalDomain(domain: string): boolean;
  /** Null: no access map. */
  readonly access: AccessMap | null;
  readonly relayDomains: RelayDomains;
  readonly badSenders: BadSenders;
  readonly dns: PolicyDns;
  readonly dnsLists: readonly DnsList[];
  /** FEATURE accept_unresolvable_domains. */
  readonly acceptsUnresolvable: boolean;
  /** FEATURE accept_unqualified_senders. */
  readonly acceptsUnqualified: boolean;
  /** FEATURE blocklist_recipients: To: entries refuse. */
  readonly blocksRecipients: boolean;
  /** FEATURE block_bad_helo. */
  readonly blocksBadHelo: boolean;
  /** FEATURE require_rdns. */
  readonly requiresName: boolean;
  /** Mechanisms whose users may relay (TRUST_AUTH_MECH); with any, refusals speak of authentication. */
  readonly trustedMechanisms: readonly string[];
  /** For clients of whom the access map has no entry; 0 or absent: no limit. */
  readonly defaultLimits?: Readonly<Record<'ClientRate' | 'ClientConn', number>>;
  /** The code for a client that is too quick: 421 ends the connection (argument `terminate`), else 452. */
  readonly limitCode: 421 | 452;
}

/** Sendmail's ${client_addr}: empty for ourselves. */
export function clientAddress(client: Client): string {
  return client.address.includes(':') ? `IPv6:${client.address}` : client.address;
}

/** Sendmail's ${client_name}: the address in brackets where there is no name. */
export function clientName(client: Client): string {
  if (!client.name.startsWith('[') && client.name !== '') return client.name;
  return `[${clientAddress(client)}]`;
}

export function isOurself(client: Client): boolean {
  const address = clientAddress(client);
  return ['', '0', '127.0.0.1', 'IPv6:0:0:0:0:0:0:0:1', 'IPv6:::1'].includes(address);
}
