/**
 * Where an address leads: what the rulesets `canonify` and `parse` of a sendmail configuration come to.
 * Virtual users, names of our own, the mailertable, a smart host, the domain itself, in this order.
 *
 * Promises: it ends, also where tables lead in a circle; every address has an answer. Replies are without
 * the address in front (see replyAbout in smtp-path.ts). It knows no users: of a local one the name comes out.
 */
import type { AddressResolver, Destination, MailerName, Reply, Resolution } from '../model.ts';
import type { CanonicalDomain } from './canonical-domain.ts';
import { canonify, type Focus, ROUTING, syntaxProblem } from './canonify.ts';
import { type KeyedMap, NO_MAP } from './keyed-map.ts';
import type { LocalNames } from './local-names.ts';
import {
  type ErrorRoute,
  type MailerRoute,
  mailertableRoute,
  parseMailerRoute,
} from './mailertable.ts';
import { joinTokens, prescan, type Tokens } from './prescan.ts';
import { virtualUser } from './virtusertable.ts';

export interface AddressRoutingOptions {
  readonly names: LocalNames;
  readonly virtusertable?: KeyedMap;
  readonly mailertable?: KeyedMap;
  /** sendmail's DS: `smart.example`, `[smart.example]`, `esmtp:[smart.example]`; empty for none. */
  readonly smartHost?: string;
  /** Aliases of domains are replaced by what they stand for; absent: they are not (nocanonify). */
  readonly canonical?: (domain: string) => Promise<CanonicalDomain>;
}

/** sendmail's MaxRuleRecursion; each turn through the tables takes some of its rulesets. */
const MOST_TURNS = 25;
const TOO_DEEP: Reply = {
  code: 554,
  status: '5.0.0',
  text: 'rewrite: excessive recursion (max 50), ruleset canonify',
};
const MAILERS: readonly MailerName[] = [
  'prog',
  '*file*',
  'local',
  'lmtp',
  'smtp',
  'esmtp',
  'smtp8',
  'dsmtp',
  'relay',
];

interface Parts {
  readonly local: Tokens;
  /** As in the address; null for none. */
  readonly domain: Tokens | null;
}

export class AddressRouting implements AddressResolver {
  readonly #names: LocalNames;
  readonly #virtual: KeyedMap;
  readonly #mailers: KeyedMap;
  readonly #smartHost: string;
  readonly #canonical: (domain: string) => Promise<CanonicalDomain>;

  constructor(options: AddressRoutingOptions) {
    this.#names = options.names;
    this.#virtual = options.virtusertable ?? NO_MAP;
    this.#mailers = options.mailertable ?? NO_MAP;
    this.#smartHost = options.smartHost ?? '';
    this.#canonical = options.canonical ?? ((name) => Promise.resolve({ kind: 'name', name }));
  }

  async resolve(address: string): Promise<Resolution> {
    return this.#resolveText(address, 0);
  }

  async #resolveText(address: string, turn: number): Promise<Resolution> {
    if (turn > MOST_TURNS) return { kind: 'error', reply: TOO_DEEP };
    const scan = prescan(address);
    if (scan.kind === 'refused') return { kind: 'error', reply: scan.reply };
    // A client's address has stood in brackets: no colon in it ends the name of a group.
    const tokens = turn === 0 ? ['<', ...scan.tokens, '>'] : scan.tokens;
    const parts = this.#ownParts(tokens);
    return 'code' in parts ? { kind: 'error', reply: parts } : this.#resolveParts(parts, turn);
  }

  /** With our own names taken off for as long as the rest names another host: `x%b.example@corp.example`. */
  #ownParts(tokens: Tokens): Parts | Reply {
    let rest = tokens;
    for (let turn = 0; turn <= MOST_TURNS; turn += 1) {
      const focus = canonify(rest);
      const problem = syntaxProblem(focus);
      if (problem !== null) return problem;
      const { local, domain } = this.#dequoted(partsOf(focus));
      const isForeign = domain !== null && !this.#isOurs(domain);
      const leadsOn = local.some((token) => ROUTING.has(token)) && !isSame(local, rest);
      if (isForeign || !leadsOn || isStuck(local)) return this.#checked({ local, domain });
      rest = local;
    }
    return TOO_DEEP;
  }

  #checked(parts: Parts): Parts | Reply {
    return parts.local.length === 0
      ? { code: 553, status: '5.1.3', text: 'User address required' }
      : parts;
  }

  /** `"alice"@corp.example` is alice: quotes that keep nothing together say nothing to us. */
  #dequoted({ local, domain }: Parts): Parts {
    const [token, ...more] = local;
    const isOurs = domain === null || this.#isOurs(domain);
    if (token === undefined || more.length > 0 || !isOurs) return { local, domain };
    const inside = /^"(.*)"$/s.exec(token)?.[1];
    if (inside === undefined || /\s/.test(inside)) return { local, domain };
    const scan = prescan(inside);
    if (scan.kind === 'refused') return { local, domain };
    const focus = scan.tokens.includes('<') ? canonify(scan.tokens) : null;
    return { local: focus?.kind === 'local' ? focus.local : scan.tokens, domain };
  }

  #isOurs(domain: Tokens): boolean {
    const name = joinTokens(domain);
    return this.#names.has(name) || (isUucp(name) && this.#names.has(name.slice(0, -5)));
  }

  async #resolveParts({ local, domain }: Parts, turn: number): Promise<Resolution> {
    const user = joinTokens(local);
    if (domain === null) return localDestination(user);
    const host = joinTokens(domain);
    if (this.#isOurs(domain)) return this.#resolveOurs(user, host, turn);
    if (/^\[.+\]$/.test(host)) return this.#resolveLiteral(`${user}@${host}`, host);
    return this.#resolveNamed(user, host, turn);
  }

  async #resolveNamed(user: string, host: string, turn: number): Promise<Resolution> {
    const canonical = await this.#canonical(host);
    if (canonical.kind === 'temporary') {
      const resolution = await this.#resolveForeign(user, host, turn);
      return resolution.kind === 'error' ? resolution : { ...resolution, willQueue: true };
    }
    const { name } = canonical;
    return this.#names.has(name)
      ? this.#resolveOurs(user, name, turn)
      : this.#resolveForeign(user, name, turn);
  }

  async #resolveOurs(user: string, host: string, turn: number): Promise<Resolution> {
    const isByAddress = host.startsWith('[') || /^localhost$/i.test(host) || isUucp(host);
    const name = isByAddress ? this.#names.hostName : host;
    const virtual = await virtualUser(this.#virtual, user, name.toLowerCase());
    if (virtual === null) return localDestination(user);
    if (virtual.kind === 'error') return { kind: 'error', reply: errorReply(virtual) };
    return this.#resolveText(virtual.address, turn + 1);
  }

  /** The mailertable knows no addresses; a smart host without a mailer takes them by esmtp. */
  #resolveLiteral(address: string, host: string): Resolution {
    if (this.#smartHost === '') return remote('esmtp', host, address);
    const route = parseMailerRoute(this.#smartHost);
    if (route?.kind === 'mailer') return remote(route.mailer, route.host, address);
    return remote('esmtp', this.#smartHost, address);
  }

  async #resolveForeign(user: string, domain: string, turn: number): Promise<Resolution> {
    const host = domain.toLowerCase();
    const route = (await mailertableRoute(this.#mailers, host)) ?? this.#smartRoute();
    if (route === null) return remote('esmtp', host, this.#written(user, domain, 'esmtp'));
    if (route.kind === 'error') return { kind: 'error', reply: errorReply(route) };
    if (route.kind === 'local') return this.#resolveLocal(route, user, domain, turn);
    const address = this.#written(user, domain, route.mailer);
    const at = route.host.indexOf('@');
    if (at <= 0) return remote(route.mailer, route.host, address);
    return remote(route.mailer, route.host.slice(at + 1), route.host.slice(0, at));
  }

  /** UUCP's hosts are named in its own way; all but a relay are told from where. */
  #written(user: string, domain: string, mailer: string): string {
    const host = /^(.+)\.uucp$/i.exec(domain)?.[1];
    if (host === undefined) return `${user}@${domain}`;
    return mailer === 'relay' ? `${host}!${user}` : `${host}!${user}@${this.#names.hostName}`;
  }

  #smartRoute(): MailerRoute | null {
    if (this.#smartHost === '') return null;
    const route = parseMailerRoute(this.#smartHost);
    return route ?? { kind: 'mailer', mailer: 'relay', host: this.#smartHost };
  }

  /** A mailertable's `local:`: what `relay=` then shows is the address. */
  async #resolveLocal(
    route: Extract<MailerRoute, { kind: 'local' }>,
    user: string,
    domain: string,
    turn: number,
  ): Promise<Resolution> {
    const names = prescan(user);
    const leadsOn = names.kind === 'tokens' && names.tokens.some((token) => ROUTING.has(token));
    if (leadsOn) return this.#resolveText(user, turn + 1);
    const name = (route.user === '' ? user : route.user).toLowerCase();
    return found({ mailer: 'local', host: `${user}@${domain}`, user: name });
  }
}

/** For one whom a client names itself: programs, files and lists are for aliases only. */
export function directDeliveryProblem({ mailer }: Destination): Reply | null {
  const what = new Map([
    ['prog', 'programs'],
    ['*file*', 'files'],
  ]).get(mailer);
  return what === undefined ? null : forbidden(what);
}

/** The reply that an error line of a table asks for. */
export function errorReply({ host, text }: ErrorRoute): Reply {
  const [, code, said = ''] = /^([245]\d\d) (.*)$/s.exec(text) ?? [];
  if (code === undefined) return { code: 553, status: '5.3.0', text };
  const [, status, rest = ''] = /^([245]\.\d{1,3}\.\d{1,3}) (.*)$/s.exec(said) ?? [];
  if (status !== undefined) return { code: Number(code), status, text: rest };
  return {
    code: Number(code),
    status: host.includes('.') ? host : `${code.charAt(0)}.0.0`,
    text: said,
  };
}

function forbidden(what: string): Reply {
  return { code: 550, status: '5.7.1', text: `Cannot mail directly to ${what}` };
}

function partsOf(focus: Focus): Parts {
  if (focus.kind === 'domain') return focus;
  return { local: focus.kind === 'local' ? focus.local : [], domain: null };
}

/** Nothing on one side of the sign, as in `a!`: sendmail leaves it alone. */
function isStuck(local: Tokens): boolean {
  const focus = canonify(local);
  return focus.kind === 'local' || focus.kind === 'null';
}

function isUucp(domain: string): boolean {
  return /^[^.]+\.uucp$/i.test(domain);
}

function isSame(one: Tokens, other: Tokens): boolean {
  return one.length === other.length && one.every((token, index) => token === other[index]);
}

function found(destination: Destination): Resolution {
  return { kind: 'destination', destination };
}

function remote(mailer: string, host: string, user: string): Resolution {
  const known = MAILERS.find((name) => name === mailer);
  if (known === undefined) {
    const text = `buildaddr: unknown mailer ${mailer}`;
    return { kind: 'error', reply: { code: 554, status: '5.3.5', text } };
  }
  return found({ mailer: known, host: host.toLowerCase().replace(/\.$/, ''), user });
}

/** What follows a plus is for the user alone, and is shown as the relay. */
function localDestination(written: string): Resolution {
  const user = written.replace(/^"([|/:].*)"$/s, '$1');
  if (user.startsWith('|')) return found({ mailer: 'prog', host: '', user: user.slice(1) });
  if (user.startsWith('/')) return found({ mailer: '*file*', host: '', user });
  if (/^:include:/i.test(user)) return { kind: 'error', reply: forbidden(':include:s') };
  const name = user.toLowerCase();
  const plus = name.indexOf('+', 1);
  if (plus === -1) return found({ mailer: 'local', host: '', user: name });
  const plain = name.slice(0, plus).replace(/^"([^"\\\s]+)"$/, '$1');
  return found({ mailer: 'local', host: name.slice(plus + 1), user: plain });
}
