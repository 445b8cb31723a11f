/**
 * One transaction of SMTP or LMTP over an open session: MAIL, RCPT for each recipient, DATA and the message, and
 * what each of it comes to for each recipient (usersmtp.c and deliver() of sendmail 8.17).
 *
 * With PIPELINING (RFC 2920) the RCPTs and DATA go out together. Parameters of DSN, SIZE, 8BITMIME and SMTPUTF8 are
 * given where the server announced them.
 */
import { outcomeLine } from '../dsn/transcript.ts';
import type { Envelope, FinalRecipient } from '../model.ts';
import type { RemoteReply } from './reply-reader.ts';
import type { SmtpClient } from './smtp-client.ts';
import { LinkError } from './smtp-connection.ts';
import {
  dataVerdict,
  deferred,
  failed,
  isPositive,
  linkErrorText,
  lmtpVerdict,
  mailVerdict,
  messageVerdict,
  rcptVerdict,
  type Verdict,
} from './smtp-words.ts';

export interface Transaction {
  readonly envelope: Envelope;
  readonly recipients: readonly FinalRecipient[];
  /** As it goes out, dots doubled; opened when the server is ready for it. */
  readonly message: () => AsyncIterable<Buffer>;
}

/** What became of some recipients, in the order in which sendmail logs it. */
export interface TransactionResult {
  readonly recipients: readonly FinalRecipient[];
  readonly verdict: Verdict;
  /** Another host may be asked in the same run. */
  readonly mayTryNext: boolean;
}

/** Never rejects. */
export async function runTransaction(
  client: SmtpClient,
  transaction: Transaction,
): Promise<readonly TransactionResult[]> {
  const run = new TransactionRun(client, transaction);
  return await run.run();
}

class TransactionRun {
  readonly #client: SmtpClient;
  readonly #transaction: Transaction;
  readonly #results: TransactionResult[] = [];
  readonly #accepted: FinalRecipient[] = [];
  #isRcptTemporary = false;

  constructor(client: SmtpClient, transaction: Transaction) {
    this.#client = client;
    this.#transaction = transaction;
  }

  async run(): Promise<readonly TransactionResult[]> {
    if (!(await this.#mail())) return this.#results;
    const isPipelined = this.#client.has('PIPELINING');
    try {
      if (isPipelined) await this.#sendRecipients();
      await this.#readRecipients(isPipelined);
    } catch (error) {
      this.#restLost(error);
      return this.#results;
    }
    if (this.#accepted.length > 0 || isPipelined) await this.#data(isPipelined);
    else await this.#client.reset();
    return this.#results;
  }

  get #hasCodes(): boolean {
    return this.#client.has('ENHANCEDSTATUSCODES');
  }

  #add(recipients: readonly FinalRecipient[], verdict: Verdict): void {
    if (recipients.length === 0) return;
    const line = outcomeLine(
      recipients.map(({ shown }) => shown),
      verdict,
    );
    if (line !== null) this.#client.dialogue.push(line);
    this.#results.push({ recipients, verdict, mayTryNext: verdict.kind === 'deferred' });
  }

  async #mail(): Promise<boolean> {
    const { envelope, recipients } = this.#transaction;
    if (envelope.isUtf8 && !this.#client.has('SMTPUTF8')) {
      this.#add(recipients, failed('5.6.7', 'SMTPUTF8 required but not offered'));
      return false;
    }
    const parameters = mailParameters(this.#client, this.#transaction);
    const { heloName, timeouts } = this.#client.options;
    const line = `MAIL From:<${qualified(envelope.sender, heloName)}>${parameters}`;
    try {
      const reply = await this.#client.command(line, timeouts.mail, 'client MAIL');
      if (isPositive(reply)) return true;
      this.#add(recipients, mailVerdict(reply, this.#hasCodes));
      await this.#client.reset();
    } catch (error) {
      this.#add(recipients, this.#lostVerdict(error));
    }
    return false;
  }

  async #sendRecipients(): Promise<void> {
    for (const recipient of this.#transaction.recipients) {
      await this.#client.send(rcptLine(this.#client, recipient));
    }
    await this.#client.send('DATA');
  }

  async #readRecipients(isPipelined: boolean): Promise<void> {
    const { rcpt } = this.#client.options.timeouts;
    for (const recipient of this.#transaction.recipients) {
      if (!isPipelined) await this.#client.send(rcptLine(this.#client, recipient));
      const reply = await this.#client.reply(rcpt, 'client RCPT');
      if (isPositive(reply)) {
        this.#accepted.push(recipient);
        continue;
      }
      const verdict = rcptVerdict(reply, this.#hasCodes);
      this.#isRcptTemporary ||= verdict.kind === 'deferred';
      this.#add([recipient], verdict);
      if (!this.#client.isOpen) throw new LinkError('ESHUTDOWN', new Error(reply.first));
    }
  }

  /** The connection went away among the RCPTs: who was answered, who was next, and who was not reached. */
  #restLost(error: unknown): void {
    const link = error instanceof LinkError ? error : this.#client.lost(error);
    const answered = new Set([
      ...this.#accepted,
      ...this.#results.flatMap(({ recipients }) => recipients),
    ]);
    const rest = this.#transaction.recipients.filter((one) => !answered.has(one));
    const { host } = this.#client.options;
    if (link.code === 'ESHUTDOWN') {
      const text = link.cause instanceof Error ? link.cause.message : '';
      const verdict = deferred('4.2.0', text, text);
      for (const recipient of rest) this.#add([recipient], verdict);
      this.#add(this.#accepted, verdict);
      return;
    }
    const [first, ...others] = rest;
    if (first !== undefined) this.#add([first], this.#lostVerdict(link, true));
    const code = link.code === 'EOF' ? 'ECONNRESET' : link.code;
    const readError = `451 4.4.1 reply: read error from ${host}`;
    const later = deferred('4.4.2', linkErrorText(code, host), readError);
    for (const recipient of others) this.#add([recipient], later);
    this.#add(this.#accepted, { ...later, reply: null });
  }

  /** A server that hangs up in the middle leaves no reason; in reply= it is told for a RCPT. */
  #lostVerdict(error: unknown, isRcpt = false): Verdict {
    const link = error instanceof LinkError ? error : this.#client.lost(error);
    const { host } = this.#client.options;
    const isEnd = link.code === 'EOF';
    const reply = isEnd && isRcpt ? `421 4.4.1 Connection reset by ${host}` : null;
    return deferred('4.4.2', isEnd ? '' : linkErrorText(link.code, host), reply);
  }

  async #data(isPipelined: boolean): Promise<void> {
    const { datainit } = this.#client.options.timeouts;
    try {
      if (!isPipelined) await this.#client.send('DATA');
      const reply = await this.#client.reply(datainit, 'client DATA 354');
      if (reply.code < 300 || reply.code >= 400) {
        await this.#dataRefused(reply);
        return;
      }
      if (this.#accepted.length === 0) await this.#sendNothing();
      else await this.#message();
    } catch (error) {
      this.#add(this.#accepted, this.#lostVerdict(error));
    }
  }

  async #dataRefused(reply: RemoteReply): Promise<void> {
    this.#add(this.#accepted, dataVerdict(reply));
    if (reply.code >= 400 && reply.code < 500 && this.#accepted.length > 0)
      await this.#client.quit();
    else await this.#client.reset();
  }

  /** A server that wants a message for nobody gets an empty one. */
  async #sendNothing(): Promise<void> {
    const { datafinal } = this.#client.options.timeouts;
    await this.#client.command('.', datafinal, 'client DATA status');
  }

  async #message(): Promise<void> {
    for await (const chunk of this.#transaction.message()) await this.#client.sendBytes(chunk);
    await this.#client.send('.');
    const { timeouts, isLmtp } = this.#client.options;
    if (isLmtp) {
      await this.#lmtpReplies();
      return;
    }
    const reply = await this.#client.reply(timeouts.datafinal, 'client DATA status');
    this.#add(this.#accepted, messageVerdict(reply, this.#hasCodes));
  }

  async #lmtpReplies(): Promise<void> {
    const { datafinal } = this.#client.options.timeouts;
    const sent: FinalRecipient[] = [];
    let success: Verdict | null = null;
    for (const [index, recipient] of this.#accepted.entries()) {
      const verdict = await this.#lmtpReply(datafinal);
      if (verdict.kind === 'sent') {
        sent.push(recipient);
        success = verdict;
        continue;
      }
      this.#add([recipient], verdict);
      if (!this.#client.isOpen) {
        for (const one of this.#accepted.slice(index + 1)) this.#add([one], verdict);
        break;
      }
    }
    if (success !== null) this.#add(sent, success);
  }

  async #lmtpReply(timeoutMs: number): Promise<Verdict> {
    try {
      const reply = await this.#client.reply(timeoutMs, 'client DATA status');
      return lmtpVerdict(reply, this.#hasCodes);
    } catch (error) {
      return this.#lostVerdict(error);
    }
  }
}

/** A user of ours without a domain gets our own, or the next host could not answer him. */
function qualified(address: string, ownName: string): string {
  return address === '' || address.includes('@') ? address : `${address}@${ownName}`;
}

function mailParameters(client: SmtpClient, { envelope }: Transaction): string {
  const parameters: string[] = [];
  if (client.has('SIZE') && envelope.storedSize > 0 && !envelope.isBounce) {
    parameters.push(`SIZE=${envelope.storedSize}`);
  }
  if (envelope.isUtf8) parameters.push('SMTPUTF8');
  // As with EightBitMode=pass8: only what was announced to us is announced.
  const { bodyType } = envelope;
  if (client.has('8BITMIME') && bodyType !== null) parameters.push(`BODY=${bodyType}`);
  if (client.has('DSN')) {
    if (envelope.envid !== null) parameters.push(`ENVID=${envelope.envid}`);
    if (envelope.ret !== null) parameters.push(`RET=${envelope.ret}`);
  }
  return parameters.map((one) => ` ${one}`).join('');
}

const NOTIFY_ORDER = ['NEVER', 'SUCCESS', 'FAILURE', 'DELAY'] as const;

function rcptLine(client: SmtpClient, recipient: FinalRecipient): string {
  const { destination, notify, orcpt } = recipient;
  let parameters = '';
  if (client.has('DSN')) {
    const wishes = NOTIFY_ORDER.filter((one) => notify?.includes(one));
    if (wishes.length > 0) parameters += ` NOTIFY=${wishes.join(',')}`;
    if (orcpt !== null) parameters += ` ORCPT=${orcpt}`;
  }
  return `RCPT To:<${destination.user}>${parameters}`;
}
