/**
 * The other ends of the lab: mail hosts that take, refuse or put off what its recipients' names say
 * (`u550@...`, `t450@...`), and remember what they were given.
 */
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';

export interface Taken {
  readonly host: string;
  readonly mailFrom: string;
  readonly recipients: readonly string[];
  readonly bytes: number;
  readonly text: string;
}

interface HostKind {
  readonly address: string;
  readonly name: string;
  /** What EHLO offers. */
  readonly offers: readonly string[];
}

const MODERN = ['PIPELINING', 'SIZE 10240000', 'ENHANCEDSTATUSCODES', '8BITMIME', 'DSN'];
const HOSTS: readonly HostKind[] = [
  { address: '198.51.100.10', name: 'mail.partner.example', offers: MODERN },
  { address: '198.51.100.21', name: 'up.twomx.example', offers: MODERN },
  { address: '198.51.100.40', name: 'mail.picky.example', offers: MODERN },
  // An old one: no ESMTP.
  { address: '198.51.100.60', name: 'mail.old.example', offers: [] },
  { address: '198.51.100.80', name: 'smart.example', offers: MODERN },
];

function refusalOf(recipient: string): string | undefined {
  if (/<u550/.test(recipient)) {
    return `550 5.1.1 ${recipient}: Recipient address rejected: User unknown in virtual mailbox table`;
  }
  if (/<t450/.test(recipient)) return `450 4.2.1 ${recipient}: mailbox busy, try later`;
  if (/<s554/.test(recipient)) return `554 5.7.1 ${recipient}: Service refused, policy`;
  return undefined;
}

export class RemoteHosts {
  readonly taken: Taken[] = [];
  readonly #servers: Server[] = [];
  #number = 0;

  async start(port: number): Promise<void> {
    for (const kind of HOSTS) {
      const server = createServer((socket) => this.#serve(socket, kind));
      this.#servers.push(server);
      await new Promise<void>((resolve) => server.listen(port, kind.address, resolve));
    }
  }

  stop(): void {
    for (const server of this.#servers) server.close();
  }

  #serve(socket: Socket, kind: HostKind): void {
    const dialogue = new Dialogue(kind, (taken) => {
      this.taken.push(taken);
      this.#number += 1;
      return (0xa0000 + this.#number).toString(16).toUpperCase();
    });
    let rest = '';
    socket.setEncoding('latin1').on('error', () => undefined);
    socket.write(`220 ${kind.name} ${kind.offers.length > 0 ? 'ESMTP' : 'SMTP'} Lab\r\n`);
    socket.on('data', (text: string) => {
      const lines = (rest + text).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const answer = dialogue.take(line);
        if (answer !== '') socket.write(`${answer}\r\n`);
        if (dialogue.isOver) socket.end();
      }
    });
  }
}

/** One session with such a host. */
class Dialogue {
  isOver = false;
  readonly #kind: HostKind;
  readonly #keep: (taken: Taken) => string;
  #mailFrom = '';
  #recipients: string[] = [];
  #isData = false;
  #text = '';

  constructor(kind: HostKind, keep: (taken: Taken) => string) {
    this.#kind = kind;
    this.#keep = keep;
  }

  take(line: string): string {
    if (this.#isData) return this.#data(line);
    const verb = line.slice(0, 4).toUpperCase();
    const answer = this.#commands[verb];
    return answer === undefined ? '250 2.0.0 Ok' : answer(line);
  }

  readonly #commands: Readonly<Record<string, (line: string) => string>> = {
    EHLO: () => {
      const { name, offers } = this.#kind;
      if (offers.length === 0) return '502 5.5.2 Error: command not recognized';
      const lines = [name, ...offers];
      return lines.map((o, at) => `250${at === lines.length - 1 ? ' ' : '-'}${o}`).join('\r\n');
    },
    HELO: () => `250 ${this.#kind.name}`,
    MAIL: (line) => {
      this.#mailFrom = line.slice(10);
      this.#recipients = [];
      return '250 2.1.0 Ok';
    },
    RCPT: (line) => {
      const recipient = /<[^>]*>/.exec(line)?.[0] ?? '';
      const refusal = refusalOf(recipient);
      if (refusal === undefined) this.#recipients.push(recipient);
      return refusal ?? '250 2.1.5 Ok';
    },
    DATA: () => {
      if (this.#recipients.length === 0) return '554 5.5.1 Error: no valid recipients';
      this.#isData = true;
      this.#text = '';
      return '354 End data with <CR><LF>.<CR><LF>';
    },
    QUIT: () => {
      this.isOver = true;
      return '221 2.0.0 Bye';
    },
  };

  #data(line: string): string {
    if (line !== '.') {
      this.#text += `${line.replace(/^\./, '')}\n`;
      return '';
    }
    this.#isData = false;
    const { address: host } = this.#kind;
    const [mailFrom, recipients, text] = [this.#mailFrom, this.#recipients, this.#text];
    return `250 2.0.0 Ok: queued as ${this.#keep({ host, mailFrom, recipients, bytes: text.length, text })}`;
  }
}
