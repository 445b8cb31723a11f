/**
 * The virtusertable of a sendmail configuration (cf/README, FEATURE(virtusertable)): whom an address of one of
 * our domains stands for. One step; whoever asks follows the address that comes out.
 */
import { type KeyedMap, withArguments } from './keyed-map.ts';
import { type ErrorRoute, parseErrorRoute, tidied } from './mailertable.ts';

export type VirtualUser = { readonly kind: 'address'; readonly address: string } | ErrorRoute;

/** Null: it stands for itself. `domain` without a dot at its end. */
export async function virtualUser(
  map: KeyedMap,
  local: string,
  domain: string,
): Promise<VirtualUser | null> {
  for (const { key, arguments_ } of lookups(local, domain)) {
    const value = await map.get(key);
    if (value !== undefined) {
      return parseVirtualUser(withArguments(value.trim(), arguments_), domain);
    }
  }
  return null;
}

interface Lookup {
  readonly key: string;
  readonly arguments_: readonly string[];
}

/** `user+detail@d`, `user++@d`, `user+*@d`, `user@d`, `++@d`, `+*@d`, `@d`: the first that is there. */
function lookups(local: string, domain: string): readonly Lookup[] {
  const at = `@${domain}`.toLowerCase();
  const lookup = (name: string, ...arguments_: string[]): Lookup => {
    const key = `${withoutQuotes(name.toLowerCase())}${at}`;
    return { key, arguments_: [key, ...arguments_] };
  };
  const whole = lookup(local, local);
  const plus = local.indexOf('+', 1);
  if (plus === -1) return [whole, lookup('', local)];
  const [user, detail] = [local.slice(0, plus), local.slice(plus + 1)];
  const values = [user, detail, `+${detail}`] as const;
  const ifDetail = (name: string) => (detail === '' ? [] : [lookup(name, ...values)]);
  return [
    whole,
    ...ifDetail(`${user}++`),
    lookup(`${user}+*`, ...values),
    lookup(user, ...values),
    ...ifDetail('++'),
    lookup('+*', ...values),
    lookup('', ...values),
  ];
}

function parseVirtualUser(value: string, domain: string): VirtualUser {
  const text = /^error\s*:(.*)$/is.exec(value)?.[1]?.trim();
  if (text === undefined) return { kind: 'address', address: value };
  if (/^\d+\.\d+\.\d+\s*:/.test(text)) return parseErrorRoute(text);
  const [, host = text, rest = ''] = /^([A-Za-z0-9_-]+):?\s*(.*)$/s.exec(text) ?? [];
  // With nothing to say sendmail says what its rule has left over.
  const said = rest === '' ? `>${host}<@${domain}.` : rest;
  return { kind: 'error', host, text: tidied(said) };
}

/** A key has neither quotes nor the backslash that keeps aliases away. */
function withoutQuotes(name: string): string {
  return name.replace(/\\(.)|"/gs, '$1');
}
