/**
 * Addresses of the Internet as sendmail reads and prints them: IPv4 with dots, IPv6 with all eight groups
 * and never shortened by `::` (RFC 4291 2.2 allows both).
 */
import { isIPv4, isIPv6 } from 'node:net';

export interface IpAddress {
  readonly family: 4 | 6;
  /** The four bytes, or the eight groups of 16 bits. */
  readonly parts: readonly number[];
}

const V4_MAPPED = [0, 0, 0, 0, 0, 0xffff];

/** An IPv6 address that only wraps an IPv4 one is that one. Null for what is no address. */
export function parseAddress(text: string): IpAddress | null {
  if (isIPv4(text)) return { family: 4, parts: text.split('.').map(Number) };
  const [address = ''] = text.split('%', 1);
  if (!isIPv6(address)) return null;
  const groups = groupsOf(address);
  if (V4_MAPPED.every((group, index) => groups[index] === group)) {
    const bytes = groups.slice(6).flatMap((group) => [group >> 8, group & 0xff]);
    return { family: 4, parts: bytes };
  }
  return { family: 6, parts: groups };
}

/** `203.0.113.20`, `2001:db8:1:0:0:0:0:77`. */
export function expandAddress({ family, parts }: IpAddress): string {
  return family === 4 ? parts.join('.') : parts.map((group) => group.toString(16)).join(':');
}

/** The same of text; text that is no address comes back as it is. */
export function fullAddress(text: string): string {
  const address = parseAddress(text);
  return address === null ? text : expandAddress(address);
}

/** `[203.0.113.20]`, `[IPv6:2001:db8:1:0:0:0:0:77]`: as logs and replies name a host by its address. */
export function addressLiteral(text: string): string {
  const address = parseAddress(text);
  if (address === null) return `[${text}]`;
  return address.family === 4 ? `[${expandAddress(address)}]` : `[IPv6:${expandAddress(address)}]`;
}

/** The address in `[203.0.113.20]`, `[IPv6:::1]`, in full; null where there is none. */
export function addressInLiteral(name: string): string | null {
  const inside = /^\[(.*)\]$/.exec(name)?.[1];
  if (inside === undefined) return null;
  const isV6 = /^ipv6:/i.test(inside);
  const address = parseAddress(isV6 ? inside.slice(5) : inside);
  return address === null ? null : expandAddress(address);
}

/** Where the DNS keeps the names of an address: `20.113.0.203.in-addr.arpa` (RFC 1035 3.5, RFC 3596 2.5). */
export function reverseName({ family, parts }: IpAddress): string {
  if (family === 4) return `${[...parts].reverse().join('.')}.in-addr.arpa`;
  const digits = parts.map((group) => group.toString(16).padStart(4, '0')).join('');
  return `${[...digits].reverse().join('.')}.ip6.arpa`;
}

/** Labels in which DNS lists keep an address: `20.113.0.203`, or the digits of an IPv6 one. */
export function reverseLabels(address: IpAddress): string {
  return reverseName(address).replace(/\.(?:in-addr|ip6)\.arpa$/, '');
}

/** `10.0.0.0/8`, `192.0.2`, `IPv6:2001:db8::/32`, or one address. */
export interface Prefix {
  readonly address: IpAddress;
  readonly bits: number;
}

export function parsePrefix(text: string): Prefix | null {
  const [base = '', length, more] = text.replace(/^ipv6:/i, '').split('/');
  if (more !== undefined || (length !== undefined && !/^\d{1,3}$/.test(length))) return null;
  const short = shortPrefix(base);
  if (short !== null && length === undefined) return short;
  const address = parseAddress(base);
  if (address === null) return null;
  const most = address.family === 4 ? 32 : 128;
  const bits = length === undefined ? most : Number(length);
  return bits > most ? null : { address, bits };
}

export function matchesPrefix(address: IpAddress, { address: base, bits }: Prefix): boolean {
  if (address.family !== base.family) return false;
  const width = base.family === 4 ? 8 : 16;
  for (let index = 0, left = bits; left > 0; index += 1, left -= width) {
    const shift = Math.max(width - left, 0);
    if ((address.parts[index] ?? 0) >> shift !== (base.parts[index] ?? 0) >> shift) return false;
  }
  return true;
}

/** Whole bytes of an IPv4 address, as access lists name a net: `192.0.2`. */
function shortPrefix(text: string): Prefix | null {
  if (!/^\d{1,3}(?:\.\d{1,3}){0,2}\.?$/.test(text)) return null;
  const bytes = text.replace(/\.$/, '').split('.').map(Number);
  if (bytes.some((byte) => byte > 255)) return null;
  const parts = [...bytes, 0, 0, 0].slice(0, 4);
  return { address: { family: 4, parts }, bits: bytes.length * 8 };
}

function groupsOf(text: string): number[] {
  const [head = '', tail] = withGroupsOnly(text).split('::');
  const front = head === '' ? [] : head.split(':');
  if (tail === undefined) return front.map(hex);
  const back = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => '0');
  return [...front, ...zeros, ...back].map(hex);
}

/** The last 32 bits may be written as an IPv4 address. */
function withGroupsOnly(text: string): string {
  return text.replace(/\d+\.\d+\.\d+\.\d+$/, (v4) => {
    const [a = 0, b = 0, c = 0, d = 0] = v4.split('.').map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
}

function hex(group: string): number {
  return Number.parseInt(group, 16);
}
