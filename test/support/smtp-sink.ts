/** Another mail server: takes all mail, keeps its bytes as they came, and may put clients off. */
import { createServer, type Server, type Socket } from 'node:net';

export interface SunkMessage {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came, dots stuffed, up to the dot that ended it. */
  readonly raw: string;
}

export interface SinkOptions {
  /** What it answers to the end of a message; null: 250. */
  readonly answer?: (message: SunkMessage) => string | null;
}

const END = '\r\n.\r\n';

export class SmtpSink {
  readonly messages: SunkMessage[] = [];
  /** Every command line of every client. */
  readonly commands: string[] = [];
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #answer: (message: SunkMessage) => string | null;

  private constructor(server: Server, options: SinkOptions) {
    this.#server = server;
    this.#answer = options.answer ?? (() => null);
    const address = server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
    server.on('connection', (socket) => this.#serve(socket));
  }

  static async start(options: SinkOptions = {}): Promise<SmtpSink> {
    const server = createServer();
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    return new SmtpSink(server, options);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((closed) => this.#server.close(closed));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let text = '';
    let from = '';
    let to: string[] = [];
    let isData = false;
    const say = (line: string) => socket.write(`${line}\r\n`);
    const takeMessage = (): boolean => {
      const end = text.startsWith('.\r\n') ? -2 : text.indexOf(END);
      if (end === -1) return false;
      const message = { from, to, raw: end < 0 ? '' : text.slice(0, end + 2) };
      text = text.slice(end + END.length);
      isData = false;
      const refusal = this.#answer(message);
      if (refusal === null) this.messages.push(message);
      say(refusal ?? '250 2.0.0 taken');
      return true;
    };
    const takeCommand = (): boolean => {
      const end = text.indexOf('\r\n');
      if (end < 0) return false;
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      this.commands.push(line);
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'MAIL') [from, to] = [line, []];
      if (verb === 'RCPT') to = [...to, line];
      isData = verb === 'DATA';
      say(isData ? '354 go on' : `${verb === 'QUIT' ? '221' : '250'} 2.0.0 ok`);
      return true;
    };
    say('220 sink.example ESMTP');
    socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      while (isData ? takeMessage() : takeCommand());
    });
  }
}
