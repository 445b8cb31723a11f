/** Plays a client's script against a server and writes down who said what. */
import { createHmac } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { SessionScript, Step } from './scenario.ts';

const PATIENCE_MS = 30_000;
/** Longer ones are shown as their beginning. */
const SHOWN = 400;

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
  await new Promise<void>((resolve) =>
    socket.once('connect', resolve).once('error', () => resolve()),
  );
  const dialogue = new Dialogue(socket, said);
  if (script.isTls === true) await dialogue.startTls();
  if (script.isEarly !== true) await dialogue.wait(1);
  for (const step of script.steps) {
    if (dialogue.isClosed) break;
    await dialogue.take(step);
  }
  await dialogue.end(script.end);
  return said;
}

class Dialogue {
  isClosed = false;
  readonly #raw: Socket;
  readonly #said: string[];
  #socket: Socket;
  #text = '';
  #count = 0;
  #last = '';
  #wake: () => void = () => undefined;
  #ended: () => void = () => undefined;
  readonly #closed: Promise<void>;

  constructor(socket: Socket, said: string[]) {
    this.#raw = socket;
    this.#socket = socket;
    this.#said = said;
    this.#closed = new Promise((resolve) => {
      this.#ended = resolve;
    });
    this.#listen(socket);
  }

  async take(step: Step): Promise<void> {
    await sleep(step.pause ?? 0);
    const text = this.#textOf(step);
    const shown =
      text.length > SHOWN ? `${text.slice(0, 60)}... (${text.length})` : text.replace(/\r?\n$/, '');
    if (text !== '') this.#said.push(`C: ${shown}`);
    this.#socket.write(text, 'latin1');
    await this.wait(step.replies);
    if (step.startsTls === true && this.#last.startsWith('220')) await this.startTls();
  }

  async startTls(): Promise<void> {
    this.#raw.removeAllListeners('data');
    const secure = connectTls({ socket: this.#raw, rejectUnauthorized: false });
    this.#socket = secure;
    await new Promise<void>((resolve) =>
      secure.once('secureConnect', resolve).once('error', () => resolve()),
    );
    this.#listen(secure);
  }

  /** Replies that nobody waited for are kept for the next time. */
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
    if (this.#count < count && !this.isClosed) this.#said.push('S: <silence>');
    this.#count = Math.max(0, this.#count - count);
  }

  async end(how: SessionScript['end']): Promise<void> {
    if (how === 'reset') this.#raw.resetAndDestroy();
    else this.#socket.end();
    const timer = setTimeout(() => this.#ended(), PATIENCE_MS);
    await this.#closed;
    clearTimeout(timer);
    this.#raw.destroy();
  }

  #textOf({ send, cramMd5 }: Step): string {
    if (cramMd5 === undefined) return send;
    const challenge = Buffer.from(this.#last.slice(4), 'base64');
    const digest = createHmac('md5', cramMd5.password).update(challenge).digest('hex');
    return `${Buffer.from(`${cramMd5.user} ${digest}`).toString('base64')}\r\n`;
  }

  #listen(socket: Socket): void {
    const close = () => {
      if (!this.isClosed) this.#said.push('S: <closed>');
      this.isClosed = true;
      this.#wake();
      this.#ended();
    };
    socket.on('data', (bytes: Buffer) => this.#hear(bytes.toString('latin1')));
    socket.on('end', close).on('close', close).on('error', close);
  }

  /** A reply ends with the line that has a blank after its code. */
  #hear(text: string): void {
    const lines = (this.#text + text).split('\r\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) {
      this.#said.push(`S: ${line}`);
      this.#last = line;
      if (/^\d{3}(?: |$)/.test(line)) this.#count += 1;
    }
    this.#wake();
  }
}
