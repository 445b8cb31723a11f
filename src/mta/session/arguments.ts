/**
 * What follows MAIL and RCPT: `FROM:<path> KEY=VALUE ...` (RFC 5321 4.1.2, RFC 3461), read as sendmail reads it and
 * refused in its words.
 */

import type { Notify, Reply } from '../model.ts';
import { shortened } from '../route/smtp-path.ts';
import { reply } from './replies.ts';

export type Skipped =
  | { readonly kind: 'rest'; readonly rest: string }
  | { readonly kind: 'error'; readonly reply: Reply };

/** What follows `FROM:` or `TO:`. */
export function skipWord(text: string, word: 'from' | 'to'): Skipped {
  const [, found = '', , rest = ''] = /^([^: \t]*)([ \t]*:)?[ \t]*(.*)$/s.exec(text) ?? [];
  const isRight = text.slice(found.length).trimStart().startsWith(':');
  if (isRight && rest !== '' && found.toLowerCase() === word) return { kind: 'rest', rest };
  return {
    kind: 'error',
    reply: reply(501, '5.5.2', `Syntax error in parameters scanning "${shortened(found)}"`),
  };
}

export interface MailParameters {
  readonly size: number;
  readonly bodyType: '7BIT' | '8BITMIME' | null;
  readonly isUtf8: boolean;
  readonly envid: string | null;
  readonly ret: 'FULL' | 'HDRS' | null;
  /** `SECONDS;R` or `SECONDS;N`. */
  readonly deliverBy: string | null;
}

export interface RcptParameters {
  readonly notify: readonly Notify[] | null;
  readonly orcpt: string | null;
}

export type Parsed<T> =
  | { readonly kind: 'parameters'; readonly parameters: T }
  | { readonly kind: 'error'; readonly reply: Reply };

type Values = Record<string, string | number | boolean | readonly string[]>;
/** Takes a parameter's value (null: it has none); a reply refuses it. */
type Reader = (value: string | null, into: Values) => Reply | undefined;

const NOTIFY = new Set(['NEVER', 'SUCCESS', 'FAILURE', 'DELAY']);
/** RFC 3461 4: printable ASCII, `+` only before two hex digits. */
const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})+$/;

const needsValue = (name: string): Reply => reply(501, '5.5.2', `${name} requires a value`);

const MAIL_READERS: Readonly<Record<string, Reader>> = {
  SIZE(value, into) {
    if (value === null) return needsValue('SIZE');
    // As strtol(3): digits as far as they go.
    into.size = Math.min(Number(/^\d+/.exec(value)?.[0] ?? 0), Number.MAX_SAFE_INTEGER);
    return undefined;
  },
  BODY(value, into) {
    if (value === null) return needsValue('BODY');
    const body = value.toUpperCase();
    if (body !== '7BIT' && body !== '8BITMIME') {
      return reply(501, '5.5.4', `Unknown BODY type ${shortened(value)}`);
    }
    into.bodyType = body;
    return undefined;
  },
  ENVID(value, into) {
    if (value === null) return needsValue('ENVID');
    if (!XTEXT.test(value)) return reply(501, '5.5.4', 'Syntax error in ENVID parameter value');
    if (into.envid !== undefined) return reply(501, '5.5.0', 'Duplicate ENVID parameter');
    into.envid = value;
    return undefined;
  },
  RET(value, into) {
    if (value === null) return needsValue('RET');
    if (into.ret !== undefined) return reply(501, '5.5.0', 'Duplicate RET parameter');
    const ret = value.toUpperCase();
    if (ret !== 'FULL' && ret !== 'HDRS') {
      return reply(501, '5.5.2', `Bad argument "${shortened(value)}" to RET`);
    }
    into.ret = ret;
    return undefined;
  },
  AUTH(value) {
    if (value === null || value === '') return needsValue('AUTH=');
    if (!XTEXT.test(value)) return reply(501, '5.5.4', 'Syntax error in AUTH parameter value');
    return undefined;
  },
  BY(value, into) {
    const [, seconds = '', mode = ''] = /^(-?\d{1,9});([RN])T?$/i.exec(value ?? '') ?? [];
    // To be returned at once means nothing (RFC 2852, 4).
    if (mode === '' || (mode.toUpperCase() === 'R' && Number(seconds) <= 0)) {
      return reply(501, '5.5.4', 'Syntax error in BY parameter value');
    }
    into.deliverBy = `${seconds};${mode.toUpperCase()}`;
    return undefined;
  },
};

const RCPT_READERS: Readonly<Record<string, Reader>> = {
  NOTIFY(value, into) {
    if (value === null) return needsValue('NOTIFY');
    const words = value.toUpperCase().split(',');
    const wrong = words.findIndex((word) => !NOTIFY.has(word));
    if (wrong >= 0) {
      return reply(
        501,
        '5.5.4',
        `Bad argument "${shortened(value.split(',')[wrong] ?? '')}"  to NOTIFY`,
      );
    }
    if (words.includes('NEVER') && words.length > 1) {
      return reply(501, '5.5.4', `Bad argument "${shortened(value)}"  to NOTIFY`);
    }
    into.notify = words;
    return undefined;
  },
  ORCPT(value, into) {
    if (value === null) return needsValue('ORCPT');
    const [, type, address = ''] = /^([A-Za-z0-9.-]+);(.+)$/.exec(value) ?? [];
    if (type === undefined || !XTEXT.test(address)) {
      return reply(501, '5.5.4', 'Syntax error in ORCPT parameter value');
    }
    if (into.orcpt !== undefined) return reply(501, '5.5.0', 'Duplicate ORCPT parameter');
    into.orcpt = value;
    return undefined;
  },
};

export function mailParameters(text: string, isUtf8Offered: boolean): Parsed<MailParameters> {
  const readers: Record<string, Reader> = { ...MAIL_READERS };
  if (isUtf8Offered) {
    readers.SMTPUTF8 = (_, into) => {
      into.isUtf8 = true;
      return undefined;
    };
  }
  const initial = {
    size: 0,
    bodyType: null,
    isUtf8: false,
    envid: null,
    ret: null,
    deliverBy: null,
  };
  return read(text, readers, initial);
}

export function rcptParameters(text: string): Parsed<RcptParameters> {
  return read(text, RCPT_READERS, { notify: null, orcpt: null });
}

function read<T extends object>(
  text: string,
  readers: Readonly<Record<string, Reader>>,
  initial: T,
): Parsed<T> {
  const values: Values = {};
  for (const word of text.split(/[ \t]+/)) {
    if (word === '') continue;
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const reader = Object.hasOwn(readers, name.toUpperCase())
      ? readers[name.toUpperCase()]
      : undefined;
    const refusal =
      reader === undefined
        ? reply(555, '5.5.4', `${shortened(name)} parameter unrecognized`)
        : reader(equals < 0 ? null : word.slice(equals + 1), values);
    if (refusal !== undefined) return { kind: 'error', reply: refusal };
  }
  return { kind: 'parameters', parameters: { ...initial, ...values } as T };
}
