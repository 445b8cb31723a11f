/**
 * One filter during one connection of a client: what it has negotiated, what it still wants to hear, how it
 * failed. It knows the protocol and nothing of mail.
 */
import type { FilterConfig } from './filter-config.ts';
import { FilterLink } from './filter-link.ts';
import {
  ALL_ACTIONS,
  ALL_STEPS,
  CHUNK,
  COMMAND,
  encodePacket,
  type MilterChange,
  MilterError,
  type MilterReply,
  type Negotiated,
  neededAction,
  parseNegotiation,
  parseReply,
  STEP,
  texts,
  VERSION,
} from './protocol.ts';

/** The value of a macro, `i` or `{auth_authen}`; undefined where it has none. */
export type Macros = (name: string) => string | undefined;

/** An event: its packet, the steps with which a filter declines it or its answer, its macros. */
interface EventKind {
  readonly command: string;
  readonly declined: number;
  readonly silent: number;
  /** Its stage in a filter's wishes for macros; -1: it has no macros. */
  readonly stage: number;
  readonly macros: readonly string[];
}

const MAIL_MACROS = ['i', '{auth_type}', '{auth_authen}', '{auth_ssf}', '{auth_author}'];
const TLS_MACROS = [
  '{tls_version}',
  '{cipher}',
  '{cipher_bits}',
  '{cert_subject}',
  '{cert_issuer}',
];
const CONNECT_MACROS = ['j', '_', '{daemon_name}', '{if_name}', '{if_addr}'];

export const EVENT = {
  connect: kind(COMMAND.connect, [STEP.noConnect, STEP.silentConnect], 0, CONNECT_MACROS),
  helo: kind(COMMAND.helo, [STEP.noHelo, STEP.silentHelo], 1, TLS_MACROS),
  mail: kind(COMMAND.mail, [STEP.noMail, STEP.silentMail], 2, [
    ...MAIL_MACROS,
    '{mail_mailer}',
    '{mail_host}',
    '{mail_addr}',
  ]),
  rcpt: kind(COMMAND.rcpt, [STEP.noRcpt, STEP.silentRcpt], 3, [
    '{rcpt_mailer}',
    '{rcpt_host}',
    '{rcpt_addr}',
  ]),
  data: kind(COMMAND.data, [STEP.noData, STEP.silentData], 4, ['i']),
  unknown: kind(COMMAND.unknown, [STEP.noUnknown, STEP.silentUnknown], -1, []),
  header: kind(COMMAND.header, [STEP.noHeaders, STEP.silentHeader], -1, []),
  endOfHeaders: kind(COMMAND.endOfHeaders, [STEP.noEndOfHeaders, STEP.silentEndOfHeaders], 6, []),
  body: kind(COMMAND.body, [STEP.noBody, STEP.silentBody], -1, []),
  endOfMessage: kind(COMMAND.endOfMessage, [0, 0], 5, ['i', '{msg_id}']),
} as const satisfies Record<string, EventKind>;

export type EventName = keyof typeof EVENT;

const CONTINUE: MilterReply = { kind: 'continue' };
/** A filter that changes more has gone wrong. */
const MOST_CHANGES = 10_000;

export class MilterFilter {
  readonly config: FilterConfig;
  readonly #link: FilterLink;
  readonly #options: Negotiated;

  /** Connects and negotiates. Rejects with MilterError. */
  static async open(config: FilterConfig): Promise<MilterFilter> {
    const link = await FilterLink.open(config.target, config.timeouts.connect);
    const offer = Buffer.alloc(12);
    offer.writeUInt32BE(VERSION, 0);
    offer.writeUInt32BE(ALL_ACTIONS, 4);
    offer.writeUInt32BE(ALL_STEPS, 8);
    try {
      await link.send(encodePacket(COMMAND.negotiate, offer), config.timeouts.send);
      const options = parseNegotiation(await link.receive(config.timeouts.reply));
      return new MilterFilter(config, link, options);
    } catch (error) {
      link.close();
      throw error;
    }
  }

  private constructor(config: FilterConfig, link: FilterLink, options: Negotiated) {
    this.config = config;
    this.#link = link;
    this.#options = options;
  }

  get wantsRejectedRecipients(): boolean {
    return (this.#options.steps & STEP.rejectedRcpt) !== 0;
  }

  /** Header values are sent with the blank before them. */
  get keepsLeadingSpace(): boolean {
    return (this.#options.steps & STEP.leadingSpace) !== 0;
  }

  /** Tells of an event and hears the answer; changes are an error before the end of the message. */
  async tell(name: EventName, data: string | Buffer, macros: Macros): Promise<MilterReply> {
    const event = EVENT[name];
    await this.#sendMacros(event, macros);
    if ((this.#options.steps & event.declined) !== 0) return CONTINUE;
    await this.#link.send(encodePacket(event.command, data), this.config.timeouts.send);
    if ((this.#options.steps & event.silent) !== 0) return CONTINUE;
    const reply = await this.#answer(this.config.timeouts.reply);
    if (reply.kind === 'change') throw new MilterError(`a change in answer to ${name}`);
    return reply;
  }

  /** The body in pieces, with CR LF; stops where the filter has seen enough. */
  async tellBody(body: Buffer, macros: Macros): Promise<MilterReply> {
    if ((this.#options.steps & STEP.noBody) !== 0) return CONTINUE;
    for (let at = 0; at < body.length; at += CHUNK) {
      const reply = await this.tell('body', body.subarray(at, at + CHUNK), macros);
      if (reply.kind === 'skip') break;
      if (reply.kind !== 'continue') return reply;
    }
    return CONTINUE;
  }

  /** The end of the message: changes come one after another, then the verdict. */
  async finish(
    macros: Macros,
  ): Promise<{ readonly changes: readonly MilterChange[]; readonly reply: MilterReply }> {
    await this.#sendMacros(EVENT.endOfMessage, macros);
    await this.#link.send(encodePacket(COMMAND.endOfMessage), this.config.timeouts.send);
    const changes: MilterChange[] = [];
    for (;;) {
      const reply = await this.#answer(this.config.timeouts.endOfMessage);
      if (reply.kind !== 'change') return { changes, reply };
      if ((this.#options.actions & neededAction(reply.change)) === 0) {
        throw new MilterError(`${reply.change.kind} was not negotiated`);
      }
      changes.push(reply.change);
      if (changes.length > MOST_CHANGES) throw new MilterError('too many changes');
    }
  }

  /** The transaction is over; nothing is answered. */
  async abort(): Promise<void> {
    await this.#link.send(encodePacket(COMMAND.abort), this.config.timeouts.send);
  }

  close(): void {
    this.#link.close(encodePacket(COMMAND.quit));
  }

  async #answer(timeout: number): Promise<MilterReply> {
    for (;;) {
      const reply = parseReply(await this.#link.receive(timeout));
      if (reply.kind !== 'progress') return reply;
    }
  }

  async #sendMacros(event: EventKind, macros: Macros): Promise<void> {
    if (event.stage < 0) return;
    const names = this.#options.macros.get(event.stage) ?? event.macros;
    const pairs: string[] = [];
    for (const name of names) {
      const value = macros(name) ?? macros(name.replace(/^\{(.*)\}$/, '$1'));
      if (value !== undefined) pairs.push(name, value);
    }
    if (pairs.length === 0) return;
    const packet = encodePacket(COMMAND.macro, event.command, texts(...pairs));
    await this.#link.send(packet, this.config.timeouts.send);
  }
}

function kind(
  command: string,
  [declined = 0, silent = 0]: readonly number[],
  stage: number,
  macros: readonly string[],
): EventKind {
  return { command, declined, silent, stage, macros };
}
