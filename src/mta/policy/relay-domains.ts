/**
 * The class R of sendmail, /etc/mail/relay-domains: for whom and from where mail is relayed. A line is a
 * domain (with its sub-domains), an address or the beginning of one (`140.112`, `IPv6:2001:db8`). `reject`
 * behind it takes relaying away again: the longest entry that matches decides, so
 * `140.112.228.147 reject` closes one host of `140.112`.
 */
import { foldCase, type MapProblem } from '../map/keyed-map.ts';

export type RelayRule = 'relay' | 'reject';

const LINE = /^(?<name>\S+)(?:\s+(?<word>\S+))?\s*$/;

export class RelayDomains {
  readonly #rules = new Map<string, RelayRule>();

  constructor(rules: Iterable<readonly [name: string, rule: RelayRule]> = []) {
    // Where one name is both allowed and closed, it is closed.
    for (const [name, rule] of rules) {
      const key = foldCase(name).replace(/[.:]+$/, '');
      if (key !== '' && this.#rules.get(key) !== 'reject') this.#rules.set(key, rule);
    }
  }

  /** Of a domain without dot at its end: by itself or a parent. */
  domain(name: string): RelayRule | undefined {
    for (let key = foldCase(name); key !== ''; ) {
      const rule = this.#rules.get(key);
      if (rule !== undefined) return rule;
      const dot = key.indexOf('.');
      key = dot < 0 ? '' : key.slice(dot + 1);
    }
    return undefined;
  }

  /** Of an address as sendmail writes it, `IPv6:` before one of version 6: by itself or a net. */
  address(address: string): RelayRule | undefined {
    for (let key = foldCase(address); key !== ''; ) {
      const rule = this.#rules.get(key);
      if (rule !== undefined) return rule;
      key = key.slice(0, Math.max(key.lastIndexOf('.'), key.lastIndexOf(':'), 0));
    }
    return undefined;
  }
}

export interface ParsedRelayDomains {
  readonly domains: RelayDomains;
  readonly problems: readonly MapProblem[];
}

export function parseRelayDomains(text: string): ParsedRelayDomains {
  const rules: [string, RelayRule][] = [];
  const problems: MapProblem[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.replace(/#.*/s, '').trim();
    if (line === '') continue;
    const { name = '', word = 'relay' } = LINE.exec(line)?.groups ?? {};
    const rule = foldCase(word);
    if (name !== '' && (rule === 'relay' || rule === 'reject')) rules.push([name, rule]);
    else problems.push({ line: index + 1, text: `not understood: ${line}`, isWarning: false });
  }
  return { domains: new RelayDomains(rules), problems };
}
