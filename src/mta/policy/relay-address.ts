/**
 * What an address comes to when all that leads through this host is taken off it: `x%b@us`, `"x@b"@us`,
 * `@us:x@b`, `b!x` are all `x` at `b`. It follows the rulesets canonify, Parse0, CanonAddr and ParseRecipient
 * of sendmail 8.17 (proto.m4), so that relaying is judged by where mail would really go.
 *
 * Promises: ends for any text; what sendmail calls a syntax error is one here.
 */
import { foldCase } from '../map/keyed-map.ts';
import { dequote, joinTokens, tokenize } from './tokens.ts';

/** `domain` without the dot at its end; null for a mere local name. */
export interface CanonicalAddress {
  readonly user: string;
  readonly domain: string | null;
}

export type Canonical =
  | { readonly kind: 'address'; readonly address: CanonicalAddress }
  /** `status` and text as sendmail's rulesets have them. */
  | { readonly kind: 'error'; readonly status: string; readonly text: string };

/** Which domains are ours, and which we relay to. */
export interface AddressSite {
  /** Our host's own name. */
  readonly hostName: string;
  /** A domain or an address literal with its brackets, of class w. */
  isLocalDomain(domain: string): boolean;
  isRelayDomain(domain: string): boolean;
}

type Tokens = readonly string[];

interface Focused {
  readonly user: Tokens;
  /** Null: no domain at all; empty: an @ with nothing behind it. */
  readonly domain: Tokens | null;
}

type Parsed = Focused | { readonly status: string; readonly text: string };

/** Class O: what makes a local part lead on to another host. */
const FORWARDING = new Set(['@', '%', '!']);
/** Each step takes something off; sendmail gives up as early. */
const DEEPEST = 50;

/** `address` as the client typed it, with its brackets: they decide what a colon means. */
export function canonAddress(address: string, site: AddressSite): Canonical {
  const tokens = tokenize(address);
  if (tokens === null) return problem('5.1.3', '553 Invalid address syntax');
  return outcome(parse(tokens, site, 0));
}

/** The same with hosts taken off that we relay for anyway. */
export function parseRecipient(address: string, site: AddressSite): Canonical {
  let tokens: Tokens | null = tokenize(address);
  for (let depth = 0; depth < DEEPEST; depth++) {
    if (tokens === null) break;
    const parsed = parse(tokens, site, depth);
    if ('text' in parsed) return outcome(parsed);
    const user = dequote(parsed.user);
    const domain = parsed.domain === null ? null : joinTokens(parsed.domain);
    const isThrough = domain !== null && user.some((token) => FORWARDING.has(token));
    if (!isThrough || !site.isRelayDomain(domain)) return outcome({ ...parsed, user });
    tokens = user;
  }
  return problem('5.1.3', '553 Invalid address syntax');
}

function outcome(parsed: Parsed): Canonical {
  if ('text' in parsed) return problem(parsed.status, parsed.text);
  const domain = parsed.domain === null ? null : joinTokens(parsed.domain);
  return { kind: 'address', address: { user: joinTokens(parsed.user), domain } };
}

function problem(status: string, text: string): Canonical {
  return { kind: 'error', status, text };
}

/** Parse0: the checks, then our own domains are taken off while something is behind them. */
function parse(tokens: Tokens, site: AddressSite, depth: number): Parsed {
  if (tokens.at(-3) === ':' && tokens.at(-2) === ';' && tokens.at(-1) === '>') {
    return { status: '5.1.3', text: '553 List:; syntax illegal for recipient addresses' };
  }
  const focused = canonify(tokens, site);
  const wrong = fault(focused);
  if (wrong !== null) return wrong;
  const { domain } = focused;
  const isOurs = domain === null || site.isLocalDomain(joinTokens(domain));
  if (!isOurs) return focused;
  // Of a mere local name only a single token is looked into.
  if (domain === null && focused.user.length > 1) return focused;
  const user = dequote(focused.user);
  if (user.length === 0) return NO_USER;
  if (!user.some((token) => FORWARDING.has(token))) return { user, domain };
  if (depth >= DEEPEST) return { status: '5.1.3', text: '553 Invalid route address' };
  return parse(user, site, depth + 1);
}

interface Fault {
  readonly status: string;
  readonly text: string;
}

const NO_USER: Fault = { status: '5.1.3', text: '553 User address required' };

function fault({ user, domain }: Focused): Fault | null {
  if (domain === null) return null;
  if (user.length === 0 || (user.length === 1 && user[0] === '@')) return NO_USER;
  if (domain.length === 0) return { status: '5.1.3', text: '553 Hostname required' };
  const wrong = domainFault(domain);
  if (wrong !== null) return wrong;
  const isRoute = user.includes('@') || user.includes(',');
  return isRoute ? { status: '5.1.3', text: '553 Invalid route address' } : null;
}

function domainFault(domain: Tokens): Fault | null {
  const close = domain.indexOf(']');
  if (domain[0] === '[' && close > 0) {
    return close < domain.length - 1 ? { status: '5.1.2', text: '553 Invalid address' } : null;
  }
  if (domain.includes(':')) {
    return { status: '5.1.3', text: '553 Colon illegal in host name part' };
  }
  const hasEmptyPart = domain.some((t, i) => t === '.' && (i === 0 || domain[i + 1] === '.'));
  if (hasEmptyPart) return { status: '5.1.2', text: '553 Invalid host name' };
  // One with a dot in it has been given a dot at its end before this.
  const isRoute = domain.at(-1) === '@' && domain.lastIndexOf('.') < 1;
  return isRoute ? { status: '5.1.2', text: '553 Invalid route address' } : null;
}

/** Ruleset 3: finds the domain of an address in any of the old forms. */
function canonify(tokens: Tokens, site: AddressSite): Focused {
  const bare = withoutRoute(withoutBrackets(withoutGroup(tokens)));
  const focused = focus(bare);
  if (focused.domain === null) return focused;
  return { user: focused.user, domain: canonicalDomain(focused.domain, site) };
}

function withoutGroup(tokens: Tokens): Tokens {
  const text = joinTokens(tokens);
  let rest = tokens;
  const isPlain =
    tokens[0] !== '@' && !tokens.includes('<') && !text.includes('::') && !endsInIpv6(tokens);
  if (isPlain && tokens.includes(':')) rest = tokens.slice(tokens.indexOf(':') + 1);
  while (rest.at(-1) === ';') rest = rest.slice(0, -1);
  return rest;
}

function endsInIpv6(tokens: Tokens): boolean {
  const open = tokens.lastIndexOf('[');
  return tokens.at(-1) === ']' && foldCase(tokens[open + 1] ?? '') === 'ipv6';
}

function withoutBrackets(tokens: Tokens): Tokens {
  const open = tokens.lastIndexOf('<');
  const close = tokens.indexOf('>', open + 1);
  let inner = open >= 0 && close > open ? tokens.slice(open + 1, close) : tokens;
  while (inner.at(-1) === ';') inner = inner.slice(0, -1);
  return inner;
}

/** `@a,@b:user@c` is `user@c`. */
function withoutRoute(tokens: Tokens): Tokens {
  let rest = tokens;
  while (rest[0] === '@' && rest.indexOf(',') > 1) rest = rest.slice(rest.indexOf(',') + 1);
  while (rest[0] === '@') {
    const literal =
      rest[1] === '[' ? rest.findIndex((t, i) => t === ']' && rest[i + 1] === ':') : -1;
    const colon = literal > 0 ? literal + 1 : rest.indexOf(':');
    if (colon < 2 || colon === rest.length - 1) break;
    rest = rest.slice(colon + 1);
  }
  return rest;
}

function focus(tokens: Tokens): Focused {
  const at = rightmostAt(tokens);
  if (at > 0) return { user: tokens.slice(0, at), domain: tokens.slice(at + 1) };
  const bang = focusOfBang(tokens);
  if (bang !== null) return bang;
  const last = Math.max(tokens.lastIndexOf('%'), tokens.lastIndexOf('@'));
  if (last < 0) return { user: tokens, domain: null };
  const user = tokens.slice(0, last).map((token) => (token === '@' ? '%' : token));
  return { user, domain: tokens.slice(last + 1) };
}

/** The last @ with something on both sides, where there is one. */
function rightmostAt(tokens: Tokens): number {
  for (let at = tokens.length - 2; at > 0; at--) {
    if (tokens[at] === '@') return at;
  }
  return -1;
}

/** `host!user`, `dom.ain!user`, and whatever else has a bang. */
function focusOfBang(tokens: Tokens): Focused | null {
  const isInside = (at: number) => at > 0 && at < tokens.length - 1;
  if (tokens[1] === '!' && tokens.length > 2) {
    return { user: tokens.slice(2), domain: [tokens[0] ?? '', '.', 'UUCP'] };
  }
  const bangs = tokens.flatMap((token, at) => (token === '!' && isInside(at) ? [at] : []));
  const dotted = bangs.find((at) => at > 2 && tokens[at - 2] === '.');
  const [first] = bangs;
  if (dotted !== undefined) {
    return { user: tokens.slice(dotted + 1), domain: tokens.slice(0, dotted) };
  }
  if (first === undefined) return null;
  return { user: tokens.slice(first + 1), domain: [...tokens.slice(0, first), '.', 'UUCP'] };
}

/** Our own name for `localhost` and our own addresses; no dots at the end. */
function canonicalDomain(domain: Tokens, site: AddressSite): Tokens {
  let name = domain;
  while (name.length > 1 && name.at(-1) === '.') name = name.slice(0, -1);
  const text = foldCase(joinTokens(name));
  const parent = site.hostName.slice(site.hostName.indexOf('.') + 1);
  const isHere = ['localhost', `localhost.${foldCase(parent)}`, 'localhost.uucp'].includes(text);
  const isLiteral = name[0] === '[' && name.at(-1) === ']';
  if (isHere || (isLiteral && site.isLocalDomain(text))) return tokenize(site.hostName) ?? name;
  return name;
}
