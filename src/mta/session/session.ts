/**
 * One client's conversation, as sendmail's smtp() leads it (RFC 5321): greeting, commands in their order, one
 * transaction after another, and what is logged of all that. The commands are in files of their own.
 *
 * Promises: `run` ends, whatever the client does; each command gets one reply, in order; a client that sends
 * faster than it reads is not answered into our memory.
 */

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { MtaLog } from '../log/mta-log.ts';
import type { Client, Reply } from '../model.ts';
import { shortened } from '../route/smtp-path.ts';
import { BadCommands } from './bad-commands.ts';
import { COMMANDS } from './commands.ts';
import { SessionInput } from './input.ts';
import { macroOf } from './macros.ts';
import type {
  ClientView,
  DaemonOptions,
  SessionFilter,
  SessionParts,
  SessionSettings,
  Transaction,
} from './parts.ts';
import { reply, replyText } from './replies.ts';

/** sendmail's buffer for a command. */
const LONGEST_COMMAND = 12_287;
/** A client that does not read is waited for this long at each reply. */
const WRITE_TIMEOUT_MS = 300_000;
/** Commands that make a connection more than a look: without one of them it is logged. */
const ASKING = new Set(['MAIL', 'EXPN', 'VRFY', 'ETRN']);
/** What a refused client may still say. */
const ALWAYS = new Set(['QUIT', 'HELO', 'EHLO', 'NOOP', 'RSET', 'STARTTLS']);
/** Ways of speaking to a web proxy. */
const PROXY_COMMANDS = new Set(['GET', 'POST', 'CONNECT', 'USER']);

export interface SessionOptions {
  readonly socket: Socket;
  readonly client: Client;
  /** As the log and our replies name it. */
  readonly relay: string;
  readonly daemon: DaemonOptions;
  readonly parts: SessionParts;
  readonly settings: SessionSettings;
}

export class SmtpSession {
  readonly client: Client;
  readonly relay: string;
  readonly daemon: DaemonOptions;
  readonly parts: SessionParts;
  readonly settings: SessionSettings;
  readonly log: MtaLog;
  readonly bad: BadCommands;
  readonly input: SessionInput;
  readonly filter: SessionFilter | null;
  socket: Socket | TLSSocket;
  helo = '';
  isExtended = false;
  isSecure = false;
  /** TLS as it was at the last EHLO or AUTH: what the protocol is named after. */
  isNamedSecure = false;
  tlsLine = '';
  user: string | null = null;
  userMechanism = '';
  transaction: Transaction | null = null;
  /** What every command that matters is refused with. */
  refusal: Reply | null = null;
  /** All mail of this client is thrown away, without telling it. */
  isDiscarding = false;
  quarantine: string | null = null;
  lastCommand = '';
  isRejectCounted = false;
  #id: string | null = null;
  #refused: Transaction | null = null;
  #hasAsked = false;
  #isOver = false;
  #out = '';

  constructor({ socket, client, relay, daemon, parts, settings }: SessionOptions) {
    this.socket = socket;
    this.client = client;
    this.relay = relay;
    this.daemon = daemon;
    this.parts = parts;
    this.settings = settings;
    this.log = parts.log;
    this.input = new SessionInput(socket);
    this.bad = new BadCommands(this);
    const facts = {
      log: parts.log,
      id: () => this.id,
      macro: (name: string) => macroOf(this, name),
    };
    this.filter = parts.filter?.(facts) ?? null;
  }

  /** The queue id of the transaction that is or will be. */
  get id(): string {
    this.#id ??= this.parts.nextId();
    return this.#id;
  }

  get view(): ClientView {
    const { client, daemon, user, helo, userMechanism } = this;
    return { client, daemon: daemon.name, user, mechanism: user && userMechanism, helo };
  }

  /** `ESMTPSA`: RFC 3848. */
  get protocol(): string {
    if (!this.isExtended) return 'SMTP';
    return `ESMTP${this.isNamedSecure ? 'S' : ''}${this.user === null ? '' : 'A'}`;
  }

  say(answer: Reply): void {
    this.#out += replyText(answer, this.settings.isClassic);
  }

  /** After what has been said. */
  end(): void {
    this.#isOver = true;
  }

  /** Sends what was said. Waits for a client that reads slowly. */
  async flush(): Promise<void> {
    if (this.#out === '' || this.socket.destroyed) return;
    const text = this.#out;
    this.#out = '';
    if (this.socket.write(text, 'latin1')) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.socket.off('drain', done).off('close', done);
        resolve();
      };
      const timer = setTimeout(() => {
        this.socket.destroy();
        done();
      }, WRITE_TIMEOUT_MS);
      this.socket.on('drain', done).on('close', done);
    });
  }

  /** The from= line, if it is still owed; the next transaction has an id of its own. */
  endTransaction(): void {
    const transaction = this.transaction ?? this.#refused;
    if (transaction?.isLogOwed === true) {
      this.logFrom(transaction, { size: transaction.announcedSize, class: 0, messageId: null });
    }
    if (transaction !== null) this.filter?.abort();
    this.transaction = null;
    this.#refused = null;
    this.#id = null;
  }

  /** MAIL was refused: another may be tried under the same id, and one line tells of all of them. */
  refuseSender(): void {
    this.#refused = this.transaction;
    this.transaction = null;
  }

  logFrom(
    transaction: Transaction,
    of: { readonly size: number; readonly class: number; readonly messageId: string | null },
  ): void {
    transaction.isLogOwed = false;
    this.log.from({
      id: transaction.id,
      senderShown: transaction.senderShown,
      ...of,
      nrcpts: transaction.recipients.length,
      bodyType: transaction.bodyType,
      protocol: this.protocol,
      daemon: this.daemon.name,
      relay: this.relay,
    });
  }

  /** A rejection is booked once a connection. */
  countRejection(mailer: string | null): void {
    if (this.isRejectCounted) return;
    this.isRejectCounted = true;
    this.parts.statistics.rejected(mailer);
  }

  async run(): Promise<void> {
    try {
      if (!this.#isOver) await this.#greet();
      while (!this.#isOver) await this.#next();
    } finally {
      await this.flush().catch(() => undefined);
      this.#close();
    }
  }

  async #greet(): Promise<void> {
    const { settings } = this;
    this.log.connect(this.relay);
    await this.#judgeClient();
    if (this.refusal === null && (await this.#isTooEarly())) {
      this.refusal = reply(550, '5.0.0', 'Command rejected');
      this.say(reply(554, '', `${settings.hostname} ESMTP not accepting messages`));
    } else {
      this.say(reply(220, '', greetingText(settings, this.parts.now(), this.relay)));
    }
    await this.flush();
  }

  async #judgeClient(): Promise<void> {
    const verdict = await this.parts.policy.connect(this.view);
    if (verdict.kind !== 'accept') {
      this.log.ruleset({ id: null, relay: this.relay, ...verdict.event });
    }
    if (verdict.kind === 'refuse') {
      this.refusal = verdict.reply;
      this.countRejection(null);
    }
    this.isDiscarding = verdict.kind === 'discard';
    if (verdict.kind === 'quarantine') this.quarantine = verdict.text;
    const filtered = this.refusal === null ? await this.filter?.connect(this.client) : null;
    if (filtered?.kind === 'refuse') this.refusal = filtered.reply;
  }

  /** Whether the client spoke before it was greeted. */
  async #isTooEarly(): Promise<boolean> {
    const pause = await this.parts.policy.greetPause(this.client);
    if (pause <= 0) return false;
    const started = this.parts.now();
    if (!(await this.input.waitForInput(pause))) return false;
    this.log.pregreet(this.id, this.relay, Math.floor((this.parts.now() - started) / 1000));
    return true;
  }

  async #next(): Promise<void> {
    if (!this.input.hasInput) await this.flush();
    const outcome = await this.input.line(LONGEST_COMMAND, this.settings.timeouts.command);
    switch (outcome.kind) {
      case 'line':
        await this.#obey(outcome.line);
        return;
      case 'too-long':
        this.log.tooLongInput(this.id, this.relay, outcome.length);
        this.#hangUp(
          reply(
            421,
            '4.7.0',
            `${this.settings.hostname} Command too long, possible attack ${this.relay}`,
          ),
        );
        return;
      case 'timeout':
        this.log.timeout(this.id, this.relay, 'server cmd read');
        this.#hangUp(
          reply(
            421,
            '4.4.1',
            `${this.settings.hostname} timeout waiting for input from ${this.relay}`,
          ),
        );
        return;
      case 'closed':
        if (this.transaction !== null) {
          this.log.lostInput(this.id, this.relay, this.daemon.name, this.lastCommand);
        }
        this.end();
        return;
      case 'stopped':
        this.#hangUp(reply(421, '4.3.2', `${this.settings.hostname} closing connection`));
    }
  }

  #hangUp(answer: Reply): void {
    this.say(answer);
    this.end();
  }

  async #obey(line: string): Promise<void> {
    const text = line.replace(/^[ \t]+/, '');
    const [word = ''] = /^[^ \t]*/.exec(text) ?? [];
    const verb = word.toUpperCase();
    // `MAIL` may be followed by anything that is no letter, as in `MAIL\tFROM:`.
    const rest = text.slice(word.length).replace(/^[ \t]+/, '');
    if (PROXY_COMMANDS.has(verb) && this.transaction === null) {
      this.log.openProxy(this.id, this.relay, `${line}\r\n`);
      this.#hangUp(
        reply(421, '4.7.0', `${this.settings.hostname} Rejecting open proxy ${this.relay}`),
      );
      return;
    }
    if (ASKING.has(verb)) this.#hasAsked = true;
    const command = COMMANDS[verb];
    if (this.refusal !== null && command !== undefined && !ALWAYS.has(verb)) {
      this.say(this.refusal);
      if (this.refusal.code === 421) this.end();
      return;
    }
    if (command === undefined) {
      this.bad.unknown(shortened(line));
      return;
    }
    this.lastCommand = verb.toLowerCase();
    await command(this, rest, line);
  }

  #close(): void {
    if (!this.#hasAsked && this.refusal === null) {
      this.log.noTransaction(this.id, this.relay, this.daemon.name);
    }
    this.endTransaction();
    this.filter?.close();
    this.parts.policy.closed(this.client);
    this.input.detach();
    this.socket.on('error', () => undefined);
    this.socket.end(() => this.socket.destroySoon?.());
    setTimeout(() => this.socket.destroy(), 1000).unref();
  }
}

/** sendmail's macros in the greeting. */
function greetingText(settings: SessionSettings, now: number, relay: string): string {
  return settings.greeting
    .replaceAll('$j', settings.hostname)
    .replaceAll('$v/$Z', settings.version)
    .replaceAll('$b', settings.date(now))
    .replaceAll('$_', relay);
}
