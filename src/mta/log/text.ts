/**
 * Pieces of sendmail's log text: names of clients and users, intervals, cuts and escapes (sendmail 8.17
 * util.c: shortenstring, pintvl, str2prt). All of them are pure.
 *
 * Text is one character a byte; what `escaped` returns is printable ASCII, whatever it was given.
 */
import type { Client, ControllingUser } from '../model.ts';

/** The longest that any text is printed before its middle is cut out. */
export const SHORT_TEXT = 203;
const CONTROLLING_ADDRESS = 83;
const HOST_NAME = 40;
/** What the largest `long` prints as: a negative number comes out as this. */
const LARGEST_LONG = '9223372036854775807';

/** `mail.example [198.51.100.10] (may be forged)`, `[IPv6:2001:db8:0:0:0:0:0:1]`, `alice@localhost`. */
export function relayText(
  client: Pick<Client, 'name' | 'address' | 'resolution' | 'identUser'>,
): string {
  if (client.address === '') return client.name;
  const address = bracketed(client.address);
  const named = client.name.startsWith('[') || client.name === '';
  const user = client.identUser === undefined ? '' : `${client.identUser}@`;
  const text = named ? `${user}${address}` : `${user}${client.name} ${address}`;
  return client.resolution === 'FORGED' ? `${text} (may be forged)` : text;
}

/** `[198.51.100.10]`, `[IPv6:2001:db8:0:0:0:0:0:1]`: an address literal (RFC 5321 section 4.1.3). */
export function bracketed(address: string): string {
  return address.includes(':') ? `[IPv6:${address}]` : `[${address}]`;
}

/** `<erin@corp.example> (1004/1004)`. */
export function controllingText(user: ControllingUser): string {
  return `${shortened(user.shown, CONTROLLING_ADDRESS)} (${user.uid}/${user.gid})`;
}

/** A host with its address behind it, the name cut to what sendmail has room for. */
export function shortenedHost(relay: string): string {
  const address = / \[[^ \]]*\]$/.exec(relay)?.[0] ?? '';
  return `${shortened(relay.slice(0, relay.length - address.length), HOST_NAME)}${address}`;
}

/** The text, or its two ends with three dots between where it has `limit` characters or more. */
export function shortened(text: string, limit = SHORT_TEXT): string {
  if (text.length < limit) return text;
  const end = Math.floor((Math.min(limit, SHORT_TEXT) - 3) / 2);
  return `${text.slice(0, end)}...${text.slice(-end)}`;
}

/** `00:00:02`, `3+00:00:00`; a clock that was set back counts as none. */
export function intervalText(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000)) || 0;
  const days = Math.floor(seconds / 86_400);
  const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
  return days > 0 ? `${days}+${clock}` : clock;
}

/** Milliseconds between two times as sendmail sees them, which knows whole seconds only. */
export function betweenSeconds(start: number, end: number): number {
  return (Math.floor(end / 1000) - Math.floor(start / 1000)) * 1000;
}

/** Of a size or a priority. */
export function nonNegative(value: number): string {
  if (!Number.isFinite(value)) return '0';
  return value < 0 ? LARGEST_LONG : String(Math.trunc(value));
}

const PLAIN = /^[\x20-\x5b\x5d-\x7e]*$/;
const NAMED: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
};

/** Printable ASCII: other bytes as `\ooo`, and the backslash doubled so that they can be told apart. */
export function escaped(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(/[^\x20-\x5b\x5d-\x7e]/gu, (character) => {
    const named = NAMED[character];
    if (named !== undefined) return named;
    const code = character.codePointAt(0) ?? 0;
    // More than a byte is nothing that came over the wire: then it is shown as UTF-8.
    const bytes = code < 0x100 ? [code] : [...Buffer.from(character, 'utf8')];
    return bytes.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
  });
}
