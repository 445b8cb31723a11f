/**
 * The hosts that take a domain's mail, in the order in which they are to be tried (RFC 5321 5, RFC 7505), and
 * what sendmail says where there are none.
 *
 * Promises: mail is never sent to a host that prefers us, so it cannot go in a circle; a name that cannot be
 * looked up now is never taken for one that does not exist. Of hosts of equal preference each may be first.
 */
import type { Outcome } from '../model.ts';
import type { DnsOutcome, MxRecord, NameService } from './dns.ts';
import { addressInLiteral, parseAddress } from './ip.ts';
import type { LocalNames } from './local-names.ts';

export interface MailHost {
  /** As the log prints it: `mail.partner.example.`, `[198.51.100.10]`. */
  readonly name: string;
  /** In full, in the order to try them; never none. */
  readonly addresses: readonly string[];
}

export type HostsOutcome =
  | {
      readonly kind: 'hosts';
      readonly hosts: readonly MailHost[];
      /** What is said when none of them took it, since the last of the list was not found; null: nothing. */
      readonly afterAll: Outcome | null;
      /** Oddities for a log of detail, such as a mail exchanger that is an alias. */
      readonly notes: readonly string[];
    }
  /** `systemError`: what `SYSERR(root): ` says of it. */
  | { readonly kind: 'failed'; readonly outcome: Outcome; readonly systemError: string | null }
  | { readonly kind: 'deferred'; readonly outcome: Outcome };

export interface MailHostsOptions {
  readonly dns: NameService;
  readonly names: LocalNames;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

type Missing = Exclude<DnsOutcome<never>, { kind: 'found' }>;

/** A host of the list, or why it is none. */
type Candidate =
  | { readonly kind: 'host'; readonly host: MailHost; readonly notes: readonly string[] }
  | { readonly kind: 'problem'; readonly outcome: Outcome };

/** So many mail exchangers sendmail looks at. */
const MOST_HOSTS = 100;

export class MailHosts {
  readonly #dns: NameService;
  readonly #names: LocalNames;
  readonly #random: () => number;

  constructor({ dns, names, random = Math.random }: MailHostsOptions) {
    this.#dns = dns;
    this.#names = names;
    this.#random = random;
  }

  /** `host` as a destination has it: a domain, `[host]`, `[address]`, or some of them with colons between. */
  async findHosts(host: string): Promise<HostsOutcome> {
    const parts = splitHosts(host);
    const [only = host] = parts;
    if (parts.length <= 1) return this.#findOne(only);
    const outcomes = await Promise.all(parts.map((part) => this.#findOne(part)));
    const hosts = outcomes.flatMap((outcome) => (outcome.kind === 'hosts' ? outcome.hosts : []));
    const last = outcomes.at(-1);
    if (hosts.length === 0 && last !== undefined) return last;
    const afterAll = last === undefined || last.kind === 'hosts' ? null : last.outcome;
    const notes = outcomes.flatMap((outcome) => (outcome.kind === 'hosts' ? outcome.notes : []));
    return { kind: 'hosts', hosts, afterAll: afterAll && postponed(afterAll), notes };
  }

  async #findOne(text: string): Promise<HostsOutcome> {
    const host = text.toLowerCase().replace(/(.)\.$/, '$1');
    if (host.startsWith('[')) return this.#findBracketed(host);
    const mx = await this.#dns.mx(host);
    if (mx.kind === 'found') return this.#ofRecords(host, mx.value);
    if (mx.kind === 'temporary') return this.#unknownNow(host);
    return this.#itself(host, mx);
  }

  /** A domain without mail exchangers is its own (RFC 5321 5.1). */
  async #itself(host: string, mx: Missing): Promise<HostsOutcome> {
    const found = await this.#dns.addresses(host);
    if (found.kind === 'found') {
      const name = `${await this.#dns.canonicalName(host)}.`;
      return hostsOf([{ name, addresses: found.value }]);
    }
    if (found.kind === 'temporary') return this.#unknownNow(host);
    const shown = host.endsWith('.uucp') ? `${host}.` : host;
    // Other records than mail exchangers and addresses may have the name.
    const kind = mx.kind === 'nodata' ? 'nodata' : found.kind;
    return failed(unknownHost(shown, { kind }));
  }

  /** Nobody could say even where it might go: the mail waits, and no mailer was tried. */
  #unknownNow(host: string): HostsOutcome {
    const isDomain = host.includes('.') && !host.endsWith('.uucp');
    if (isDomain) {
      return deferred({ ...NO_OUTCOME, kind: 'deferred', dsn: '4.4.3', stat: 'queued' });
    }
    const shown = host.includes('.') ? `${host}.` : host;
    return deferred({ ...lookupFailure(shown), dsn: '4.0.0' });
  }

  async #findBracketed(host: string): Promise<HostsOutcome> {
    const inside = /^\[(.*)\]$/.exec(host)?.[1];
    if (inside === undefined) return failed(permanent(host, '5.1.2', 'Host unknown'));
    const literal = addressInLiteral(host);
    if (literal !== null) return hostsOf([{ name: host, addresses: [literal] }]);
    if (inside === '') return failed(permanent(host, '5.1.2', nameServerText(host, NO_NAME)));
    if (inside.startsWith('ipv6:') || /^[\d.]+$/.test(inside)) {
      return failed(unknownHost(host, { kind: 'nxdomain' }));
    }
    return this.#withoutMx(host, inside);
  }

  async #withoutMx(shown: string, name: string): Promise<HostsOutcome> {
    const found = await this.#dns.addresses(name);
    if (found.kind === 'found') {
      const canonical = `${await this.#dns.canonicalName(name)}.`;
      return hostsOf([{ name: canonical, addresses: found.value }]);
    }
    if (found.kind === 'temporary') return deferred(lookupFailure(shown));
    const isDomain = found.kind === 'nodata' && (await this.#dns.mx(name)).kind === 'found';
    return failed(unknownHost(isDomain ? `${name}.` : shown, found));
  }

  async #ofRecords(domain: string, records: readonly MxRecord[]): Promise<HostsOutcome> {
    const isNull = ({ host, preference }: MxRecord) => host === '' && preference === 0;
    const real = records.filter((record) => !isNull(record));
    if (real.length === 0) return failed(permanent(`${domain}.`, '5.1.10', 'Service unavailable'));
    const ours = real.filter(({ host }) => this.#names.has(host));
    const limit = Math.min(...ours.map(({ preference }) => preference));
    const better = real.filter(({ preference }) => preference < limit);
    if (better.length === 0) return this.#pointsBack(domain);
    const ordered = this.#ordered(better).slice(0, MOST_HOSTS);
    return collected(await Promise.all(ordered.map((record) => this.#candidate(record))));
  }

  #pointsBack(domain: string): HostsOutcome {
    const outcome = permanent(`${domain}.`, '5.3.5', 'Local configuration error');
    const systemError = `MX list for ${domain}. points back to ${this.#names.hostName}`;
    return { kind: 'failed', outcome, systemError };
  }

  /** By preference; within one at random, so that hosts that share the work do share it. */
  #ordered(records: readonly MxRecord[]): readonly MxRecord[] {
    return records
      .map((record) => ({ record, lot: this.#random() }))
      .sort((a, b) => a.record.preference - b.record.preference || a.lot - b.lot)
      .map(({ record }) => record);
  }

  async #candidate({ host }: MxRecord): Promise<Candidate> {
    const name = `${host}.`;
    if (host === '') {
      return { kind: 'problem', outcome: permanent(name, '5.1.2', nameServerText(name, NO_NAME)) };
    }
    const address = parseAddress(host) === null ? null : host;
    const found: DnsOutcome<readonly string[]> =
      address === null ? await this.#dns.addresses(host) : { kind: 'found', value: [address] };
    if (found.kind === 'found') {
      const notes = address === null ? await this.#notesOn(host) : [`MX ${name} is an address`];
      return { kind: 'host', host: { name, addresses: found.value }, notes };
    }
    const outcome = found.kind === 'temporary' ? lookupFailure(name) : unknownHost(name, found);
    return { kind: 'problem', outcome };
  }

  /** RFC 5321 5.1 forbids it, and it works. */
  async #notesOn(host: string): Promise<readonly string[]> {
    const canonical = await this.#dns.canonicalName(host);
    return canonical === host ? [] : [`MX ${host}. is an alias of ${canonical}.`];
  }
}

const NO_NAME = 'non-recoverable error';
const NO_OUTCOME = { reply: null, relay: null, isDsnPassedOn: false } as const;

function collected(candidates: readonly Candidate[]): HostsOutcome {
  const hosts = candidates.flatMap((one) => (one.kind === 'host' ? [one.host] : []));
  const notes = candidates.flatMap((one) => (one.kind === 'host' ? one.notes : []));
  const problems = candidates.flatMap((one) => (one.kind === 'problem' ? [one.outcome] : []));
  const last = candidates.at(-1);
  const outcome = last?.kind === 'problem' ? last.outcome : null;
  if (hosts.length > 0) {
    return { kind: 'hosts', hosts, afterAll: outcome && postponed(outcome), notes };
  }
  const mayChange = problems.some(({ kind }) => kind === 'deferred');
  const worst = outcome ?? permanent('', '5.1.2', 'Host unknown');
  if (mayChange) return deferred(postponed(worst));
  return failed(worst);
}

/** The last host of a list does not exist, but another may yet take the mail: sendmail keeps the code. */
function postponed(outcome: Outcome): Outcome {
  return outcome.kind === 'deferred' ? outcome : { ...outcome, kind: 'deferred', stat: 'Deferred' };
}

function hostsOf(hosts: readonly MailHost[]): HostsOutcome {
  return { kind: 'hosts', hosts, afterAll: null, notes: [] };
}

function failed(outcome: Outcome): HostsOutcome {
  return { kind: 'failed', outcome, systemError: null };
}

function deferred(outcome: Outcome): HostsOutcome {
  return { kind: 'deferred', outcome };
}

function permanent(relay: string, dsn: string, stat: string): Outcome {
  return { ...NO_OUTCOME, kind: 'failed', dsn, stat, relay };
}

function unknownHost(name: string, missing: { readonly kind: string }): Outcome {
  const why = missing.kind === 'nodata' ? 'no data known' : 'host not found';
  return permanent(name, '5.1.2', nameServerText(name, why));
}

function nameServerText(name: string, why: string): string {
  return `Host unknown (Name server: ${name}: ${why})`;
}

function lookupFailure(name: string): Outcome {
  const stat = `Deferred: Name server: ${name}: host name lookup failure`;
  return { ...NO_OUTCOME, kind: 'deferred', dsn: '4.4.3', stat, relay: name };
}

/** At colons outside of brackets. */
function splitHosts(text: string): readonly string[] {
  return text.match(/\[[^\]]*\]?|[^:[]+/g) ?? [text];
}
