/**
 * The form of an address that the routing rules start from: a local part and the domain it is to be sent to
 * first. What sendmail's rulesets `canonify` and `Parse0` do, without any knowledge of which names are ours:
 * groups, display names and source routes are gone; `a!b` and `a%b` have found their host.
 */
import type { Reply } from '../model.ts';
import type { Tokens } from './prescan.ts';

export type Focus =
  | { readonly kind: 'domain'; readonly local: Tokens; readonly domain: Tokens }
  | { readonly kind: 'local'; readonly local: Tokens }
  /** `<>`. */
  | { readonly kind: 'null' }
  /** A group without members, `team:;`. */
  | { readonly kind: 'list' };

/** Characters in a local part that make us look further: it may name another host. */
export const ROUTING = new Set(['@', '%', '!']);
const NULL: Focus = { kind: 'null' };

export function canonify(tokens: Tokens): Focus {
  if (tokens.length === 0) return NULL;
  const bare = stripGroup(tokens);
  if (bare.length === 0 || isEmptyGroup(bare)) return { kind: 'list' };
  const inner = stripRoute(stripAngles(bare));
  if (inner.length === 0) return NULL;
  if (inner.length === 1 && inner[0] === '@') return { kind: 'list' };
  return focusOnDomain(inner);
}

/** Why it cannot be an address of anybody; null where it may. */
export function syntaxProblem(focus: Focus): Reply | null {
  switch (focus.kind) {
    case 'list':
      return problem('5.1.3', 'List:; syntax illegal for recipient addresses');
    case 'domain':
      return partsProblem(focus.local, focus.domain);
    case 'local':
      return hasListComma(focus.local) ? problem('5.1.3', 'Invalid route address') : null;
    case 'null':
      return null;
  }
}

function problem(status: string, text: string): Reply {
  return { code: 553, status, text };
}

function partsProblem(local: Tokens, domain: Tokens): Reply | null {
  if (local.length === 0 || (local.length === 1 && local[0] === '@')) {
    return problem('5.1.3', 'User address required');
  }
  if (domain.length === 0) return problem('5.1.3', 'Hostname required');
  return (
    hostProblem(domain) ??
    (local.includes('@') || hasListComma([...local, '<', '@', ...domain, '>'])
      ? problem('5.1.3', 'Invalid route address')
      : null)
  );
}

function hostProblem(domain: Tokens): Reply | null {
  const close = domain[0] === '[' ? domain.indexOf(']') : -1;
  const isLiteral = close > 0;
  if (isLiteral && close < domain.length - 1 && !/^[:,]$/.test(domain[close + 1] ?? '')) {
    return problem('5.1.2', 'Invalid address');
  }
  if (!isLiteral && domain.includes(':')) {
    return problem('5.1.3', 'Colon illegal in host name part');
  }
  const hasGap = domain.some((token, index) => token === '.' && domain[index + 1] === '.');
  if (domain[0] === '.' || hasGap) return problem('5.1.2', 'Invalid host name');
  return domain.at(-1) === '@' ? problem('5.1.2', 'Invalid route address') : null;
}

/** A comma that something follows other than a new route. */
function hasListComma(tokens: Tokens): boolean {
  return tokens.some((token, index) => {
    const next = tokens[index + 1];
    return token === ',' && next !== undefined && !ROUTING.has(next);
  });
}

/** `team: ann@a.example;` becomes what it holds, unless the colon belongs to something else. */
function stripGroup(tokens: Tokens): Tokens {
  let rest = tokens;
  const colon = tokens.indexOf(':');
  if (colon !== -1 && !keepsColon(tokens, colon)) rest = tokens.slice(colon + 1);
  while (rest.at(-1) === ';') rest = rest.slice(0, -1);
  return rest;
}

function keepsColon(tokens: Tokens, colon: number): boolean {
  const isInBrackets = tokens.includes('<') && tokens.lastIndexOf('>') > tokens.indexOf('<');
  const isNode = tokens.some((token, index) => token === ':' && tokens[index + 1] === ':');
  const isInclude = colon === 0 && tokens[1]?.toLowerCase() === 'include' && tokens[2] === ':';
  const isLiteral = tokens.includes('[') && tokens.indexOf('[') < colon;
  return isInBrackets || tokens[0] === '@' || isNode || isInclude || isLiteral;
}

/** `<team:;>`: a group between brackets. */
function isEmptyGroup(tokens: Tokens): boolean {
  const open = tokens.indexOf('<');
  const semicolon = tokens.indexOf(';');
  return (
    open !== -1 &&
    semicolon > open + 2 &&
    tokens[semicolon - 1] === ':' &&
    tokens[semicolon + 1] === '>'
  );
}

/** What stands between the innermost brackets; the rest is a name for people. */
function stripAngles(tokens: Tokens): Tokens {
  const open = tokens.lastIndexOf('<');
  if (open === -1) return tokens;
  const close = tokens.indexOf('>', open);
  let inner = tokens.slice(open + 1, close === -1 ? undefined : close);
  while (inner.at(-1) === ';') inner = inner.slice(0, -1);
  return inner;
}

/** `@a.example,@b.example:c@d.example` becomes `c@d.example`. */
function stripRoute(tokens: Tokens): Tokens {
  let rest = tokens;
  while (rest[0] === '@') {
    const [, first] = rest;
    const from = first === '[' ? Math.max(rest.indexOf(']'), 2) : 2;
    const comma = rest.indexOf(',', 2);
    const end = comma === -1 ? rest.indexOf(':', from) : comma;
    if (end === -1 || end === rest.length - 1) break;
    rest = rest.slice(end + 1);
  }
  return rest;
}

function focusOnDomain(tokens: Tokens): Focus {
  const at = lastAt(tokens);
  if (at !== -1) return parts(tokens.slice(0, at), tokens.slice(at + 1));
  const bang = tokens.indexOf('!', 1);
  if (bang !== -1 && bang < tokens.length - 1 && !tokens.includes('@')) {
    return parts(tokens.slice(bang + 1), uucpHost(tokens.slice(0, bang)));
  }
  const percent = tokens.includes('@') ? tokens.lastIndexOf('@') : tokens.lastIndexOf('%');
  if (percent === -1) return { kind: 'local', local: tokens };
  if (tokens.length === 1) return NULL;
  return parts(tokens.slice(0, percent), tokens.slice(percent + 1));
}

/** The last at sign with something on both sides; behind the first two of `x@@y` the rest is a host. */
function lastAt(tokens: Tokens): number {
  for (let index = tokens.length - 2; index >= 1; index -= 1) {
    if (tokens[index] === '@') return index;
  }
  return -1;
}

/** A host of one word is one of the UUCP network; others are domains. */
function uucpHost(host: Tokens): Tokens {
  const isDomain = host.length > 2 && host.at(-2) === '.';
  return isDomain ? host : [...host, '.', 'UUCP'];
}

function parts(local: Tokens, domain: Tokens): Focus {
  let end = domain.length;
  while (end > 1 && domain[end - 1] === '.') end -= 1;
  return { kind: 'domain', local, domain: domain.slice(0, end) };
}
