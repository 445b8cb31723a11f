/** A mail client of the play: one connection from an address of its own, and what the server made of it. */

import type { RemoteReply } from '../../../mta/courier/reply-reader.ts';
import { LinkError, SmtpConnection } from '../../../mta/courier/smtp-connection.ts';

export interface Target {
  readonly address: string;
  readonly port: number;
}

export interface PlayedMail {
  /** Where the client is, and what it calls itself. */
  readonly client: string;
  readonly helo: string;
  readonly to: Target;
  readonly auth?: { readonly user: string; readonly password: string };
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly text: string;
  /** The size is told with MAIL FROM. */
  readonly tellsSize?: boolean;
}

/** What a client saw. */
export interface Seen {
  readonly isAccepted: boolean;
  readonly recipientsAccepted: number;
  readonly recipientsRefused: number;
  readonly isLoggedIn: boolean;
  readonly isLoginRefused: boolean;
  /** The connection, the sender or the message as a whole was refused. */
  readonly isRefused: boolean;
}

const WAIT_MS = 60_000;

/** `takes` is told when a message is on its way, since that takes time. */
export async function sendMail(mail: PlayedMail, takes: () => void): Promise<Seen> {
  const { address, port } = mail.to;
  const connection = await SmtpConnection.connect(
    { address, port, sourceAddress: mail.client },
    { connectMs: WAIT_MS, sessionMs: WAIT_MS },
  );
  const talk = new Talk(connection);
  try {
    const end = await talk.send(mail, takes);
    await talk.say('QUIT');
    return talk.seen(end);
  } catch (error) {
    if (error instanceof LinkError) return talk.seen('refused');
    throw error;
  } finally {
    connection.close();
  }
}

type End = 'accepted' | 'refused' | 'nothing';

class Talk {
  readonly #connection: SmtpConnection;
  #accepted = 0;
  #refused = 0;
  #isLoggedIn = false;
  #isLoginRefused = false;

  constructor(connection: SmtpConnection) {
    this.#connection = connection;
  }

  seen(end: End): Seen {
    return {
      isAccepted: end === 'accepted',
      isRefused: end === 'refused',
      recipientsAccepted: this.#accepted,
      recipientsRefused: this.#refused,
      isLoggedIn: this.#isLoggedIn,
      isLoginRefused: this.#isLoginRefused,
    };
  }

  async say(line: string): Promise<RemoteReply> {
    await this.#connection.write(`${line}\r\n`, WAIT_MS);
    return await this.#connection.readReply(WAIT_MS);
  }

  async send(mail: PlayedMail, takes: () => void): Promise<End> {
    if (!isFine(await this.#connection.readReply(WAIT_MS))) return 'refused';
    if (!isFine(await this.say(`EHLO ${mail.helo}`))) return 'refused';
    if (mail.auth !== undefined) {
      this.#isLoggedIn = isFine(await this.say(`AUTH PLAIN ${plainOf(mail.auth)}`));
      this.#isLoginRefused = !this.#isLoggedIn;
      if (this.#isLoginRefused) return 'nothing';
    }
    const size = mail.tellsSize === true ? ` SIZE=${mail.text.length}` : '';
    if (!isFine(await this.say(`MAIL FROM:<${mail.sender}>${size}`))) return 'refused';
    for (const recipient of mail.recipients) {
      if (isFine(await this.say(`RCPT TO:<${recipient}>`))) this.#accepted += 1;
      else this.#refused += 1;
    }
    return this.#accepted === 0 ? 'nothing' : await this.#data(mail.text, takes);
  }

  async #data(text: string, takes: () => void): Promise<End> {
    if ((await this.say('DATA')).code !== 354) return 'refused';
    takes();
    await this.#connection.write(`${text.replaceAll('\n', '\r\n')}.\r\n`, WAIT_MS);
    return isFine(await this.#connection.readReply(WAIT_MS)) ? 'accepted' : 'refused';
  }
}

function plainOf({ user, password }: { user: string; password: string }): string {
  return Buffer.from(`\0${user}\0${password}`).toString('base64');
}

const isFine = ({ code }: RemoteReply): boolean => code >= 200 && code < 300;
