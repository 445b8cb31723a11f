/**
 * Takes a message from the client to the spool: header first, since fields are put before it, then the body as it
 * comes. With a filter, or to throw away, it is not written as it comes.
 *
 * Promises: what is kept of a message that is refused anyway is bounded; the input is read to the end of the
 * message unless the client is gone.
 */
import type { Reply } from '../model.ts';
import type { SessionInput } from './input.ts';
import type { DataFault, FaultPlace } from './message-data.ts';
import { MessageData } from './message-data.ts';
import type { MessageHead } from './message-head.ts';
import { headEnd, readHead } from './message-head.ts';
import type { SessionSettings, SpoolWriter, Transaction } from './parts.ts';
import type { AddedFields } from './received.ts';
import type { SmtpSession } from './session.ts';
import { applyFilter } from './verdicts.ts';

export interface CollectorOptions {
  readonly writer: SpoolWriter;
  readonly settings: SessionSettings;
  /** The body is kept whole until the end, for filters. */
  readonly isWhole: boolean;
  readonly added: (head: MessageHead) => AddedFields;
}

const NEWLINE = Buffer.from('\n');
const NO_HEAD = readHead(Buffer.alloc(0), false);

export class Collector {
  readonly #options: CollectorOptions;
  readonly #data: MessageData;
  head: MessageHead = NO_HEAD;
  isHeadTooLarge = false;
  addedText = '';
  madeMessageId = '';
  #headBytes: Buffer[] = [];
  #headLength = 0;
  #isHeadDone = false;
  #body: Buffer[] = [];
  #failure: unknown;
  #written: Promise<void> | undefined;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#data = new MessageData((bytes) => this.#take(bytes));
  }

  get size(): number {
    return this.#data.size;
  }

  /** What sendmail logs as the size of a message that was not read to its end. */
  get counted(): number {
    return this.#data.counted;
  }

  get fault(): { readonly text: DataFault; readonly place: FaultPlace } | null {
    const { fault, faultPlace } = this.#data;
    return fault === null ? null : { text: fault, place: faultPlace };
  }

  /** `done`, `timeout`, or why the client is gone. */
  async run(input: SessionInput, timeoutMs: number): Promise<string> {
    for (;;) {
      const outcome = await input.chunk(timeoutMs);
      if (outcome.kind === 'timeout') return 'timeout';
      if (outcome.kind === 'closed') return outcome.why;
      const rest = this.#data.take(outcome.chunk);
      if (this.#written !== undefined) await this.#pending();
      if (rest === undefined) continue;
      if (rest.length > 0) input.unread(rest);
      if (!this.#isHeadDone) this.#endHead(true);
      return 'done';
    }
  }

  /** What the filters say; changes are made. */
  async filter(session: SmtpSession, transaction: Transaction): Promise<Reply | undefined> {
    if (session.filter === null) return undefined;
    const changes = await session.filter.message(
      transaction.id,
      this.head.bytes,
      Buffer.concat(this.#body),
    );
    const refusal = applyFilter(transaction, changes.verdict);
    if (refusal !== undefined) return refusal;
    if (changes.head !== null) this.head = readHead(changes.head, true);
    if (changes.body !== null) this.#body = [changes.body];
    if (changes.quarantine !== null) transaction.quarantine = changes.quarantine;
    await applyRecipients(session, transaction, changes);
    return undefined;
  }

  /** All that is not in the spool yet goes there. Rejects if the spool could not take it. */
  async close(): Promise<void> {
    await this.#pending();
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#options.isWhole) return;
    this.#writeHead();
    for (const piece of this.#body) this.#write(piece);
    await this.#pending();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #take(bytes: Buffer): void {
    const { maxMessageSize, maxHeaderBytes } = this.#options.settings;
    if (this.#isHeadDone) {
      if (maxMessageSize === 0 || this.#data.size <= maxMessageSize) this.#takeBody(bytes);
      return;
    }
    this.#headBytes.push(bytes);
    this.#headLength += bytes.length;
    this.#endHead(this.#headLength > maxHeaderBytes + 65_536);
  }

  /** Looks whether the header is whole. Forced, it ends here. */
  #endHead(isForced: boolean): void {
    const bytes =
      this.#headBytes.length === 1
        ? (this.#headBytes[0] as Buffer)
        : Buffer.concat(this.#headBytes);
    const end = headEnd(bytes, isForced);
    if (end < 0) {
      this.#headBytes = [bytes];
      return;
    }
    this.#isHeadDone = true;
    this.#headBytes = [];
    this.isHeadTooLarge = end > this.#options.settings.maxHeaderBytes;
    const hasSeparator = end >= bytes.length || bytes[end] === 0x0a;
    this.head = readHead(bytes.subarray(0, end), hasSeparator);
    const added = this.#options.added(this.head);
    this.addedText = added.text;
    this.madeMessageId = added.messageId;
    if (!this.#options.isWhole) this.#writeHead();
    const body = hasSeparator ? bytes.subarray(end) : Buffer.concat([NEWLINE, bytes.subarray(end)]);
    if (body.length > 0) this.#takeBody(body);
  }

  #takeBody(bytes: Buffer): void {
    if (this.#options.isWhole) this.#body.push(bytes);
    else this.#write(bytes);
  }

  #writeHead(): void {
    this.#write(Buffer.concat([Buffer.from(this.addedText, 'latin1'), this.head.bytes]));
  }

  #write(bytes: Buffer): void {
    if (this.#failure !== undefined) return;
    const written = this.#options.writer.write(bytes);
    if (written === undefined) return;
    const before = this.#written;
    this.#written = Promise.all([before, written]).then(
      () => undefined,
      (error: unknown) => {
        this.#failure ??= error;
      },
    );
  }

  async #pending(): Promise<void> {
    const written = this.#written;
    this.#written = undefined;
    await written;
  }
}

async function applyRecipients(
  session: SmtpSession,
  transaction: Transaction,
  changes: {
    readonly sender: string | null;
    readonly addedRecipients: readonly string[];
    readonly removedRecipients: readonly string[];
  },
): Promise<void> {
  const { parts } = session;
  const bare = (shown: string) => shown.replace(/^<(.*)>$/, '$1').toLowerCase();
  const removed = new Set(changes.removedRecipients.map(bare));
  transaction.recipients = transaction.recipients.filter(({ shown }) => !removed.has(bare(shown)));
  for (const added of changes.addedRecipients) {
    const path = parts.parsePath(added, 'recipient', transaction.isUtf8);
    if (path.kind === 'error') continue;
    const resolution = await parts.resolve(path.address);
    if (resolution.kind === 'error') continue;
    const { shown, address } = path;
    const { destination } = resolution;
    transaction.recipients.push({ shown, address, destination, notify: null, orcpt: null });
  }
  if (changes.sender !== null) {
    const path = parts.parsePath(changes.sender, 'sender', transaction.isUtf8);
    if (path.kind === 'path') {
      transaction.senderShown = path.shown;
      transaction.sender = path.address;
    }
  }
}
