/**
 * Where to listen, as people write it: `udp://127.0.0.1:514`, `tls://[::]:6514`, `unix:///run/maillog/log`.
 *
 * Promise: any text gives an address or a sentence that says what is allowed, never an exception.
 */
import { isIPv4, isIPv6 } from 'node:net';

export type InternetTransport = 'udp' | 'tcp' | 'tls' | 'relp' | 'relps';

export interface InternetAddress {
  readonly transport: InternetTransport;
  /** An IP address without brackets, or a name. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

export interface UnixAddress {
  readonly transport: 'unix';
  readonly path: string;
}

export type ListenAddress = InternetAddress | UnixAddress;

export type ParsedAddress =
  | { readonly ok: true; readonly address: ListenAddress }
  | { readonly ok: false; readonly error: string };

/** What an address may look like. */
export const LISTEN_FORMS =
  'TRANSPORT://HOST:PORT with udp, tcp, tls, relp or relps (IPv6 in brackets, port 0-65535), or unix:///PATH';
const INTERNET = /^(udp|tcp|tls|relp|relps):\/\/(?:\[([^\]]*)\]|([^:/?#[\]]*)):(\d{1,5})\/?$/;
const UNIX = /^unix:\/\/(\/.+)$/s;
const NAME =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;
const ONLY_DIGITS_AND_DOTS = /^[\d.]+$/;
const TRANSPORTS: readonly string[] = ['udp', 'tcp', 'tls', 'relp', 'relps'];

export function parseListenAddress(text: string): ParsedAddress {
  const path = UNIX.exec(text)?.[1];
  if (path !== undefined) return unixAddress(text, path);
  const [whole, transport, ipv6, host = '', digits] = INTERNET.exec(text) ?? [];
  if (whole === undefined) return refuse(text);
  const port = Number(digits);
  if (port > 65535) return refuse(text);
  if (ipv6 !== undefined && !isIPv6(ipv6)) return refuse(text);
  if (ipv6 === undefined && !isHost(host)) return refuse(text);
  if (!isInternetTransport(transport)) return refuse(text);
  return { ok: true, address: { transport, host: ipv6 ?? host, port } };
}

export function formatListenAddress(address: ListenAddress): string {
  if (address.transport === 'unix') return `unix://${address.path}`;
  const host = isIPv6(address.host) ? `[${address.host}]` : address.host;
  return `${address.transport}://${host}:${address.port}`;
}

/** Of an address as text: RELP, whose senders wait for the commit and send again what was not answered. */
export function isRelpAddress(text: string): boolean {
  return /^relps?:/.test(text);
}

function unixAddress(text: string, path: string): ParsedAddress {
  if (path.includes('\0') || path.endsWith('/')) return refuse(text);
  return { ok: true, address: { transport: 'unix', path } };
}

/** A name of digits and dots alone is a mistyped address. */
function isHost(host: string): boolean {
  return isIPv4(host) || (NAME.test(host) && !ONLY_DIGITS_AND_DOTS.test(host));
}

function isInternetTransport(text: string | undefined): text is InternetTransport {
  return text !== undefined && TRANSPORTS.includes(text);
}

function refuse(text: string): ParsedAddress {
  return {
    ok: false,
    error: `${JSON.stringify(text)} is no address to listen on; write ${LISTEN_FORMS}`,
  };
}
