/**
 * Field values as sendmail logs them: addresses, hosts with their address, delays, escaped text. Shared by
 * all line kinds; positions in bytes, nothing is copied unless it must be rewritten.
 *
 * sendmail escapes on logging: `\ooo` and `\n \r \t \b` for what is not printable ASCII, `\\` for a
 * backslash (sendmail 8.17 `syslog` layer, `xputs`/`sm_syslog`).
 */
import { Buffer, isUtf8 } from 'node:buffer';
import { isIPv6 } from 'node:net';
import { ascii, findByte, findLast, findLastByte, standsAt } from '../bytes.ts';
import type { LogBlock } from '../pipeline/log-block.ts';
import type { TableBuilder } from '../pipeline/table-builder.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LESS = 0x3c;
const GREATER = 0x3e;
const AT = 0x40;
const DOT = 0x2e;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const COLON = 0x3a;

const NONE = ascii('<NONE>');
const FORGED = ascii(' (may be forged)');
const IPV6 = ascii('IPv6:');
/** The peer of a Unix socket: `localhost [[UNIX: localhost]]`, `localhost [[UNIX: /run/lmtp]]`. */
const UNIX = ascii('[UNIX: ');
const OPEN_ADDRESS = ascii(' [');

/** Where a text column pair (address, domain) of a table stands. */
export interface AddressColumns {
  readonly address: number;
  /** -1: the table keeps no domain. */
  readonly domain: number;
}

/** Where host name and address of a peer stand in a table. */
export interface PeerColumns {
  readonly host: number;
  readonly ip: number;
}

/** Writes field values of one block's lines into the current row of a table. */
export class Fields {
  readonly #block: LogBlock;
  /** Of the address scanned last: its `@`, and whether capitals follow it. */
  #at = -1;
  #upper = false;

  constructor(block: LogBlock) {
    this.#block = block;
  }

  /**
   * One envelope address: without its outer `<>`, unescaped; its domain in lower case, NULL when it has
   * none. `<NONE>` is no address at all and stays NULL; `<>` is the null sender, an empty text.
   */
  address(table: TableBuilder, columns: AddressColumns, from: number, to: number): void {
    const block = this.#block;
    let start = from;
    let end = to;
    if (end - start === NONE.length && standsAt(block.bytes, start, end, NONE)) return;
    if (block.bytes[start] === LESS) {
      start += 1;
      if (block.bytes[end - 1] === GREATER && end > start) end -= 1;
    }
    if (!this.#scan(start, end)) {
      const plain = unescapeText(block.bytes, start, end);
      start = block.addText(plain);
      end = block.textEnd;
      this.#scan(start, end);
    }
    table.text(columns.address, start, end);
    if (columns.domain >= 0 && this.#at >= 0) this.#domain(table, columns.domain, start, end);
  }

  /** Finds the last `@` and capitals behind it, in one pass; false if there is a backslash. */
  #scan(start: number, end: number): boolean {
    const { bytes } = this.#block;
    let at = -1;
    let upper = false;
    let plain = true;
    for (let i = start; i < end; i += 1) {
      const byte = bytes[i] ?? 0;
      if (byte === AT) {
        at = i;
        upper = false;
      } else if (byte === BACKSLASH) plain = false;
      else if (byte >= 0x41 && byte <= 0x5a) upper = true;
    }
    this.#at = at;
    this.#upper = upper;
    return plain;
  }

  /** The part behind the last `@`, in lower case; addresses of files and programs have none. */
  #domain(table: TableBuilder, column: number, start: number, end: number): void {
    const block = this.#block;
    const { bytes } = block;
    if (isFileOrProgram(bytes, start)) return;
    let from = this.#at + 1;
    let to = bytes[end - 1] === GREATER ? end - 1 : end;
    if (this.#upper) {
      from = block.addText(bytes.toString('utf8', from, to).toLowerCase());
      to = block.textEnd;
    }
    if (to > from) table.text(column, from, to);
  }

  /**
   * A peer as sendmail names it: `host.example. [192.0.2.1] (may be forged)`, `[192.0.2.1]`,
   * `user@host [..]` (ident), `[IPv6:..]`, or a bare name. Trailing dot and ident user are dropped.
   */
  peer(table: TableBuilder, columns: PeerColumns, start: number, stop: number): void {
    const { bytes } = this.#block;
    const forged = stop - FORGED.length;
    const end = standsAt(bytes, forged, stop, FORGED) && forged > start ? forged : stop;
    if (bytes[end - 1] !== CLOSE) {
      this.host(table, columns.host, start, end);
      return;
    }
    const space = findLast(bytes, start, end, OPEN_ADDRESS);
    const open = space >= 0 ? space + 1 : start;
    if (bytes[open] !== OPEN) {
      this.host(table, columns.host, start, end);
      return;
    }
    this.ip(table, columns.ip, open + 1, end - 1);
    this.host(table, columns.host, start, space >= 0 ? space : start);
  }

  /** A host name without trailing dot and ident user; an address in the name's place is no name. */
  host(table: TableBuilder, column: number, start: number, stop: number): void {
    const { bytes } = this.#block;
    const end = stop > start && bytes[stop - 1] === DOT ? stop - 1 : stop;
    const from = findLastByte(bytes, start, end, AT) + 1 || start;
    if (end <= from || (bytes[from] === OPEN && bytes[end - 1] === CLOSE)) return;
    table.text(column, from, end);
  }

  /** An address; IPv6 without its tag and in the compressed form of RFC 5952. A Unix socket has none. */
  ip(table: TableBuilder, column: number, start: number, end: number): void {
    const block = this.#block;
    if (standsAt(block.bytes, start, end, UNIX)) return;
    if (!standsAt(block.bytes, start, end, IPV6)) {
      if (end > start && end - start <= 64) table.text(column, start, end);
      return;
    }
    const from = start + IPV6.length;
    const address = block.bytes.toString('latin1', from, end);
    if (isIPv6(address) && !address.includes('%')) {
      table.text(column, block.addText(compressIPv6(address)), block.textEnd);
    } else if (end > from) table.text(column, from, end);
  }

  /** Any text, unescaped where it was escaped. */
  text(table: TableBuilder, column: number, start: number, end: number): void {
    const block = this.#block;
    if (findByte(block.bytes, start, end, BACKSLASH) < 0) table.text(column, start, end);
    else table.text(column, block.addText(unescapeText(block.bytes, start, end)), block.textEnd);
  }
}

function isFileOrProgram(bytes: Uint8Array, start: number): boolean {
  const first = bytes[start];
  return first === 0x7c || first === 0x2f || (first === QUOTE && bytes[start + 1] === 0x7c);
}

const SIMPLE_ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, '\\': 92 };

/** Undoes sendmail's escapes; where the result would not be UTF-8 the escaped text is kept. */
export function unescapeText(bytes: Uint8Array, start: number, end: number): string {
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  const out = Buffer.allocUnsafe(raw.length);
  let length = 0;
  for (let at = 0; at < raw.length; at += 1) {
    const byte = raw[at] ?? 0;
    if (byte !== BACKSLASH || at + 1 >= raw.length) {
      out[length++] = byte;
      continue;
    }
    const octal = octalAt(raw, at + 1);
    const simple = SIMPLE_ESCAPES[String.fromCharCode(raw[at + 1] ?? 0)];
    if (octal >= 0) {
      out[length++] = octal;
      at += 3;
    } else if (simple !== undefined) {
      out[length++] = simple;
      at += 1;
    } else out[length++] = byte;
  }
  const plain = out.subarray(0, length);
  return isUtf8(plain) ? plain.toString('utf8') : raw.toString('utf8');
}

/** The byte that three octal digits at `at` spell, or -1. */
function octalAt(raw: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 3; i += 1) {
    const byte = raw[i] ?? 0;
    if (byte < 0x30 || byte > 0x37) return -1;
    value = value * 8 + byte - 0x30;
  }
  return value <= 0xff ? value : -1;
}

/**
 * End of a quoted string that begins at `at` (position behind the closing quote), or -1 if it is never
 * closed. Inside, a backslash is logged doubled, so `\\"` is an escaped quote and `\\\\` a backslash.
 */
export function skipQuoted(bytes: Uint8Array, at: number, end: number): number {
  let position = at + 1;
  while (position < end) {
    const byte = bytes[position];
    if (byte === BACKSLASH) {
      position = skipEscaped(bytes, position);
      continue;
    }
    if (byte === QUOTE) return position + 1;
    position += 1;
  }
  return -1;
}

/** Behind the logged form of a backslash and what it escapes, which may be a backslash itself. */
function skipEscaped(bytes: Uint8Array, at: number): number {
  if (bytes[at + 1] !== BACKSLASH) return at + 2;
  return bytes[at + 2] === BACKSLASH ? at + 4 : at + 3;
}

/** `[D+]HH:MM:SS` as seconds, NaN when it is something else. */
export function readDelay(bytes: Uint8Array, start: number, end: number): number {
  let total = 0;
  let value = 0;
  let digits = 0;
  let colons = 0;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x30 && byte <= 0x39) {
      value = value * 10 + byte - 0x30;
      digits += 1;
    } else if (byte === 0x2b && colons === 0 && digits > 0) {
      total = value * 24;
      value = 0;
      digits = 0;
    } else if (byte === COLON && digits > 0) {
      total = (total + value) * 60;
      value = 0;
      digits = 0;
      colons += 1;
    } else return Number.NaN;
  }
  const delay = total + value;
  return colons === 2 && digits > 0 && delay < Number.MAX_SAFE_INTEGER ? delay : Number.NaN;
}

/** The RFC 5952 spelling of a valid IPv6 address. */
export function compressIPv6(address: string): string {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}
