/**
 * A message handed over to the MTA of this machine by SMTP: what sendmail(8) does with its MSP queue, without one.
 * Who cannot be reached is to be tried again by whoever called (EX_TEMPFAIL).
 */

import type { RemoteReply } from '../../mta/courier/reply-reader.ts';
import { LinkError, SmtpConnection } from '../../mta/courier/smtp-connection.ts';
import type { ProgramExit } from '../program.ts';

export interface Letter {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** LF line ends, latin1. */
  readonly text: string;
  readonly notify: string | null;
  readonly ret: string | null;
  readonly envid: string | null;
}

export interface Door {
  readonly address: string;
  readonly port: number;
  readonly heloName: string;
}

export interface HandedOver {
  readonly exitCode: ProgramExit;
  /** For standard error, a line each. */
  readonly messages: readonly string[];
}

const OK = 0;
const NO_USER = 67;
const UNAVAILABLE = 69;
const TRY_AGAIN = 75;
const CONNECT_MS = 10_000;
const REPLY_MS = 300_000;
const SESSION_MS = 3_600_000;

export async function handOver(door: Door, letter: Letter): Promise<HandedOver> {
  const messages: string[] = [];
  let connection: SmtpConnection | undefined;
  try {
    const limits = { connectMs: CONNECT_MS, sessionMs: SESSION_MS };
    connection = await SmtpConnection.connect(door, limits);
    const exitCode = await new Talk(connection, messages).hand(door, letter);
    return { exitCode, messages };
  } catch (error) {
    const why = error instanceof LinkError ? error.code : String(error);
    messages.push(
      `the MTA at ${door.address}:${door.port} does not answer (${why}): try again later`,
    );
    return { exitCode: TRY_AGAIN, messages };
  } finally {
    connection?.close();
  }
}

class Talk {
  readonly #connection: SmtpConnection;
  readonly #messages: string[];

  constructor(connection: SmtpConnection, messages: string[]) {
    this.#connection = connection;
    this.#messages = messages;
  }

  async hand({ heloName }: Door, letter: Letter): Promise<ProgramExit> {
    const greeting = await this.#connection.readReply(REPLY_MS);
    if (!isFine(greeting)) return this.#refused('', greeting);
    const hello = await this.#say(`EHLO ${heloName}`);
    if (!isFine(hello)) return this.#refused('', hello);
    const mail = await this.#say(mailCommand(letter));
    if (!isFine(mail)) return this.#refused(letter.sender, mail);
    const { worst, taken } = await this.#name(letter);
    if (taken > 0) {
      const sent = await this.#data(letter.text);
      if (sent !== OK) return sent;
    }
    await this.#say('QUIT').catch(() => undefined);
    return worst;
  }

  /** The worst of them is what the program is told. */
  async #name({ recipients, notify }: Letter): Promise<{ worst: ProgramExit; taken: number }> {
    let worst: ProgramExit = OK;
    let taken = 0;
    for (const recipient of recipients) {
      const wish = notify === null ? '' : ` NOTIFY=${notify}`;
      const reply = await this.#say(`RCPT TO:<${recipient}>${wish}`);
      if (isFine(reply)) taken += 1;
      else worst = Math.max(worst, this.#refused(recipient, reply)) as ProgramExit;
    }
    return { worst, taken };
  }

  async #data(text: string): Promise<ProgramExit> {
    const go = await this.#say('DATA');
    if (go.code !== 354) return this.#refused('', go);
    const wire = text.replace(/^\./gm, '..').replaceAll('\n', '\r\n');
    await this.#connection.write(`${wire}.\r\n`, REPLY_MS);
    const reply = await this.#connection.readReply(REPLY_MS);
    return isFine(reply) ? OK : this.#refused('', reply);
  }

  /** One line, whatever is in it. */
  async #say(line: string): Promise<RemoteReply> {
    await this.#connection.write(`${line.replace(/[\r\n\0]/g, '?')}\r\n`, REPLY_MS);
    return await this.#connection.readReply(REPLY_MS);
  }

  #refused(about: string, { code, first }: RemoteReply): ProgramExit {
    const isNamed = about === '' || first.includes(about);
    this.#messages.push(isNamed ? first : `${about}... ${first}`);
    if (code < 500) return TRY_AGAIN;
    return / 5\.1\.1 |user unknown/i.test(first) ? NO_USER : UNAVAILABLE;
  }
}

function mailCommand({ sender, ret, envid, text }: Letter): string {
  const isEight = /[\u0080-\u00ff]/.test(text);
  return [
    `MAIL FROM:<${sender}>`,
    ...(isEight ? ['BODY=8BITMIME'] : []),
    ...(ret === null ? [] : [`RET=${ret}`]),
    ...(envid === null ? [] : [`ENVID=${envid}`]),
  ].join(' ');
}

const isFine = ({ code }: RemoteReply): boolean => code >= 200 && code < 300;
