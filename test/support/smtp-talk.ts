/** A client that speaks SMTP byte by byte: what a test sends is what goes over the wire (latin1). */
import { connect, type Socket } from 'node:net';

export interface SmtpReply {
  /** 0: the connection is over. */
  readonly code: number;
  readonly text: string;
}

const LAST_LINE = /^(\d{3}) .*\r\n$/;
const OVER: SmtpReply = { code: 0, text: '' };

export class SmtpTalk {
  readonly socket: Socket;
  /** All that the server said. */
  heard = '';
  isOver = false;
  #read = 0;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => {
      this.heard += bytes.toString('latin1');
      this.#wake();
    });
    socket.on('error', () => undefined);
    socket.on('end', () => this.#end()).on('close', () => this.#end());
  }

  /** `from` is the address it comes from: another of the loopback is a stranger to the server. */
  static async open(port: number, from = '127.0.0.1'): Promise<SmtpTalk> {
    const socket = connect({ host: '127.0.0.1', port, localAddress: from });
    const talk = new SmtpTalk(socket);
    // Where nobody listens, a connection may meet itself.
    socket.once('connect', () => {
      if (socket.localPort === port && socket.localAddress === socket.remoteAddress) talk.close();
    });
    await talk.reply();
    return talk;
  }

  /** One command, one reply. */
  async ask(line: string): Promise<SmtpReply> {
    this.send(`${line}\r\n`);
    return await this.reply();
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** The next reply, of however many lines. */
  async reply(): Promise<SmtpReply> {
    for (let text = ''; ; ) {
      const end = this.heard.indexOf('\r\n', this.#read);
      if (end < 0) {
        if (this.isOver) return OVER;
        await this.#more();
        continue;
      }
      const line = this.heard.slice(this.#read, end + 2);
      this.#read = end + 2;
      text += line;
      const last = LAST_LINE.exec(line);
      if (last !== null) return { code: Number(last[1]), text: text.trimEnd() };
    }
  }

  /** All that the server says until it closes; we close our side first. */
  async rest(): Promise<string> {
    this.socket.end();
    while (!this.isOver) await this.#more();
    return this.heard;
  }

  close(): void {
    this.socket.destroy();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #end(): void {
    this.isOver = true;
    this.#wake();
  }
}
