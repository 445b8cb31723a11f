/**
 * The access map (cf/README of sendmail, "Anti-spam configuration control"; rulesets A, D, E, F, U and
 * SearchList of proto.m4): how a key is varied until something is found, and what a value says. The feature
 * `skip` is on, as in Debian.
 *
 * Promises: a search looks up at most one key a part of the name or address.
 */
import type { KeyedMap } from '../map/keyed-map.ts';
import { errorReply } from './error-text.ts';
import { joinTokens, printable, stripQuotes, tokenize } from './tokens.ts';
import { discard, quarantine, refuse, type Subject, type Verdict } from './verdict.ts';

export type AccessTag =
  | 'Connect'
  | 'From'
  | 'To'
  | 'Spam'
  | 'GreetPause'
  | 'ClientRate'
  | 'ClientConn';

/** Whether a key without tag counts too. */
export type TagRule = 'tag or none' | 'tag only';

/** What the value of an entry says; OK and RELAY let pass, RELAY also lets relay. */
export type AccessAction =
  | { readonly kind: 'ok' }
  | { readonly kind: 'relay' }
  | { readonly kind: 'skip' }
  | { readonly kind: 'reject' }
  | { readonly kind: 'discard' }
  | { readonly kind: 'quarantine'; readonly text: string }
  | { readonly kind: 'error'; readonly status: string | null; readonly text: string };

const QUARANTINE = /^quarantine:(?<text>.+)$/is;
const ERROR = /^error:(?:(?<status>[^\s.:]+\.[^\s.:]+\.[^\s.:]+):)?(?<text>.+)$/is;
const STATUS = /^[245]\.\d{1,3}\.\d{1,3}$/;
/** Longer keys are in no map, and each part would be looked up. */
const LONGEST_KEY = 1024;

export class AccessMap {
  readonly #map: KeyedMap;

  constructor(map: KeyedMap) {
    this.#map = map;
  }

  /** An entry under the tag alone: `ClientRate:`. */
  default(tag: AccessTag): string | undefined {
    return this.#map.get(`${tag}:`);
  }

  /** A domain, then its parents; `[1.2.3.4]`, then its nets. SKIP ends the search with nothing. */
  domain(tag: AccessTag, name: string, rule: TagRule = 'tag or none'): string | undefined {
    return this.#climb(tag, name, rule, parentDomain);
  }

  /** An address without brackets, then its nets: `1.2.3.4`, `1.2.3`; `IPv6:2001:db8`. */
  address(tag: AccessTag, address: string, rule: TagRule = 'tag or none'): string | undefined {
    return this.#climb(tag, address, rule, parentAddress);
  }

  /** `user@domain`, `user+*@domain`, and without the detail. */
  full(tag: AccessTag, user: string, domain: string): string | undefined {
    return this.#detailed(tag, user, `@${domain}`);
  }

  /** `user@`, likewise. */
  user(tag: AccessTag, user: string): string | undefined {
    return this.#detailed(tag, user, '@');
  }

  #climb(
    tag: AccessTag,
    name: string,
    rule: TagRule,
    parentOf: (name: string) => string | null,
  ): string | undefined {
    if (name.length > LONGEST_KEY) return undefined;
    for (let key: string | null = name; key !== null && key !== ''; key = parentOf(key)) {
      const value = this.#get(tag, key, rule);
      if (value !== undefined) return parseAction(value).kind === 'skip' ? undefined : value;
    }
    return undefined;
  }

  #detailed(tag: AccessTag, user: string, rest: string): string | undefined {
    const found = this.#get(tag, user + rest, 'tag or none');
    const plus = user.indexOf('+');
    if (found !== undefined || plus <= 0) return found;
    const name = user.slice(0, plus);
    return (
      this.#get(tag, `${name}+*${rest}`, 'tag or none') ??
      this.#get(tag, name + rest, 'tag or none')
    );
  }

  #get(tag: AccessTag, key: string, rule: TagRule): string | undefined {
    const tagged = this.#map.get(`${tag}:${key}`);
    if (tagged !== undefined || rule === 'tag only') return tagged;
    return this.#map.get(key);
  }
}

/** A word that is none of the known ones is an error text, as in sendmail. */
export function parseAction(value: string): AccessAction {
  const text = value.trim();
  switch (text.toUpperCase()) {
    case 'OK':
      return { kind: 'ok' };
    case 'RELAY':
      return { kind: 'relay' };
    case 'SKIP':
      return { kind: 'skip' };
    case 'REJECT':
      return { kind: 'reject' };
    case 'DISCARD':
      return { kind: 'discard' };
    default:
      return parseText(text);
  }
}

/** The refusal, or whatever it is; null where the entry lets pass. `rejectText` is REJECT's. */
export function verdictOf(
  action: AccessAction,
  subject: Subject,
  rejection: { readonly status: string; readonly text: string },
): Verdict | null {
  switch (action.kind) {
    case 'ok':
    case 'relay':
    case 'skip':
      return null;
    case 'reject':
      return refuse(subject, errorReply(rejection.status, rejection.text));
    case 'discard':
      return discard(subject);
    case 'quarantine':
      return quarantine(subject, action.text);
    case 'error':
      return refuse(subject, errorReply(action.status, action.text));
  }
}

export const ACCESS_DENIED = { status: '5.7.1', text: '"550 Access denied"' } as const;
export const MAILBOX_DISABLED = {
  status: '5.2.1',
  text: '"550 Mailbox disabled for this recipient"',
} as const;

function parseText(value: string): AccessAction {
  const held = QUARANTINE.exec(value)?.groups?.text;
  if (held !== undefined) {
    const tokens = tokenize(held);
    const text = stripQuotes(tokens === null ? held : joinTokens(tokens));
    return { kind: 'quarantine', text: printable(text) };
  }
  const error = ERROR.exec(value)?.groups;
  if (error?.text === undefined) return { kind: 'error', status: null, text: value };
  const status = error.status !== undefined && STATUS.test(error.status) ? error.status : null;
  return { kind: 'error', status, text: error.text };
}

function parentDomain(name: string): string | null {
  if (name.startsWith('[') && name.endsWith(']')) {
    const parent = parentAddress(name.slice(1, -1));
    return parent === null ? null : `[${parent}]`;
  }
  const dot = name.indexOf('.');
  return dot < 0 ? null : name.slice(dot + 1);
}

function parentAddress(address: string): string | null {
  const colon = address.lastIndexOf(':');
  if (colon > 0) return address.slice(0, colon).replace(/:$/, '');
  const dot = address.lastIndexOf('.');
  return dot < 0 ? null : address.slice(0, dot);
}
