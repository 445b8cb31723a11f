/**
 * A small DNS server for the play (RFC 1035): addresses, mail exchangers and names of addresses out of a list, and
 * "no such name" for all else. On the loopback, without recursion, compression or TCP.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

export interface Records {
  /** Host and IPv4 address. Each address leads back to the first host that has it. */
  readonly hosts: ReadonlyMap<string, string>;
  /** Domain and mail exchanger. */
  readonly exchangers: ReadonlyMap<string, string>;
}

const TYPES = { a: 1, ptr: 12, mx: 15 } as const;
const HEADER_BYTES = 12;
const TTL_SECONDS = 3600;
const LONGEST_NAME = 255;

export class NameServer {
  readonly #records: Records;
  readonly #names = new Map<string, string>();
  readonly #socket: Socket = createSocket('udp4');

  constructor(records: Records) {
    this.#records = records;
    for (const [host, address] of records.hosts) {
      const key = `${address.split('.').reverse().join('.')}.in-addr.arpa`;
      if (!this.#names.has(key)) this.#names.set(key, host);
    }
  }

  /** As a resolver is told of it. */
  async start(): Promise<string> {
    this.#socket.on('message', (question, { address, port }) => {
      const answer = this.#answer(question);
      if (answer !== null) this.#socket.send(answer, port, address, () => undefined);
    });
    this.#socket.bind(0, '127.0.0.1');
    await once(this.#socket, 'listening');
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  async stop(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  #answer(question: Buffer): Buffer | null {
    const name = nameIn(question);
    if (name === null) return null;
    const end = HEADER_BYTES + name.bytes;
    const type = question.readUInt16BE(end);
    const data = this.#data(name.text, type);
    const head = Buffer.from(question.subarray(0, HEADER_BYTES));
    head.writeUInt16BE(0x8580 | (this.#isKnown(name.text) ? 0 : 3), 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(data === null ? 0 : 1, 6);
    head.fill(0, 8, HEADER_BYTES);
    const asked = question.subarray(HEADER_BYTES, end + 4);
    return Buffer.concat([head, asked, ...(data === null ? [] : [record(type, data)])]);
  }

  #isKnown(name: string): boolean {
    const { hosts, exchangers } = this.#records;
    return hosts.has(name) || exchangers.has(name) || this.#names.has(name);
  }

  #data(name: string, type: number): Buffer | null {
    const { hosts, exchangers } = this.#records;
    if (type === TYPES.a) {
      const address = hosts.get(name);
      return address === undefined ? null : Buffer.from(address.split('.').map(Number));
    }
    if (type === TYPES.ptr) {
      const host = this.#names.get(name);
      return host === undefined ? null : encoded(host);
    }
    const exchanger = type === TYPES.mx ? exchangers.get(name) : undefined;
    return exchanger === undefined
      ? null
      : Buffer.concat([Buffer.from([0, 10]), encoded(exchanger)]);
  }
}

/** The name that is asked for; null: this is no question. */
function nameIn(question: Buffer): { readonly text: string; readonly bytes: number } | null {
  const labels: string[] = [];
  for (let at = HEADER_BYTES; at < Math.min(question.length, HEADER_BYTES + LONGEST_NAME); ) {
    const length = question[at] ?? 0;
    if (length === 0) {
      const bytes = at + 1 - HEADER_BYTES;
      const isWhole = question.length >= HEADER_BYTES + bytes + 4;
      return isWhole ? { text: labels.join('.').toLowerCase(), bytes } : null;
    }
    if (length > 63) return null;
    labels.push(question.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return null;
}

function encoded(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

/** About the name of the question, which is pointed at. */
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(TTL_SECONDS, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}
