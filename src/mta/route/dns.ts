/**
 * The DNS as mail needs it (RFC 1035, RFC 3596): addresses, mail exchangers, names of addresses, texts.
 *
 * Promises: no lookup rejects; what went wrong is an outcome, and "there is no such name" is never mixed up
 * with "nobody could tell". Lookups that run at the same time for the same thing are one. What is remembered
 * is bounded in number and in time; a failure to get an answer is not remembered at all.
 */
import { Resolver } from 'node:dns/promises';
import { HostsFile } from './hosts-file.ts';
import { fullAddress, parseAddress, reverseName } from './ip.ts';

export type DnsOutcome<T> =
  | { readonly kind: 'found'; readonly value: T }
  /** There is such a name, but nothing of this kind. */
  | { readonly kind: 'nodata' }
  | { readonly kind: 'nxdomain' }
  | { readonly kind: 'temporary'; readonly reason: string };

export interface MxRecord {
  readonly preference: number;
  /** Without a dot at its end; empty for the root: no mail here (RFC 7505). */
  readonly host: string;
}

export interface NameService {
  /** In full, in the order in which they are to be tried. */
  addresses(host: string): Promise<DnsOutcome<readonly string[]>>;
  mx(domain: string): Promise<DnsOutcome<readonly MxRecord[]>>;
  names(address: string): Promise<DnsOutcome<readonly string[]>>;
  txt(name: string): Promise<DnsOutcome<readonly string[]>>;
  /** Where CNAME records lead; the name itself where there are none. */
  canonicalName(host: string): Promise<string>;
}

export interface DnsOptions {
  /** `127.0.0.1:5353`, `[::1]:53`; the system's where none are given. */
  readonly servers?: readonly string[];
  readonly timeoutMs?: number;
  readonly tries?: number;
  /** Text of /etc/hosts. */
  readonly hosts?: string;
  /** Of whose addresses we can make use, the better one first. */
  readonly families?: readonly (4 | 6)[];
  readonly now?: () => number;
}

const MOST_REMEMBERED = 10_000;
const MOST_ALIASES = 8;
/** Where the answer tells none; Node.js keeps the time to live of most records to itself. */
const USUAL_LIFE_MS = 60_000;
const MOST_LIFE_MS = 3_600_000;
const NEGATIVE_LIFE_MS = 30_000;

interface Remembered {
  readonly outcome: Promise<DnsOutcome<unknown>>;
  until: number;
}

/** An answer, and for how long it holds. */
interface Answer<T> {
  readonly value: T;
  readonly lifeMs: number;
}

export class Dns implements NameService {
  readonly #resolver: Resolver;
  readonly #hosts: HostsFile;
  readonly #families: readonly (4 | 6)[];
  readonly #now: () => number;
  readonly #memory = new Map<string, Remembered>();

  constructor(options: DnsOptions = {}) {
    const { servers = [], timeoutMs = 5_000, tries = 2, families = [6, 4] } = options;
    this.#resolver = new Resolver({ timeout: timeoutMs, tries });
    if (servers.length > 0) this.#resolver.setServers([...servers]);
    this.#hosts = new HostsFile(options.hosts);
    this.#families = families;
    this.#now = options.now ?? Date.now;
  }

  async addresses(host: string): Promise<DnsOutcome<readonly string[]>> {
    const known = this.#hosts.addresses(host);
    if (known.length > 0) return { kind: 'found', value: known };
    return inOrder(await Promise.all(this.#families.map((family) => this.#family(host, family))));
  }

  mx(domain: string): Promise<DnsOutcome<readonly MxRecord[]>> {
    return this.#ask('mx', domain, async () => {
      const records = await this.#resolver.resolveMx(domain);
      return usual(
        records.map(({ priority, exchange }) => ({
          preference: priority,
          host: exchange.toLowerCase().replace(/\.$/, ''),
        })),
      );
    });
  }

  names(address: string): Promise<DnsOutcome<readonly string[]>> {
    const known = this.#hosts.nameOf(address);
    if (known !== undefined) return Promise.resolve({ kind: 'found', value: [known] });
    const parsed = parseAddress(address);
    if (parsed === null) return Promise.resolve({ kind: 'nxdomain' });
    const name = reverseName(parsed);
    // Not reverse(), for which no answer and no name are the same.
    return this.#ask('ptr', name, async () => usual(await this.#resolver.resolvePtr(name)));
  }

  txt(name: string): Promise<DnsOutcome<readonly string[]>> {
    return this.#ask('txt', name, async () => {
      const records = await this.#resolver.resolveTxt(name);
      return usual(records.map((chunks) => chunks.join('')));
    });
  }

  async canonicalName(host: string): Promise<string> {
    let name = host;
    for (let step = 0; step < MOST_ALIASES; step += 1) {
      const current = name;
      const found = await this.#ask('cname', current, async () =>
        usual(await this.#resolver.resolveCname(current)),
      );
      const target = found.kind === 'found' ? found.value[0] : undefined;
      if (target === undefined) break;
      name = target;
    }
    return name.toLowerCase();
  }

  /** Lookups under way end as failures. */
  close(): void {
    this.#resolver.cancel();
    this.#memory.clear();
  }

  #family(host: string, family: 4 | 6): Promise<DnsOutcome<readonly string[]>> {
    return this.#ask(family === 4 ? 'a' : 'aaaa', host, async () => {
      const records =
        family === 4
          ? await this.#resolver.resolve4(host, { ttl: true })
          : await this.#resolver.resolve6(host, { ttl: true });
      const seconds = Math.min(...records.map(({ ttl }) => ttl));
      const value = records.map(({ address }) => fullAddress(address));
      return { value, lifeMs: Math.min(seconds * 1000, MOST_LIFE_MS) };
    });
  }

  #ask<T extends readonly unknown[]>(
    type: string,
    name: string,
    query: () => Promise<Answer<T>>,
  ): Promise<DnsOutcome<T>> {
    // The root has no mail and no addresses.
    if (name === '' || name === '.') return Promise.resolve({ kind: 'nxdomain' });
    const key = `${type} ${name.toLowerCase()}`;
    const known = this.#memory.get(key);
    if (known !== undefined && known.until > this.#now()) {
      return known.outcome as Promise<DnsOutcome<T>>;
    }
    const outcome = query().then(
      ({ value, lifeMs }): DnsOutcome<T> => {
        // The answer to an alias's question may hold the alias and nothing else.
        const isEmpty = value.length === 0;
        this.#holdFor(key, outcome, isEmpty ? NEGATIVE_LIFE_MS : lifeMs);
        return isEmpty ? { kind: 'nodata' } : { kind: 'found', value };
      },
      (error: unknown): DnsOutcome<T> => {
        const failure = failureOf(error);
        this.#holdFor(key, outcome, failure.kind === 'temporary' ? 0 : NEGATIVE_LIFE_MS);
        return failure;
      },
    );
    this.#remember(key, { outcome, until: Number.POSITIVE_INFINITY });
    return outcome;
  }

  /** The oldest goes where there are too many. */
  #remember(key: string, entry: Remembered): void {
    this.#memory.delete(key);
    const [oldest] = this.#memory.keys();
    if (this.#memory.size >= MOST_REMEMBERED && oldest !== undefined) this.#memory.delete(oldest);
    this.#memory.set(key, entry);
  }

  #holdFor(key: string, outcome: Promise<DnsOutcome<unknown>>, lifeMs: number): void {
    const entry = this.#memory.get(key);
    if (entry?.outcome !== outcome) return;
    if (lifeMs > 0) entry.until = this.#now() + lifeMs;
    else this.#memory.delete(key);
  }
}

function usual<T>(value: T): Answer<T> {
  return { value, lifeMs: USUAL_LIFE_MS };
}

/** All that was found; if nothing was, then what is the most that is known. */
function inOrder(
  outcomes: readonly DnsOutcome<readonly string[]>[],
): DnsOutcome<readonly string[]> {
  const value = outcomes.flatMap((outcome) => (outcome.kind === 'found' ? outcome.value : []));
  if (value.length > 0) return { kind: 'found', value };
  return (
    outcomes.find(({ kind }) => kind === 'temporary') ??
    outcomes.find(({ kind }) => kind === 'nodata') ?? { kind: 'nxdomain' }
  );
}

function failureOf(error: unknown): Exclude<DnsOutcome<never>, { kind: 'found' }> {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  switch (code) {
    case 'ENOTFOUND':
    // Not a name at all, so it is nobody's; the same for what Node.js will not take for an address.
    case 'EBADNAME':
    case 'EINVAL':
    case 'ERR_INVALID_ARG_TYPE':
      return { kind: 'nxdomain' };
    case 'ENODATA':
      return { kind: 'nodata' };
    default:
      return { kind: 'temporary', reason: code };
  }
}
