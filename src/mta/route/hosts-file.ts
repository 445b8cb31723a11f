/** The names of /etc/hosts (hosts(5)), which are asked before the DNS. */
import { fullAddress, parseAddress } from './ip.ts';

export class HostsFile {
  readonly #addresses = new Map<string, string[]>();
  readonly #names = new Map<string, string>();

  constructor(text = '') {
    for (const line of text.split('\n')) {
      const [address = '', ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/);
      if (parseAddress(address) !== null) this.#add(fullAddress(address), names);
    }
  }

  /** In full; nothing for an unknown name. */
  addresses(name: string): readonly string[] {
    return this.#addresses.get(name.toLowerCase().replace(/\.$/, '')) ?? [];
  }

  nameOf(address: string): string | undefined {
    return this.#names.get(fullAddress(address));
  }

  #add(address: string, names: readonly string[]): void {
    const [first] = names;
    if (first !== undefined && !this.#names.has(address)) this.#names.set(address, first);
    for (const name of names) {
      const key = name.toLowerCase();
      const known = this.#addresses.get(key) ?? [];
      if (!known.includes(address)) this.#addresses.set(key, [...known, address]);
    }
  }
}
