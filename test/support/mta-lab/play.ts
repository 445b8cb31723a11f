/** Plays a client's script against a server and writes down who said what. */
import { connect, type Socket } from 'node:net';
import type { SessionScript } from './scenario.ts';

const PATIENCE_MS = 30_000;

export async function play(
  script: SessionScript,
  server: { readonly host: string; readonly port: number },
): Promise<readonly string[]> {
  const said: string[] = [];
  const socket = connect({
    host: server.host,
    port: script.port ?? server.port,
    localAddress: script.from,
  });
  const replies = new Replies(socket, said);
  await new Promise<void>((resolve) =>
    socket.once('connect', resolve).once('error', () => resolve()),
  );
  if (script.isEarly !== true) await replies.wait(1);
  for (const { send, replies: count } of script.steps) {
    if (replies.isClosed) break;
    said.push(
      `C: ${send.length > 400 ? `${send.slice(0, 60)}... (${send.length})` : send.replace(/\r?\n$/, '')}`,
    );
    socket.write(send, 'latin1');
    await replies.wait(count);
  }
  if (script.end === 'reset') socket.resetAndDestroy();
  else socket.end();
  await replies.closed;
  socket.destroy();
  return said;
}

class Replies {
  isClosed = false;
  readonly closed: Promise<void>;
  #text = '';
  #count = 0;
  #wake: () => void = () => undefined;
  readonly #said: string[];

  constructor(socket: Socket, said: string[]) {
    this.#said = said;
    socket.setEncoding('latin1').on('data', (text: string) => this.#take(text));
    this.closed = new Promise((resolve) => {
      const timer = setTimeout(() => resolve(), PATIENCE_MS);
      const end = (what: string) => {
        if (!this.isClosed) said.push(`S: <${what}>`);
        this.isClosed = true;
        clearTimeout(timer);
        this.#wake();
        resolve();
      };
      socket.on('end', () => end('closed')).on('close', () => end('closed'));
      socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'error'));
    });
  }

  /** A reply ends with the line that has a blank after its code. */
  #take(text: string): void {
    const lines = (this.#text + text).split('\r\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) {
      this.#said.push(`S: ${line}`);
      if (/^\d{3}(?: |$)/.test(line)) this.#count += 1;
    }
    this.#wake();
  }

  async wait(count: number): Promise<void> {
    const until = Date.now() + PATIENCE_MS;
    while (this.#count < count && !this.isClosed && Date.now() < until) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#count = 0;
  }
}
