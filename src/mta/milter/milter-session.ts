/**
 * All filters of one client's connection, asked in order at each event. Replies and log lines are those of
 * sendmail 8.17 (srvrsmtp.c, milter.c).
 *
 * Promises: never rejects. A filter that fails is out for the rest of the connection, and its failure mode
 * decides what becomes of the mail; one that has accepted hears no more of the message (or, if it accepted at
 * connect or HELO, of the connection).
 */
import type { MtaLog } from '../log/mta-log.ts';
import type { Reply } from '../model.ts';
import type { FilterConfig } from './filter-config.ts';
import { type FilteredMessage, MessageChanges, withCrLf } from './message-changes.ts';
import { type EventName, type Macros, MilterFilter } from './milter-filter.ts';
import { MilterError, type MilterReply, texts } from './protocol.ts';

export type MilterVerdict =
  | { readonly kind: 'continue' }
  | { readonly kind: 'refuse'; readonly reply: Reply }
  /** The reply is told and the connection closed. */
  | { readonly kind: 'close'; readonly reply: Reply }
  | { readonly kind: 'discard' };

export interface MilterContext {
  readonly log: MtaLog;
  readonly macros: Macros;
  /** The queue id to log under. */
  readonly id: () => string;
}

interface Member {
  readonly config: FilterConfig;
  readonly filter: MilterFilter | null;
  state: 'hears' | 'message accepted' | 'connection accepted' | 'failed';
}

const CONTINUE: MilterVerdict = Object.freeze({ kind: 'continue' });
const TRY_LATER: Reply = { code: 451, status: '4.3.2', text: 'Please try again later' };
const CLOSING: Reply = {
  code: 421,
  status: '4.3.2',
  text: 'Service not available, closing connection',
};

/** What a refusal is called in the log, and the reply where the filter gave none. */
interface Asked {
  readonly command: string;
  readonly what: string;
  readonly rejection: Reply;
}

export class MilterSession {
  readonly #context: MilterContext;
  readonly #members: Member[] = [];

  constructor(context: MilterContext) {
    this.#context = context;
  }

  /** Connects to all filters. A refusal here is for all commands of the client. */
  async open(configs: readonly FilterConfig[]): Promise<MilterVerdict> {
    for (const config of configs) {
      try {
        const filter = await MilterFilter.open(config);
        this.#members.push({ config, filter, state: 'hears' });
      } catch (error) {
        const member: Member = { config, filter: null, state: 'hears' };
        this.#members.push(member);
        this.#fail(member, error);
        if (config.onFailure !== 'continue') return this.#unusable(config);
      }
    }
    return CONTINUE;
  }

  /** `address` is empty where the client is of no known kind; IPv6 as plain text. */
  async connect(name: string, address: string, port: number): Promise<MilterVerdict> {
    const number = Buffer.alloc(2);
    number.writeUInt16BE(port, 0);
    const family = address.includes(':') ? '6' : '4';
    const data =
      address === ''
        ? Buffer.from(`${texts(name)}U`, 'latin1')
        : Buffer.concat([
            Buffer.from(`${texts(name)}${family}`, 'latin1'),
            number,
            Buffer.from(texts(family === '6' ? `IPv6:${address}` : address), 'latin1'),
          ]);
    return this.#tellAll('connect', data, {
      command: 'connect',
      what: `host=${name}, addr=${address}`,
      rejection: { code: 550, status: '5.0.0', text: 'Command rejected' },
    });
  }

  helo(name: string): Promise<MilterVerdict> {
    const rejection = { code: 550, status: '5.0.0', text: 'Command rejected' };
    return this.#tellAll('helo', texts(name), { command: 'helo', what: name, rejection });
  }

  /** The address with its brackets, then the parameters. */
  mail(shown: string, parameters: readonly string[]): Promise<MilterVerdict> {
    const rejection = { code: 550, status: '5.7.1', text: 'Command rejected' };
    const asked = { command: 'from', what: shown, rejection };
    return this.#tellAll('mail', texts(shown, ...parameters), asked);
  }

  rcpt(shown: string, parameters: readonly string[]): Promise<MilterVerdict> {
    const rejection = { code: 550, status: '5.7.1', text: 'Command rejected' };
    const asked = { command: 'to', what: shown, rejection };
    return this.#tellAll('rcpt', texts(shown, ...parameters), asked);
  }

  data(): Promise<MilterVerdict> {
    const rejection = { code: 550, status: '5.7.1', text: 'Command rejected' };
    return this.#tellAll('data', '', { command: 'cmd', what: 'data', rejection });
  }

  unknown(command: string): Promise<MilterVerdict> {
    const rejection = { code: 500, status: '5.5.1', text: 'Command unrecognized' };
    return this.#tellAll('unknown', texts(command), {
      command: 'unknown',
      what: command,
      rejection,
    });
  }

  /** Header, body and end of a message, to one filter after another: each sees what those before made. */
  async message(
    message: FilteredMessage,
  ): Promise<{ readonly verdict: MilterVerdict; readonly changes: MessageChanges }> {
    const changes = new MessageChanges(message);
    const rejection = { code: 554, status: '5.7.1', text: 'Command rejected' };
    const asked: Asked = { command: 'data', what: '', rejection };
    for (const member of this.#members) {
      const verdict = await this.#ask(member, asked, 'eom', (filter) =>
        this.#wholeMessage(member, filter, changes),
      );
      if (verdict.kind !== 'continue') return { verdict, changes };
    }
    return { verdict: CONTINUE, changes };
  }

  /** The transaction is over, however it ended: filters that had accepted it hear of the next. */
  async reset(): Promise<void> {
    for (const member of this.#members) {
      const { filter, state } = member;
      if (filter === null || state === 'failed' || state === 'connection accepted') continue;
      member.state = 'hears';
      await filter.abort().catch((error: unknown) => this.#fail(member, error));
    }
  }

  close(): void {
    for (const { filter } of this.#members) filter?.close();
  }

  async #tellAll(event: EventName, data: string | Buffer, asked: Asked): Promise<MilterVerdict> {
    for (const member of this.#members) {
      const verdict = await this.#ask(member, asked, event, (filter) =>
        filter.tell(event, data, this.#context.macros),
      );
      if (verdict.kind !== 'continue') return verdict;
    }
    return CONTINUE;
  }

  async #ask(
    member: Member,
    asked: Asked,
    where: string,
    talk: (filter: MilterFilter) => Promise<MilterReply>,
  ): Promise<MilterVerdict> {
    const { filter, config } = member;
    if (filter === null || member.state !== 'hears') return CONTINUE;
    try {
      const reply = await talk(filter);
      const isEarly = where === 'connect' || where === 'helo';
      if (reply.kind === 'accept')
        member.state = isEarly ? 'connection accepted' : 'message accepted';
      return this.#verdict(reply, asked);
    } catch (error) {
      this.#fail(member, error, where);
      const kind = config.onFailure;
      return this.#verdict({ kind }, asked);
    }
  }

  async #wholeMessage(
    member: Member,
    filter: MilterFilter,
    changes: MessageChanges,
  ): Promise<MilterReply> {
    const { macros } = this.#context;
    for (const { name, value } of changes.headers) {
      const shown = filter.keepsLeadingSpace ? ` ${value}` : value;
      const reply = await filter.tell('header', texts(name, shown), macros);
      if (reply.kind !== 'continue') return reply;
    }
    const atEnd = await filter.tell('endOfHeaders', '', macros);
    if (atEnd.kind !== 'continue') return atEnd;
    const ofBody = await filter.tellBody(withCrLf(changes.body), macros);
    if (ofBody.kind !== 'continue') return ofBody;
    const { changes: wanted, reply } = await filter.finish(macros);
    const isTaken = reply.kind === 'continue' || reply.kind === 'accept';
    for (const change of isTaken ? wanted : []) {
      this.#say(member, changes.apply(change));
    }
    this.#say(member, changes.finishBody());
    return reply;
  }

  #say(member: Member, action: string | null): void {
    const { log, id } = this.#context;
    if (action !== null) log.milterAction(id(), member.config.name, action);
  }

  #verdict(reply: MilterReply, asked: Asked): MilterVerdict {
    switch (reply.kind) {
      case 'reject':
        return this.#refuse(asked, asked.rejection);
      case 'tempfail':
        return this.#refuse(asked, TRY_LATER);
      case 'reply':
        return this.#refuse(asked, reply.reply);
      case 'shutdown':
        this.#context.log.milter(
          this.#context.id(),
          asked.command,
          asked.what,
          'reject=421, errormode=4',
        );
        return { kind: 'close', reply: CLOSING };
      case 'discard':
        this.#context.log.milter(this.#context.id(), asked.command, asked.what, 'discard');
        return { kind: 'discard' };
      default:
        return CONTINUE;
    }
  }

  #refuse(asked: Asked, reply: Reply): MilterVerdict {
    const { log, id } = this.#context;
    log.milter(id(), asked.command, asked.what, refusalText(asked, reply));
    return reply.code === 421 ? { kind: 'close', reply } : { kind: 'refuse', reply };
  }

  #unusable(config: FilterConfig): MilterVerdict {
    const { log, id } = this.#context;
    const say = (text: string) => log.milterProblem(id(), '', `initialization failed, ${text}`);
    if (config.onFailure === 'tempfail') {
      say('temp failing commands');
      return { kind: 'refuse', reply: TRY_LATER };
    }
    if (config.onFailure === 'shutdown') {
      say('closing connection');
      return { kind: 'close', reply: CLOSING };
    }
    say('rejecting commands');
    return { kind: 'refuse', reply: { code: 554, status: '5.5.0', text: 'Command rejected' } };
  }

  #fail(member: Member, error: unknown, where?: string): void {
    const { log, id } = this.#context;
    const why = error instanceof MilterError ? error.message : String(error);
    const isLate = why.startsWith('timeout') && where !== undefined;
    log.milterProblem(id(), member.config.name, isLate ? `${why}, where=${where}` : why);
    log.milterProblem(id(), member.config.name, 'to error state');
    member.state = 'failed';
    member.filter?.close();
  }
}

/** At connect sendmail tells what it will do; later, the reply. */
function refusalText(asked: Asked, reply: Reply): string {
  if (asked.command === 'connect' && reply === asked.rejection) return 'rejecting commands';
  if (asked.command === 'connect' && reply === TRY_LATER) return 'temp failing commands';
  const [text = ''] = reply.text.split('\n');
  return `reject=${[reply.code, reply.status, text].filter((part) => part !== '').join(' ')}`;
}
