/**
 * A list of senders that nothing is taken from, as BadMailFrom lists are: one a line, `user@domain`,
 * `@domain` or `domain` (with its sub-domains), an address of a client or the beginning of one.
 */
import { foldCase } from '../map/keyed-map.ts';

export class BadSenders {
  readonly #names = new Set<string>();

  constructor(text = '') {
    for (const line of text.split(/\r?\n/)) {
      const name = foldCase(line.replace(/#.*/s, '').trim());
      if (name !== '') this.#names.add(name.replace(/^@/, '').replace(/[.:]+$/, ''));
    }
  }

  /** A sender's address, without brackets. */
  hasSender(address: string): boolean {
    const sender = foldCase(address).replace(/\.+$/, '');
    const at = sender.lastIndexOf('@');
    return at >= 0 && (this.#names.has(sender) || this.#hasDomain(sender.slice(at + 1)));
  }

  /** A client by its name and its address (`IPv6:` before one of version 6). */
  hasClient(name: string, address: string): boolean {
    if (!name.startsWith('[') && this.#hasDomain(foldCase(name).replace(/\.+$/, ''))) return true;
    for (let key = foldCase(address); key !== ''; ) {
      if (this.#names.has(key)) return true;
      key = key.slice(0, Math.max(key.lastIndexOf('.'), key.lastIndexOf(':'), 0));
    }
    return false;
  }

  #hasDomain(domain: string): boolean {
    for (let key = domain; key !== ''; ) {
      if (this.#names.has(key)) return true;
      const dot = key.indexOf('.');
      key = dot < 0 ? '' : key.slice(dot + 1);
    }
    return false;
  }
}
