/**
 * Local delivery by LMTP (RFC 2033), over TCP or a Unix socket: to Dovecot, Cyrus or what else keeps mailboxes.
 *
 * The server answers for each recipient; those that were taken share one line of the log, as sendmail's do.
 */
import type { MtaLog } from '../log/mta-log.ts';
import type { Attempt, Courier, CourierJob } from '../model.ts';
import { attemptOf, type Clock } from './courier-clock.ts';
import { messageChunks, wireChunks } from './message-stream.ts';
import { SMTP_TIMEOUTS, SmtpClient, type SmtpTimeouts } from './smtp-client.ts';
import { type ConnectionTarget, LinkError, SmtpConnection } from './smtp-connection.ts';
import { runTransaction, type TransactionResult } from './smtp-transaction.ts';
import { deferred, linkErrorText, outcomeOf } from './smtp-words.ts';
import { withReturnPath } from './unix-from.ts';

export interface LmtpCourierOptions {
  readonly target: ConnectionTarget;
  /** In the log's texts. */
  readonly hostName: string;
  readonly heloName: string;
  readonly log: MtaLog;
  readonly now: Clock;
  readonly timeouts?: Partial<SmtpTimeouts>;
}

export class LmtpCourier implements Courier {
  readonly #options: LmtpCourierOptions;
  readonly #timeouts: SmtpTimeouts;

  constructor(options: LmtpCourierOptions) {
    this.#options = options;
    this.#timeouts = { ...SMTP_TIMEOUTS, ...options.timeouts };
  }

  async deliver(job: CourierJob): Promise<readonly Attempt[]> {
    const startedAt = this.#options.now();
    const results = await this.#results(job);
    return results.map(({ recipients, verdict }) => {
      const [first] = recipients;
      const host = first?.destination.host ?? '';
      const outcome = outcomeOf(verdict, host === '' ? null : host);
      return attemptOf(recipients, outcome, startedAt, this.#options.now());
    });
  }

  async #results(job: CourierJob): Promise<readonly TransactionResult[]> {
    const all = (verdict: TransactionResult['verdict']) => [
      { recipients: job.recipients, verdict, mayTryNext: false },
    ];
    const { target, hostName, heloName, log } = this.#options;
    let connection: SmtpConnection;
    try {
      const limits = { connectMs: this.#timeouts.connect, sessionMs: this.#timeouts.session };
      connection = await SmtpConnection.connect(target, limits);
    } catch (error) {
      const code = error instanceof LinkError ? error.code : 'EIO';
      return all(deferred('4.4.1', linkErrorText(code, hostName)));
    }
    const client = new SmtpClient(connection, {
      host: hostName,
      heloName,
      isLmtp: true,
      isEsmtp: true,
      timeouts: this.#timeouts,
      tlsPolicy: 'never',
      tls: {},
      credentials: null,
      id: job.envelope.id,
      log,
    });
    const verdict = await client.open();
    if (verdict !== null) return all(verdict);
    const { envelope, recipients, message } = job;
    const source = () => withReturnPath(envelope, messageChunks(message.path));
    const results = await runTransaction(client, {
      envelope,
      recipients,
      message: () => wireChunks(source(), { lineLimit: 0 }),
    });
    await client.quit();
    return results;
  }
}
