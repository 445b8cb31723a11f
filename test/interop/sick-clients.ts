/**
 * Clients that no listener should ever meet: what they send is drawn from a seed, how they leave too. And one
 * well-behaved sender, whose lines must all arrive meanwhile.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { RandomSource } from '../support/random.ts';

export interface Place {
  readonly port: number;
  /** Whether it is a TLS listener. */
  readonly isTls: boolean;
  /** Whose loopback address the client has. */
  readonly from?: string;
}

/** Nobody waits longer for a connection to come or go. */
const PATIENCE_MS = 20_000;

/** A connection that is there, or was turned away at once; never rejects. */
export async function open({ port, isTls, from }: Place): Promise<Socket> {
  const where = { host: '127.0.0.1', port, ...(from === undefined ? {} : { localAddress: from }) };
  const socket = isTls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
  socket.on('error', () => undefined);
  await Promise.race([
    happens(socket, isTls ? 'secureConnect' : 'connect'),
    happens(socket, 'close'),
  ]);
  return socket;
}

/** Unlike `once` of node:events, also after an error. */
function happens(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve) => socket.once(event, () => resolve()));
}

export async function closed(socket: Socket): Promise<boolean> {
  socket.resume();
  const deadline = Date.now() + PATIENCE_MS;
  while (!socket.closed && Date.now() < deadline) await sleep(10);
  return socket.closed;
}

const LINE = '<22>Nov 24 10:00:00 mx9 sm-mta[7]: 6AOA00Ab000007: to=<a@b.example>, stat=Sent';
const PIECES: readonly [string, ...string[]] = [
  `${LINE}\n`,
  `${LINE.length} ${LINE}`,
  `${LINE.length + 5} ${LINE}`,
  `3 ${LINE}`,
  '999999999 <',
  '0 <22>x',
  '-1 <22>x\n',
  '<999999>1 - - - - - -\n',
  '<22>1 2026-11-24T10:00:00Z mx9 sm-mta 7 - [a b="\\]',
  '<22>1 9999-99-99T99:99:99.999999999999Z mx9 a b c - x\n',
  `1 open 80 relp_version=0\nrelp_software=x\ncommands=syslog\n`,
  '1 open 20 relp_version=1\nc=syslog\n',
  `2 syslog ${LINE.length} ${LINE}\n`,
  `2 syslog ${LINE.length - 3} ${LINE}\n`,
  '2 syslog 99999999999 x\n',
  '2 syslog 16777217 x',
  '2 syslog 0\n',
  '2 syslog 5\n',
  '1000000000 syslog 1 x\n',
  '3 close 0\n',
  '0 serverclose 0\n',
  '7 nothing 3 abc\n',
  'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'EHLO you\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  '\x00\x00\x00\x00\x00\x00\x00\x00',
  '\n\r\n\r\x00\n',
  `<22>${'#'.repeat(3000)}`,
  '\x1b[2J\x07\x7f\x80\xff\xfe',
];

export function randomBytes(random: RandomSource, most: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: random.below(most) }, () => random.below(256)));
}

/** Pieces of messages, whole, cut and with wrong bytes, in any order. */
export function garbage(random: RandomSource): Buffer {
  const parts = Array.from({ length: 1 + random.below(6) }, () => {
    if (random.chance(0.15)) return randomBytes(random, 400);
    const piece = Buffer.from(random.pick(PIECES), 'latin1');
    if (random.chance(0.2)) piece[random.below(piece.length)] = random.below(256);
    return random.chance(0.2) ? piece.subarray(0, random.below(piece.length)) : piece;
  });
  return Buffer.concat(parts);
}

/** Connects, sends garbage in a few pieces and leaves, in one of the ways there are. */
export async function misbehave(place: Place, random: RandomSource): Promise<void> {
  const [bytes, cut, leaves] = [garbage(random), random.below(200), random.below(4)];
  const socket = await open({ ...place, isTls: place.isTls && random.chance(0.6) });
  if (socket.destroyed) return;
  socket.resume();
  socket.write(bytes.subarray(0, cut));
  if (leaves === 0) await sleep(1);
  socket.write(bytes.subarray(cut));
  // Of TLS Node cannot reset a connection.
  if (leaves === 1 && !(socket instanceof TLSSocket)) socket.resetAndDestroy();
  else if (leaves <= 2) socket.destroy();
  else socket.end();
  const patience = setTimeout(() => socket.destroy(), 50);
  if (!socket.closed) await happens(socket, 'close');
  clearTimeout(patience);
}

/** Runs so many at a time. */
export async function inParallel(
  count: number,
  atOnce: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      next += 1;
      await work(next - 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** A line of the good sender, as RELP's data; each has a recipient of its own. */
function goodLine(index: number): string {
  const stamp = new Date(Date.UTC(2026, 10, 24) + index * 10).toISOString().replace('Z', '+00:00');
  const rest = 'delay=00:00:01, xdelay=00:00:00, mailer=local, pri=30000, dsn=2.0.0, stat=Sent';
  return `<22>${stamp} good sm-mta[100]: 6AOA00Ab000100: to=<good-${index}@corp.example>, ${rest}`;
}

/** Sends a line every few milliseconds over each way, until it is told to end. */
export class GoodSender {
  sent = 0;
  readonly #sockets: readonly Socket[];
  readonly #relp: number;
  #txnr = 1;
  #isOver = false;
  #running: Promise<void>;

  private constructor(sockets: readonly Socket[], relp: number) {
    this.#sockets = sockets;
    this.#relp = relp;
    sockets[relp]?.write('1 open 14 relp_version=1\n');
    for (const socket of sockets) socket.resume();
    this.#running = this.#run();
  }

  /** `relp`: which of the places speaks RELP. */
  static async start(places: readonly Place[], relp: number): Promise<GoodSender> {
    return new GoodSender(await Promise.all(places.map(open)), relp);
  }

  /** How many lines it has sent in all. */
  async end(): Promise<number> {
    this.#isOver = true;
    await this.#running;
    await sleep(100);
    for (const socket of this.#sockets) socket.end();
    return this.sent;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      for (const [index, socket] of this.#sockets.entries()) {
        const line = goodLine(this.sent);
        this.sent += 1;
        socket.write(index === this.#relp ? this.#relpFrame(line) : `${line}\n`);
      }
      await sleep(5);
    }
  }

  #relpFrame(line: string): string {
    this.#txnr += 1;
    return `${this.#txnr} syslog ${line.length} ${line}\n`;
  }
}
