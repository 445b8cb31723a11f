/**
 * Hands messages to other hosts by SMTP, as sendmail's smtp mailers do: all hosts in the order of their MX, all
 * addresses of each, until one takes the message or refuses it for good; no more than 100 recipients in a
 * transaction; the log's words in each outcome.
 *
 * A recipient that one host defers is offered to the next one in the same run, so that it can be in more than one
 * attempt: the last one counts.
 */
import { outcomeLine } from '../dsn/transcript.ts';
import type { MtaLog } from '../log/mta-log.ts';
import type { Attempt, Courier, CourierJob, FinalRecipient, Outcome } from '../model.ts';
import { attemptOf, type Clock } from './courier-clock.ts';
import { messageChunks, surveyMessage, wireChunks } from './message-stream.ts';
import type { Credentials } from './sasl-client.ts';
import { sevenBitChunks } from './seven-bit.ts';
import { SMTP_TIMEOUTS, SmtpClient, type SmtpTimeouts, type TlsPolicy } from './smtp-client.ts';
import { type ClientTls, LinkError, SmtpConnection } from './smtp-connection.ts';
import { runTransaction, type TransactionResult } from './smtp-transaction.ts';
import { deferred, failed, linkErrorText, outcomeOf, type Verdict } from './smtp-words.ts';

export interface MailHost {
  /** With its dot, `mail.x.example.`; `[198.51.100.10]`. */
  readonly name: string;
  readonly addresses: readonly string[];
}

export type FoundHosts =
  | { readonly kind: 'hosts'; readonly hosts: readonly MailHost[] }
  | {
      readonly kind: 'failed' | 'deferred';
      readonly outcome: Outcome;
      /** What `SYSERR(root): ` says of it. */
      readonly systemError?: string | null;
    };

export type FindHosts = (host: string) => Promise<FoundHosts>;

export interface SmtpCourierOptions {
  readonly findHosts: FindHosts;
  readonly log: MtaLog;
  /** Our own name, in EHLO. */
  readonly heloName: string;
  readonly now: Clock;
  readonly timeouts?: Partial<SmtpTimeouts>;
  /** 25 for all where it is not given. */
  readonly portOf?: (host: string, address: string) => number;
  readonly sourceAddress?: string;
  readonly tlsPolicyOf?: (host: string) => TlsPolicy;
  readonly tls?: ClientTls;
  readonly credentialsOf?: (host: string) => Credentials | null;
  /** Told of each connection that was made, for sendmail.st. */
  readonly onConnect?: () => void;
}

/** RFC 5321, 4.5.3.1.8: no server need take more. */
const MOST_RECIPIENTS = 100;
const LINE_LIMIT = 990;

/** Mailers that send EHLO unasked, and those that send eight bits unasked. */
const ESMTP_MAILERS: ReadonlySet<string> = new Set(['esmtp', 'dsmtp', 'relay']);
const EIGHT_BIT_MAILERS: ReadonlySet<string> = new Set(['smtp8', 'relay']);

/** What a host made of recipients; what is left may be tried at the next. */
interface HostResult {
  readonly attempts: readonly Attempt[];
  readonly left: readonly FinalRecipient[];
  /** For those that are left if there is no next host; null where an attempt tells it already. */
  readonly last: Outcome | null;
}

interface Open {
  readonly client: SmtpClient;
  readonly relay: string;
}

/** As sendmail's ConnectionCacheSize. */
const MOST_OPEN = 2;

/** What one process of sendmail knows of hosts: which are down, and to which a connection is open. */
class HostMemory {
  readonly #down = new Map<string, Verdict>();
  readonly #open = new Map<string, Open>();

  downVerdict(host: string): Verdict | null {
    return this.#down.get(host) ?? null;
  }

  markDown(host: string, verdict: Verdict): void {
    this.#down.set(host, verdict);
  }

  /** The connection to the host if it still works, fit for the next transaction. */
  async reuse(host: string): Promise<Open | null> {
    const open = this.#open.get(host);
    if (open === undefined) return null;
    await open.client.reset();
    if (open.client.isOpen) return open;
    this.#open.delete(host);
    return null;
  }

  async keep(host: string, open: Open): Promise<void> {
    this.#open.set(host, open);
    const [oldest] = this.#open;
    if (oldest === undefined || this.#open.size <= MOST_OPEN) return;
    this.#open.delete(oldest[0]);
    await oldest[1].client.quit();
  }

  async close(): Promise<void> {
    for (const { client } of this.#open.values()) await client.quit();
    this.#open.clear();
  }
}

interface Survey {
  readonly has8Bit: boolean;
  readonly isMime: boolean;
}

export class SmtpCourier implements Courier {
  readonly #options: SmtpCourierOptions;
  readonly #timeouts: SmtpTimeouts;
  readonly #memory: HostMemory | null;

  constructor(options: SmtpCourierOptions, memory: HostMemory | null = null) {
    this.#options = options;
    this.#timeouts = { ...SMTP_TIMEOUTS, ...options.timeouts };
    this.#memory = memory;
  }

  /**
   * A courier for one queue run: a host that was found down is not tried again in it, and connections are
   * kept for the next message. `close` ends them.
   */
  forRun(): { readonly courier: Courier; close(): Promise<void> } {
    const memory = new HostMemory();
    return {
      courier: new SmtpCourier(this.#options, memory),
      close: () => memory.close(),
    };
  }

  async deliver(job: CourierJob): Promise<readonly Attempt[]> {
    const [first] = job.recipients;
    if (first === undefined) return [];
    const startedAt = this.#options.now();
    const found = await this.#options.findHosts(first.destination.host);
    if (found.kind !== 'hosts') {
      const { systemError = null } = found;
      if (systemError !== null) {
        this.#options.log.systemError(job.envelope.id, 'root', systemError);
      }
      return [attemptOf(job.recipients, found.outcome, startedAt, this.#options.now())];
    }
    const survey = await surveyMessage(job.message.path).catch(() => null);
    if (survey === null) {
      const outcome = outcomeOf(deferred('4.3.0', 'message cannot be read'), null);
      return [attemptOf(job.recipients, outcome, startedAt, this.#options.now())];
    }
    const memory = this.#memory ?? new HostMemory();
    const environment = { options: this.#options, timeouts: this.#timeouts, memory };
    const attempts = await new Delivery(environment, job, survey).run(found.hosts);
    if (this.#memory === null) await memory.close();
    return attempts;
  }
}

interface DeliveryEnvironment {
  readonly options: SmtpCourierOptions;
  readonly timeouts: SmtpTimeouts;
  readonly memory: HostMemory;
}

/** One job. The connection to a host that works is kept for the next hundred recipients. */
class Delivery {
  readonly #options: SmtpCourierOptions;
  readonly #timeouts: SmtpTimeouts;
  readonly #job: CourierJob;
  readonly #survey: Survey;
  readonly #memory: HostMemory;
  readonly #dialogue: string[] = [];

  constructor(environment: DeliveryEnvironment, job: CourierJob, survey: Survey) {
    this.#options = environment.options;
    this.#timeouts = environment.timeouts;
    this.#memory = environment.memory;
    this.#job = job;
    this.#survey = survey;
  }

  async run(hosts: readonly MailHost[]): Promise<readonly Attempt[]> {
    const attempts: Attempt[] = [];
    const { recipients } = this.#job;
    this.#dialogue.length = 0;
    for (let at = 0; at < recipients.length; at += MOST_RECIPIENTS) {
      const chunk = recipients.slice(at, at + MOST_RECIPIENTS);
      attempts.push(...(await this.#deliverTo(hosts, chunk)));
    }
    const [first, ...others] = attempts;
    return first === undefined ? [] : [{ ...first, dialogue: this.#dialogue }, ...others];
  }

  async #deliverTo(
    hosts: readonly MailHost[],
    recipients: readonly FinalRecipient[],
  ): Promise<readonly Attempt[]> {
    const startedAt = this.#options.now();
    const attempts: Attempt[] = [];
    let left = recipients;
    let last: Outcome | null = outcomeOf(deferred('4.4.1', 'no host'), null);
    for (const [index, host] of hosts.entries()) {
      const result = await this.#tryHost(host, left, index === hosts.length - 1);
      attempts.push(...result.attempts);
      ({ left, last } = result);
      if (left.length === 0) return attempts;
    }
    if (last === null) return attempts;
    this.#note(left, last);
    return [...attempts, attemptOf(left, last, startedAt, this.#options.now())];
  }

  #note(recipients: readonly FinalRecipient[], outcome: Outcome): void {
    const line = outcomeLine(
      recipients.map(({ shown }) => shown),
      outcome,
    );
    if (line !== null && this.#dialogue.at(-1) !== line) this.#dialogue.push(line);
  }

  async #tryHost(
    host: MailHost,
    recipients: readonly FinalRecipient[],
    isLast: boolean,
  ): Promise<HostResult> {
    const startedAt = this.#options.now();
    const open = await this.#session(host);
    if (!('client' in open)) return { attempts: [], left: recipients, last: open };
    const results = await this.#transact(open.client, recipients);
    this.#dialogue.push(...open.client.dialogue.splice(0));
    const isDsnPassedOn = open.client.has('DSN');
    const attempts: Attempt[] = [];
    const left: FinalRecipient[] = [];
    let last: Outcome | null = null;
    for (const result of results) {
      const outcome = outcomeOf(result.verdict, open.relay, isDsnPassedOn);
      const isForNext = result.mayTryNext && !isLast;
      if (isForNext) left.push(...result.recipients);
      // Sendmail logs what a host said to RCPT at once, all else only when it gives up.
      if (isForNext && !isOfRecipient(result)) last = outcome;
      else attempts.push(attemptOf(result.recipients, outcome, startedAt, this.#options.now()));
    }
    return { attempts, left, last };
  }

  async #transact(
    client: SmtpClient,
    recipients: readonly FinalRecipient[],
  ): Promise<readonly TransactionResult[]> {
    const { envelope, message } = this.#job;
    const isConverted = this.#needsConversion(client, recipients);
    const source = () =>
      isConverted ? sevenBitChunks(messageChunks(message.path)) : messageChunks(message.path);
    if (isConverted && !(await canBeRead(source()))) {
      const verdict = failed('5.6.3', 'Data format error');
      return [{ recipients, verdict, mayTryNext: false }];
    }
    return await runTransaction(client, {
      envelope,
      recipients,
      message: () => wireChunks(source(), { lineLimit: LINE_LIMIT }),
    });
  }

  /** As with EightBitMode=pass8: what says that it is MIME can be converted, the rest goes as it is. */
  #needsConversion(client: SmtpClient, [first]: readonly FinalRecipient[]): boolean {
    const isEightBitMailer = EIGHT_BIT_MAILERS.has(first?.destination.mailer ?? '');
    const { has8Bit, isMime } = this.#survey;
    return has8Bit && isMime && !isEightBitMailer && !client.has('8BITMIME');
  }

  /** A session with the host, the one that is open or a new one; or why there is none. */
  async #session(host: MailHost): Promise<Open | Outcome> {
    const before = await this.#memory.reuse(host.name);
    if (before !== null) return before;
    const down = this.#memory.downVerdict(host.name);
    // Nothing was tried, so there is no address to tell.
    if (down !== null) return outcomeOf(down, host.name);
    const connected = await this.#connect(host);
    if ('kind' in connected) return connected;
    const relay = relayOf(host.name, connected.address);
    const client = new SmtpClient(connected.connection, this.#clientOptions(host.name));
    const verdict = await client.open();
    this.#dialogue.push(...client.dialogue.splice(0));
    if (verdict !== null) {
      this.#memory.markDown(host.name, verdict);
      return outcomeOf(verdict, relay);
    }
    const open = { client, relay };
    await this.#memory.keep(host.name, open);
    return open;
  }

  #clientOptions(host: string) {
    const options = this.#options;
    const mailer = this.#job.recipients[0]?.destination.mailer ?? '';
    return {
      host,
      heloName: options.heloName,
      isLmtp: false,
      isEsmtp: ESMTP_MAILERS.has(mailer),
      timeouts: this.#timeouts,
      tlsPolicy: options.tlsPolicyOf?.(host) ?? ('may' as const),
      tls: options.tls ?? {},
      credentials: options.credentialsOf?.(host) ?? null,
      id: this.#job.envelope.id,
      log: options.log,
    };
  }

  async #connect(
    host: MailHost,
  ): Promise<{ connection: SmtpConnection; address: string } | Outcome> {
    const { portOf, sourceAddress, onConnect } = this.#options;
    let verdict: Verdict = deferred('4.4.1', linkErrorText('EHOSTUNREACH', host.name));
    let tried = host.addresses[0] ?? '';
    for (const address of host.addresses) {
      const port = portOf?.(host.name, address) ?? 25;
      const target = { address, port, ...(sourceAddress === undefined ? {} : { sourceAddress }) };
      try {
        const limits = { connectMs: this.#timeouts.connect, sessionMs: this.#timeouts.session };
        const connection = await SmtpConnection.connect(target, limits);
        onConnect?.();
        return { connection, address };
      } catch (error) {
        const code = error instanceof LinkError ? error.code : 'EIO';
        verdict = deferred('4.4.1', linkErrorText(code, host.name));
        tried = address;
      }
    }
    this.#memory.markDown(host.name, verdict);
    return outcomeOf(verdict, tried === '' ? host.name : relayOf(host.name, tried));
  }
}

/** A reply to RCPT is told for its recipient alone, with the line as it came. */
function isOfRecipient({ recipients, verdict }: TransactionResult): boolean {
  return recipients.length === 1 && verdict.reply !== null && verdict.stat.includes(verdict.reply);
}

async function canBeRead(chunks: AsyncIterable<Buffer>): Promise<boolean> {
  try {
    for await (const _ of chunks);
    return true;
  } catch {
    return false;
  }
}

/** `mail.x.example. [198.51.100.10]`, `mail.v6.example. [IPv6:2001:db8:0:0:0:0:0:1]`. */
export function relayOf(host: string, address: string): string {
  return `${host} [${address.includes(':') ? `IPv6:${expandedIpv6(address)}` : address}]`;
}

/** Eight groups without leading zeros: sendmail never writes `::`. */
export function expandedIpv6(address: string): string {
  const [plain = ''] = address.toLowerCase().split('%', 1);
  const [head = '', tail] = plain.split('::', 2);
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const before = groups(head);
  const after = groups(tail ?? '');
  const missing = Math.max(0, 8 - before.length - after.length);
  const all = tail === undefined ? before : [...before, ...Array(missing).fill('0'), ...after];
  return all.map((group) => group.replace(/^0+(?=.)/, '')).join(':');
}
