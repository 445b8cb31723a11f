/**
 * The client's side of SMTP (RFC 5321) and LMTP (RFC 2033) as sendmail 8.17 plays it (usersmtp.c): greeting, EHLO
 * with HELO to fall back on, STARTTLS, AUTH. Transactions over a session that is open are in
 * `smtp-transaction.ts`.
 *
 * Promise: never rejects; what goes wrong is a verdict, and the session is closed then.
 */
import { talkingTo, theySaid, weSaid } from '../dsn/transcript.ts';
import type { MtaLog } from '../log/mta-log.ts';
import type { RemoteReply } from './reply-reader.ts';
import { type Credentials, saslClient } from './sasl-client.ts';
import {
  type ClientTls,
  LinkError,
  type SmtpConnection,
  type TlsFacts,
} from './smtp-connection.ts';
import {
  deferred,
  failed,
  isPositive,
  linkErrorText,
  openingVerdict,
  type Verdict,
} from './smtp-words.ts';

/** Sendmail's Timeout.*, in milliseconds; `session` ends any session. */
export interface SmtpTimeouts {
  readonly connect: number;
  readonly initial: number;
  readonly helo: number;
  readonly mail: number;
  readonly rcpt: number;
  readonly datainit: number;
  readonly datablock: number;
  readonly datafinal: number;
  readonly rset: number;
  readonly quit: number;
  readonly starttls: number;
  readonly auth: number;
  readonly session: number;
}

const MINUTE = 60_000;

export const SMTP_TIMEOUTS: SmtpTimeouts = Object.freeze({
  connect: 5 * MINUTE,
  initial: 5 * MINUTE,
  helo: 5 * MINUTE,
  mail: 10 * MINUTE,
  rcpt: 60 * MINUTE,
  datainit: 5 * MINUTE,
  datablock: 60 * MINUTE,
  datafinal: 60 * MINUTE,
  rset: 5 * MINUTE,
  quit: 2 * MINUTE,
  starttls: 60 * MINUTE,
  auth: 10 * MINUTE,
  session: 4 * 60 * MINUTE,
});

export type TlsPolicy = 'never' | 'may' | 'require';

export interface SmtpClientOptions {
  /** As the log names it: `mail.x.example.`, `[198.51.100.10]`. */
  readonly host: string;
  /** Our own name, in EHLO. */
  readonly heloName: string;
  readonly isLmtp: boolean;
  /** EHLO even where the greeting does not say ESMTP. */
  readonly isEsmtp: boolean;
  readonly timeouts: SmtpTimeouts;
  readonly tlsPolicy: TlsPolicy;
  readonly tls: ClientTls;
  readonly credentials: Credentials | null;
  /** In whose name a timeout is logged. */
  readonly id: string;
  readonly log: MtaLog;
}

/** What the server announced, by keyword in upper case, with its parameters. */
export type Extensions = ReadonlyMap<string, string>;

const TLS_TOO_WEAK = '454 4.7.0 encryption too weak 0 less than 112';
const TLS_FAILED = '454 4.7.0 TLS handshake failed.';
/** A server that wants to be asked again at once would keep us busy. */
const MOST_CHALLENGES = 10;

export class SmtpClient {
  readonly options: SmtpClientOptions;
  readonly #connection: SmtpConnection;
  #extensions: Extensions = new Map();
  #tls: TlsFacts | null = null;
  #isOpen = true;
  #lastSaid = '';
  #isIntroduced = false;
  /** Refusals as a notification's transcript has them; whoever reports them takes them out. */
  readonly dialogue: string[] = [];

  constructor(connection: SmtpConnection, options: SmtpClientOptions) {
    this.#connection = connection;
    this.options = options;
  }

  /** False after an error, a 421 or QUIT: nothing more can be said. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  has(extension: string): boolean {
    return this.#extensions.has(extension);
  }

  /** Up to a session in which mail can be sent; null: it is open. */
  async open(): Promise<Verdict | null> {
    try {
      return await this.#open();
    } catch (error) {
      return this.#openingLost(error);
    }
  }

  /** The reply to the last command; a LinkError if there will be none. */
  async reply(timeoutMs: number, during: string): Promise<RemoteReply> {
    try {
      const reply = await this.#connection.readReply(timeoutMs);
      this.#note(reply);
      if (reply.code === 421) await this.quit();
      return reply;
    } catch (error) {
      const link = this.lost(error);
      const { log, id, host } = this.options;
      if (link.code === 'ETIMEDOUT') log.timeout(id, host, during);
      throw link;
    }
  }

  /** One command: whatever is in it, it ends where this line ends. */
  async send(line: string): Promise<void> {
    this.#lastSaid = line.startsWith('AUTH') ? 'AUTH dialogue' : line;
    await this.sendBytes(`${line.replaceAll(/[\r\n\0]/g, '?')}\r\n`);
  }

  async sendBytes(bytes: string | Buffer): Promise<void> {
    try {
      await this.#connection.write(bytes, this.options.timeouts.datablock);
    } catch (error) {
      throw this.lost(error);
    }
  }

  /** What was said last is told once, however many refusals follow. */
  #note({ code, lines }: RemoteReply): void {
    // That a host speaks no ESMTP is no refusal.
    if (code < 400 || /^[EL]HLO/.test(this.#lastSaid)) return;
    if (!this.#isIntroduced) this.dialogue.push(talkingTo(this.options.host));
    this.#isIntroduced = true;
    if (this.#lastSaid !== '') this.dialogue.push(weSaid(this.#lastSaid));
    this.#lastSaid = '';
    for (const [index, line] of lines.entries()) {
      this.dialogue.push(theySaid(`${code}${index < lines.length - 1 ? '-' : ' '}${line}`));
    }
  }

  async command(line: string, timeoutMs: number, during: string): Promise<RemoteReply> {
    await this.send(line);
    return await this.reply(timeoutMs, during);
  }

  /** After this nothing can be said; the error as a LinkError. */
  lost(error: unknown): LinkError {
    this.#isOpen = false;
    this.#connection.close();
    return error instanceof LinkError ? error : new LinkError('EIO', error);
  }

  /** The next transaction may begin. */
  async reset(): Promise<void> {
    if (!this.#isOpen) return;
    await this.command('RSET', this.options.timeouts.rset, 'client RSET').catch(() => undefined);
  }

  async quit(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { quit } = this.options.timeouts;
    try {
      await this.#connection.write('QUIT\r\n', quit);
      await this.#connection.readReply(quit);
    } catch {
      // What a server says to QUIT changes nothing.
    }
    this.#connection.close();
  }

  async #open(): Promise<Verdict | null> {
    const { timeouts, isEsmtp } = this.options;
    const greeting = await this.reply(timeouts.initial, 'client greeting');
    if (!isPositive(greeting)) return await this.#refused(greeting);
    const isWilling = greeting.lines.some((line) => line.includes('ESMTP'));
    const verdict = await this.#hello(isEsmtp || isWilling);
    return verdict ?? (await this.#secure()) ?? (await this.#authenticate());
  }

  async #refused(reply: RemoteReply): Promise<Verdict> {
    await this.quit();
    return openingVerdict(reply);
  }

  #openingLost(error: unknown): Verdict {
    const { code } = this.lost(error);
    const { host } = this.options;
    return deferred('4.4.2', linkErrorText(code === 'EOF' ? 'ECONNRESET' : code, host));
  }

  async #hello(isExtended: boolean): Promise<Verdict | null> {
    const { heloName, isLmtp, timeouts } = this.options;
    const extended = isLmtp ? 'LHLO' : 'EHLO';
    const verb = isExtended || isLmtp ? extended : 'HELO';
    const reply = await this.command(`${verb} ${heloName}`, timeouts.helo, `client ${verb}`);
    if (reply.code >= 500 && verb === 'EHLO') return await this.#hello(false);
    if (!isPositive(reply)) return await this.#refused(reply);
    this.#extensions = extensionsOf(reply);
    return isLmtp ? null : await this.#loopVerdict(reply);
  }

  async #loopVerdict(reply: RemoteReply): Promise<Verdict | null> {
    const [name = ''] = (reply.lines[0] ?? '').split(' ', 1);
    if (name.toLowerCase() !== this.options.heloName.toLowerCase()) return null;
    const { log, id, host } = this.options;
    const text = `${host} config error: mail loops back to me (MX problem?)`;
    log.systemError(id, 'root', text);
    await this.quit();
    return failed('5.3.5', 'Local configuration error');
  }

  async #secure(): Promise<Verdict | null> {
    const { tlsPolicy, timeouts } = this.options;
    if (tlsPolicy === 'never') return null;
    if (!this.has('STARTTLS')) return await this.#withoutTls();
    const reply = await this.command('STARTTLS', timeouts.starttls, 'client STARTTLS');
    if (!this.#isOpen) return deferred('4.7.0', reply.first);
    if (!isPositive(reply)) return await this.#withoutTls();
    try {
      this.#tls = await this.#connection.startTls(this.options.tls, timeouts.starttls);
    } catch (error) {
      return this.#handshakeFailed(error);
    }
    const { log, host } = this.options;
    const { bits, ...facts } = this.#tls;
    log.tls({ side: 'client', relay: host, ...facts, bits, algorithmBits: bits });
    return await this.#hello(true);
  }

  async #withoutTls(): Promise<Verdict | null> {
    if (this.options.tlsPolicy !== 'require') return null;
    await this.quit();
    return deferred('4.7.0', TLS_TOO_WEAK);
  }

  #handshakeFailed(error: unknown): Verdict {
    const link = this.lost(error);
    const { log, host } = this.options;
    log.tlsFailed('client', '', reasonOf(link));
    log.ruleset({
      id: null,
      ruleset: 'tls_server',
      arg1: 'SOFTWARE',
      relay: host.replace(/\.$/, ''),
      result: {
        kind: 'reject',
        reply: { code: 454, status: '4.7.0', text: 'TLS handshake failed.' },
      },
    });
    return deferred('4.7.0', TLS_FAILED);
  }

  async #authenticate(): Promise<Verdict | null> {
    const { credentials, host, log, timeouts } = this.options;
    const offered = this.#extensions.get('AUTH');
    if (credentials === null || offered === undefined) return null;
    const sasl = saslClient(offered.split(/\s+/), credentials, this.#tls !== null);
    if (sasl === null) return null;
    const initial = sasl.initial === null ? '' : ` ${sasl.initial}`;
    let reply = await this.command(
      `AUTH ${sasl.mechanism}${initial}`,
      timeouts.auth,
      'client AUTH',
    );
    for (let round = 0; reply.code === 334 && round < MOST_CHALLENGES; round++) {
      const answer = sasl.answer(reply.first.slice(4)) ?? '*';
      reply = await this.command(answer, timeouts.auth, 'client AUTH');
    }
    if (isPositive(reply)) {
      log.note(null, 10, `AUTH=client, relay=${host}, mech=${sasl.mechanism}, bits=0`);
      return null;
    }
    if (reply.code >= 500) return null;
    log.note(null, 9, `AUTH=client, relay=${host}, temporary failure, connection abort`);
    await this.quit();
    return deferred('4.3.0', 'Temporary AUTH failure');
  }
}

function extensionsOf(reply: RemoteReply): Extensions {
  const extensions = new Map<string, string>();
  for (const line of reply.lines.slice(1)) {
    const [, name = '', parameters = ''] = /^([A-Za-z0-9-]+)[ =]?(.*)$/.exec(line) ?? [];
    const key = name.toUpperCase();
    // AUTH is announced in an old form too, with `=`: what both offer counts.
    const before = extensions.get(key);
    extensions.set(key, before === undefined ? parameters : `${before} ${parameters}`);
  }
  return extensions;
}

/** `wrong version number` out of OpenSSL's own text. */
function reasonOf(link: LinkError): string {
  const { cause } = link;
  const reason = cause instanceof Error && 'reason' in cause ? cause.reason : undefined;
  return typeof reason === 'string' ? reason : link.code;
}
