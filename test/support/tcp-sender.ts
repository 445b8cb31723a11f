/**
 * A sender over plain TCP as syslog daemons are: it connects again when its connection breaks, and goes on
 * with the next line. What it had written by then it knows nothing of.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export class TcpSender {
  readonly #port: number;
  #socket: Socket | undefined;
  #isOver = false;
  /** How often it connected. */
  connections = 0;

  constructor(port: number) {
    this.#port = port;
  }

  /** Writes the lines; waits while there is no connection, and while the other side takes no more. */
  async send(lines: readonly string[]): Promise<void> {
    const socket = await this.#connected();
    if (socket === undefined) return;
    const text = lines.map((line) => `<22>${line}\n`).join('');
    if (!socket.write(text)) await drained(socket);
  }

  /** Waits until all is written, as far as the connection stands. */
  async end(): Promise<void> {
    this.#isOver = true;
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) return;
    const closed = new Promise<void>((done) => socket.once('close', () => done()));
    socket.end();
    await closed;
  }

  /** Ends at once. */
  destroy(): void {
    this.#isOver = true;
    this.#socket?.destroy();
  }

  async #connected(): Promise<Socket | undefined> {
    while (!this.#isOver) {
      if (this.#socket?.writable === true) return this.#socket;
      this.#socket = await open(this.#port);
      if (this.#socket === undefined) await sleep(20);
      else this.connections += 1;
    }
    return undefined;
  }
}

function open(port: number): Promise<Socket | undefined> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => done(undefined));
    socket.on('connect', () => done(socket));
    // Its end is only seen where it is read.
    socket.resume();
  });
}

function drained(socket: Socket): Promise<void> {
  return new Promise((done) => {
    socket.once('drain', done);
    socket.once('close', () => done());
    if (socket.destroyed) done();
  });
}
