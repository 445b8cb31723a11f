/** The little of POP3 (RFC 1939) and IMAP4 (RFC 3501) that a test needs to look into a mailbox. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

class Wire {
  readonly #socket: Socket;
  #text = '';
  #isOver = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1').setTimeout(20_000, () => socket.destroy());
    socket.on('data', (text: string) => {
      this.#text += text;
      this.#wake();
    });
    socket
      .on('error', () => undefined)
      .on('close', () => {
        this.#isOver = true;
        this.#wake();
      });
  }

  static async to(port: number): Promise<Wire> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Wire(socket);
  }

  send(text: string): void {
    this.#socket.write(text, 'latin1');
  }

  async line(): Promise<string> {
    await this.#until(() => this.#text.includes('\r\n'));
    return this.#cut(this.#text.indexOf('\r\n') + 2).slice(0, -2);
  }

  async bytes(count: number): Promise<string> {
    await this.#until(() => this.#text.length >= count);
    return this.#cut(count);
  }

  close(): void {
    this.#socket.destroy();
  }

  #cut(end: number): string {
    const text = this.#text.slice(0, end);
    this.#text = this.#text.slice(end);
    return text;
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.#isOver) throw new Error(`the server hung up: ${this.#text}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** All messages of the mailbox, with CR LF, in its order. */
export async function popMessages(
  port: number,
  user: string,
  password: string,
): Promise<readonly string[]> {
  const wire = await Wire.to(port);
  const ask = async (line: string) => {
    if (line !== '') wire.send(`${line}\r\n`);
    const answer = await wire.line();
    if (!answer.startsWith('+OK')) throw new Error(`${line}: ${answer}`);
    return answer;
  };
  await ask('');
  await ask(`USER ${user}`);
  await ask(`PASS ${password}`);
  const count = Number(/^\+OK (\d+)/.exec(await ask('STAT'))?.[1] ?? 0);
  const messages: string[] = [];
  for (let number = 1; number <= count; number += 1) {
    await ask(`RETR ${number}`);
    let text = '';
    for (let line = await wire.line(); line !== '.'; line = await wire.line()) {
      text += `${line.replace(/^\./, '')}\r\n`;
    }
    messages.push(text);
  }
  await ask('QUIT');
  wire.close();
  return messages;
}

export class ImapClient {
  readonly #wire: Wire;
  #number = 0;

  private constructor(wire: Wire) {
    this.#wire = wire;
  }

  static async open(port: number, user: string, password: string): Promise<ImapClient> {
    const client = new ImapClient(await Wire.to(port));
    await client.#wire.line();
    await client.ask(`LOGIN ${user} ${password}`);
    await client.ask('SELECT INBOX');
    return client;
  }

  /** Untagged answers; where there is a literal, what it holds comes behind the line. */
  async ask(command: string, literal?: string): Promise<readonly string[]> {
    this.#number += 1;
    const tag = `t${this.#number}`;
    const size = literal === undefined ? '' : ` {${literal.length}+}`;
    this.#wire.send(`${tag} ${command}${size}\r\n`);
    if (literal !== undefined) this.#wire.send(`${literal}\r\n`);
    const answers: string[] = [];
    for (;;) {
      const line = await this.#wire.line();
      if (line.startsWith(`${tag} `)) {
        if (!line.startsWith(`${tag} OK`)) throw new Error(`${command}: ${line}`);
        return answers;
      }
      answers.push(line);
      const [, length] = /\{(\d+)\}$/.exec(line) ?? [];
      if (length !== undefined) answers.push(await this.#wire.bytes(Number(length)));
    }
  }

  /** All messages, with CR LF. */
  async messages(): Promise<readonly string[]> {
    await this.ask('NOOP');
    const answers = await this.ask('FETCH 1:* BODY.PEEK[]').catch(() => []);
    return answers.filter((_, index) => /\{\d+\}$/.test(answers[index - 1] ?? ''));
  }

  async close(): Promise<void> {
    await this.ask('LOGOUT');
    this.#wire.close();
  }
}
