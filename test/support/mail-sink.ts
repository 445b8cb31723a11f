/** Mail hosts that take everything: one port on several loopback addresses, and what each was given. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

export interface SunkMail {
  readonly address: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
}

export class MailSink {
  readonly mails: SunkMail[] = [];
  readonly port: number;
  readonly #servers: Server[];

  private constructor(port: number) {
    this.port = port;
    this.#servers = [];
  }

  /** The first address decides about the port. One that this machine lacks is left out. */
  static async start(addresses: readonly string[]): Promise<MailSink> {
    const [first = '', ...rest] = addresses;
    const server = await listen(first, 0);
    const bound = server.address();
    const sink = new MailSink(typeof bound === 'object' && bound !== null ? bound.port : 0);
    sink.#serve(server, first);
    for (const address of rest) {
      const more = await listen(address, sink.port).catch(() => undefined);
      if (more !== undefined) sink.#serve(more, address);
    }
    return sink;
  }

  to(recipient: string): readonly SunkMail[] {
    return this.mails.filter(({ to }) => to.includes(recipient));
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) {
      server.close();
      await once(server, 'close');
    }
  }

  #serve(server: Server, address: string): void {
    this.#servers.push(server);
    server.on('connection', (socket) => this.#talk(socket, address));
  }

  #talk(socket: Socket, address: string): void {
    let [rest, from, text] = ['', '', ''];
    let to: string[] = [];
    let isData = false;
    const take = (line: string): string => {
      if (isData && line !== '.') {
        text += `${line.replace(/^\./, '')}\n`;
        return '';
      }
      if (isData) {
        isData = false;
        this.mails.push({ address, from, to, text });
        return '250 2.0.0 taken';
      }
      const [, path = ''] = /<([^>]*)>/.exec(line) ?? [];
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'MAIL') [from, to, text] = [path, [], ''];
      if (verb === 'RCPT') to = [...to, path];
      isData = verb === 'DATA';
      if (isData) return '354 go on';
      return verb === 'QUIT' ? '221 2.0.0 bye' : '250 2.0.0 ok';
    };
    socket.setEncoding('latin1').on('error', () => undefined);
    socket.write('220 sink.test ESMTP\r\n');
    socket.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\r\n');
      rest = lines.pop() ?? '';
      const answers = lines.map(take).filter((answer) => answer !== '');
      if (answers.length > 0) socket.write(`${answers.join('\r\n')}\r\n`);
      if (answers.at(-1)?.startsWith('221')) socket.end();
    });
  }
}

async function listen(host: string, port: number): Promise<Server> {
  const server = createServer().listen({ host, port });
  await once(server, 'listening');
  return server;
}
