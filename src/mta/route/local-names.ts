/**
 * The names for which mail is ours: sendmail's class w. The host's own names, `localhost`, its addresses in
 * brackets, and what /etc/mail/local-host-names (sendmail.cw) lists.
 */
import { expandAddress, parseAddress } from './ip.ts';

export interface LocalNamesOptions {
  /** Whole name of this host. */
  readonly hostName: string;
  /** Texts of its addresses. */
  readonly addresses?: readonly string[];
  readonly names?: Iterable<string>;
}

/** The names in a class file: one a line, `#` begins a comment. */
export function parseNameList(text: string): string[] {
  return text
    .split('\n')
    .map((line) => (line.split('#')[0] ?? '').trim().split(/\s/)[0] ?? '')
    .filter((name) => name !== '');
}

export class LocalNames {
  readonly hostName: string;
  readonly #names = new Set<string>();
  readonly #addresses = new Set<string>();

  constructor({ hostName, addresses = [], names = [] }: LocalNamesOptions) {
    this.hostName = hostName;
    for (const name of ['localhost', hostName, firstLabel(hostName), ...names]) {
      const literal = literalAddress(name);
      if (literal === null) this.#names.add(plain(name));
      else this.#addresses.add(literal);
    }
    for (const address of ['127.0.0.1', ...addresses]) this.addAddress(address);
  }

  /** An interface may get its address later. */
  addAddress(text: string): void {
    const address = parseAddress(text);
    if (address !== null) this.#addresses.add(expandAddress(address));
  }

  /** Of a domain, or of `[address]` or `[IPv6:address]`; in any case of letters, a dot at its end or none. */
  has(name: string): boolean {
    const literal = literalAddress(name);
    return literal === null ? this.#names.has(plain(name)) : this.#addresses.has(literal);
  }

  /** Does one of our addresses equal it? */
  hasAddress(text: string): boolean {
    const address = parseAddress(text);
    return address !== null && this.#addresses.has(expandAddress(address));
  }

  /** Another host's short name, in our domain. */
  complete(name: string): string {
    const domain = this.hostName.slice(firstLabel(this.hostName).length);
    return name.includes('.') || name === '' ? name : `${name}${domain}`;
  }
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function firstLabel(name: string): string {
  return name.split('.', 1)[0] ?? name;
}

/** The address that a domain literal holds, written in full; null for other names. */
function literalAddress(name: string): string | null {
  const inside = /^\[(.*)\]$/.exec(name)?.[1];
  if (inside === undefined) return null;
  const address = parseAddress(inside.replace(/^ipv6:/i, ''));
  return address === null ? null : expandAddress(address);
}
