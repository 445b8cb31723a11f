/**
 * Another host of the play, that is no mail server of ours: one that greylists, one that is slow, one that is down
 * for a while. It takes messages and keeps nothing but their number.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export interface Mood {
  readonly name: string;
  readonly address: string;
  readonly now: () => number;
  /** A recipient is told to come again until this long after it was first named. */
  readonly greylistMs?: number;
  /** Called for each message: it may take its time. */
  readonly onMessage?: () => void;
}

interface Talk {
  isData: boolean;
  named: number;
}

export class MoodyHost {
  readonly #mood: Mood;
  readonly #first = new Map<string, number>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  /** Recipients that got a message. */
  taken = 0;

  constructor(mood: Mood) {
    this.#mood = mood;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** The port it got. */
  start(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: this.#mood.address, port }, () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    const state = { isData: false, named: 0 };
    socket.write(`220 ${this.#mood.name} ESMTP\r\n`);
    createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
      const reply = state.isData ? this.#text(line, state) : this.#command(line, state);
      if (reply !== null) socket.write(`${reply}\r\n`);
      if (reply === REPLIES.QUIT) socket.end();
    });
  }

  /** A line of a message. */
  #text(line: string, state: Talk): string | null {
    if (line !== '.') return null;
    state.isData = false;
    this.taken += state.named;
    this.#mood.onMessage?.();
    return '250 2.0.0 taken';
  }

  #command(line: string, state: Talk): string {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'EHLO') return `250 ${this.#mood.name}`;
    if (verb === 'MAIL') state.named = 0;
    state.isData = verb === 'DATA';
    if (verb !== 'RCPT') return REPLIES[verb] ?? '250 2.0.0 OK';
    const reply = this.#recipient(line);
    if (reply === REPLIES.RCPT) state.named += 1;
    return reply;
  }

  #recipient(line: string): string {
    const { greylistMs, now } = this.#mood;
    if (greylistMs === undefined) return REPLIES.RCPT ?? '';
    const first = this.#first.get(line) ?? now();
    this.#first.set(line, first);
    return now() - first >= greylistMs
      ? (REPLIES.RCPT ?? '')
      : '451 4.7.1 Greylisting in action, please come back later';
  }
}

const REPLIES: Readonly<Record<string, string>> = {
  MAIL: '250 2.1.0 Sender ok',
  RCPT: '250 2.1.5 Recipient ok',
  DATA: '354 go on',
  QUIT: '221 2.0.0 bye',
};
