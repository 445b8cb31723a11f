/**
 * The milter protocol, version 6, as libmilter speaks it: packets of a length (four bytes, big-endian), a command
 * and its data; texts in it end in NUL.
 *
 * Promises: what a filter sends is bounded and checked here. A packet that is too long or not of its form is a
 * MilterError; texts that would add header fields, addresses or lines of their own cannot come through.
 */
import type { Reply } from '../model.ts';
import { printable } from '../policy/tokens.ts';

export class MilterError extends Error {
  override readonly name = 'MilterError';
}

export const COMMAND = {
  abort: 'A',
  body: 'B',
  connect: 'C',
  macro: 'D',
  endOfMessage: 'E',
  helo: 'H',
  header: 'L',
  mail: 'M',
  endOfHeaders: 'N',
  negotiate: 'O',
  quit: 'Q',
  rcpt: 'R',
  data: 'T',
  unknown: 'U',
} as const;

/** What a filter may do (SMFIF_*). */
export const ACTION = {
  addHeaders: 0x1,
  changeBody: 0x2,
  addRecipients: 0x4,
  deleteRecipients: 0x8,
  changeHeaders: 0x10,
  quarantine: 0x20,
  changeSender: 0x40,
  addRecipientsWithArguments: 0x80,
  setMacros: 0x100,
} as const;

/** What a filter does not want to be told, or does not answer (SMFIP_*). */
export const STEP = {
  noConnect: 0x1,
  noHelo: 0x2,
  noMail: 0x4,
  noRcpt: 0x8,
  noBody: 0x10,
  noHeaders: 0x20,
  noEndOfHeaders: 0x40,
  silentHeader: 0x80,
  noUnknown: 0x100,
  noData: 0x200,
  skip: 0x400,
  rejectedRcpt: 0x800,
  silentConnect: 0x1000,
  silentHelo: 0x2000,
  silentMail: 0x4000,
  silentRcpt: 0x8000,
  silentData: 0x10000,
  silentUnknown: 0x20000,
  silentEndOfHeaders: 0x40000,
  silentBody: 0x80000,
  leadingSpace: 0x100000,
} as const;

export const VERSION = 6;
export const ALL_ACTIONS = 0x1ff;
export const ALL_STEPS = 0x1fffff;
export const CHUNK = 65_535;
/** Our limit for a packet from a filter; libmilter's own is 64 KiB. */
const LONGEST_PACKET = 1024 * 1024;
const HEADER_NAME = /^[!-9;-~]+$/;
const REPLY_LINE = /^(?<code>[45]\d\d)[ -](?:(?<status>[45]\.\d{1,3}\.\d{1,3}) )?(?<text>.*)$/s;
const MOST_REPLY_LINES = 32;

export interface Packet {
  readonly command: string;
  readonly data: Buffer;
}

export type MilterChange =
  | { readonly kind: 'add header'; readonly name: string; readonly value: string }
  | {
      readonly kind: 'insert header' | 'change header';
      /** Place among all fields, or the how-manieth of its name, from 1. */
      readonly index: number;
      readonly name: string;
      /** Empty: it is to go. */
      readonly value: string;
    }
  | {
      readonly kind: 'add recipient' | 'change sender';
      readonly address: string;
      readonly args: string;
    }
  | { readonly kind: 'delete recipient'; readonly address: string }
  | { readonly kind: 'replace body'; readonly bytes: Buffer }
  | { readonly kind: 'quarantine'; readonly reason: string };

export type MilterReply =
  | {
      readonly kind:
        | 'continue'
        | 'accept'
        | 'reject'
        | 'tempfail'
        | 'discard'
        | 'skip'
        | 'progress'
        | 'shutdown';
    }
  | { readonly kind: 'reply'; readonly reply: Reply }
  | { readonly kind: 'change'; readonly change: MilterChange };

const WORDS: Readonly<Record<string, Exclude<MilterReply['kind'], 'reply' | 'change'>>> = {
  '4': 'shutdown',
  a: 'accept',
  c: 'continue',
  d: 'discard',
  f: 'shutdown',
  p: 'progress',
  r: 'reject',
  s: 'skip',
  t: 'tempfail',
};

/** Cuts a stream of bytes into packets. */
export class PacketReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The packets that are whole now. Throws MilterError. */
  push(bytes: Buffer): Packet[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const packets: Packet[] = [];
    while (this.#rest.length >= 4) {
      const length = this.#rest.readUInt32BE(0);
      if (length === 0 || length > LONGEST_PACKET) {
        throw new MilterError(`packet of ${length} bytes`);
      }
      if (this.#rest.length < 4 + length) break;
      const command = String.fromCharCode(this.#rest[4] ?? 0);
      packets.push({ command, data: Buffer.from(this.#rest.subarray(5, 4 + length)) });
      this.#rest = this.#rest.subarray(4 + length);
    }
    return packets;
  }
}

export function encodePacket(command: string, ...parts: readonly (string | Buffer)[]): Buffer {
  const data = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
  );
  const head = Buffer.alloc(5);
  head.writeUInt32BE(data.length + 1, 0);
  head.write(command, 4, 'latin1');
  return Buffer.concat([head, data]);
}

/** Texts, each with its NUL; what is behind a NUL inside of one is lost, as in C. */
export function texts(...values: readonly string[]): string {
  return values.map((value) => `${value.split('\0', 1)[0] ?? ''}\0`).join('');
}

export interface Negotiated {
  readonly version: number;
  readonly actions: number;
  readonly steps: number;
  /** Macros that the filter wishes for, by stage; null: the usual ones. */
  readonly macros: ReadonlyMap<number, readonly string[]>;
}

/** A filter's answer to our offer. */
export function parseNegotiation(packet: Packet): Negotiated {
  const { command, data } = packet;
  if (command !== COMMAND.negotiate || data.length < 12) {
    throw new MilterError('negotiation was not answered with options');
  }
  const version = data.readUInt32BE(0);
  if (version < 2 || version > VERSION) throw new MilterError(`protocol version ${version}`);
  const actions = data.readUInt32BE(4);
  const steps = data.readUInt32BE(8);
  const extra = actions & ~ALL_ACTIONS;
  if (extra !== 0)
    throw new MilterError(`filter wants unknown actions 0x${(extra >>> 0).toString(16)}`);
  return { version, actions, steps: steps & ALL_STEPS, macros: macroLists(data.subarray(12)) };
}

function macroLists(data: Buffer): Map<number, readonly string[]> {
  const lists = new Map<number, readonly string[]>();
  for (let at = 0; at + 5 <= data.length; ) {
    const end = data.indexOf(0, at + 4);
    if (end < 0) break;
    const names = data
      .subarray(at + 4, end)
      .toString('latin1')
      .split(/[\s,]+/);
    lists.set(
      data.readUInt32BE(at),
      names.filter((name) => name !== ''),
    );
    at = end + 1;
  }
  return lists;
}

/** A filter's answer to an event, or one of its changes at the end of a message. */
export function parseReply({ command, data }: Packet): MilterReply {
  const word = WORDS[command];
  if (word !== undefined) return { kind: word };
  if (command === 'y') return { kind: 'reply', reply: parseReplyCode(data) };
  if (command === 'b') return { kind: 'change', change: { kind: 'replace body', bytes: data } };
  return { kind: 'change', change: parseChange(command, data) };
}

/** The action a filter must have negotiated for a change. */
export function neededAction(change: MilterChange): number {
  switch (change.kind) {
    case 'add header':
    case 'insert header':
      return ACTION.addHeaders | ACTION.changeHeaders;
    case 'change header':
      return ACTION.changeHeaders;
    case 'add recipient':
      return ACTION.addRecipients | ACTION.addRecipientsWithArguments;
    case 'delete recipient':
      return ACTION.deleteRecipients;
    case 'change sender':
      return ACTION.changeSender;
    case 'replace body':
      return ACTION.changeBody;
    case 'quarantine':
      return ACTION.quarantine;
  }
}

function parseChange(command: string, data: Buffer): MilterChange {
  switch (command) {
    case 'h': {
      const [name, value] = headerOf(data);
      return { kind: 'add header', name, value };
    }
    case 'i':
    case 'm': {
      if (data.length < 4) throw new MilterError('a header field without its place');
      const [name, value] = headerOf(data.subarray(4));
      const kind = command === 'i' ? 'insert header' : 'change header';
      return { kind, index: data.readUInt32BE(0), name, value };
    }
    case '+':
    case '2':
    case 'e': {
      const [address = '', args = ''] = textsOf(data);
      const kind = command === 'e' ? 'change sender' : 'add recipient';
      return { kind, address: oneLine(address), args: oneLine(args) };
    }
    case '-':
      return { kind: 'delete recipient', address: oneLine(textsOf(data)[0] ?? '') };
    case 'q':
      return { kind: 'quarantine', reason: oneLine(textsOf(data)[0] ?? '') };
    default:
      throw new MilterError(`unknown reply 0x${command.charCodeAt(0).toString(16)}`);
  }
}

function headerOf(data: Buffer): [name: string, value: string] {
  const [name = '', value = ''] = textsOf(data);
  if (!HEADER_NAME.test(name)) throw new MilterError('a header field with a bad name');
  return [name, foldedValue(value)];
}

/** Lines behind the first begin with a blank, so that they stay part of the field. */
export function foldedValue(value: string): string {
  return value
    .replaceAll('\r', '')
    .replace(/\n+$/, '')
    .replaceAll(/\n(?![ \t]+[^\s])\s*/g, '\n\t');
}

function parseReplyCode(data: Buffer): Reply {
  const [raw = ''] = textsOf(data);
  const lines = raw
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .slice(0, MOST_REPLY_LINES);
  const parsed = lines.map((line) => REPLY_LINE.exec(line)?.groups);
  const [first] = parsed;
  if (first === undefined || parsed.includes(undefined)) {
    throw new MilterError('a reply code that is none');
  }
  const text = parsed.map((each) => printable(each?.text ?? '')).join('\n');
  const code = Number(first.code);
  return { code, status: first.status ?? '', text };
}

function textsOf(data: Buffer): string[] {
  return data.toString('latin1').split('\0');
}

function oneLine(text: string): string {
  return printable(text).trim();
}
