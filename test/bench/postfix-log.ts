/**
 * Renders generated traffic as Postfix 3.7 logs it (traditional syslog, short queue ids,
 * smtpd_tls_loglevel = 1). The same messages, recipients, attempts, refusals and sizes as in the
 * sendmail log of the same traffic.
 * Promise: every queue id is new, though real Postfix uses short ids again: peers that key on them
 * shall not be led astray by the generator.
 */
import { Random } from './random.ts';
import type { WrittenLog } from './sendmail-log.ts';
import type { TextSink } from './time-order.ts';
import { TimeOrder } from './time-order.ts';
import { emptyTotals, tally } from './totals.ts';
import type {
  Attempt,
  Message,
  Notice,
  Peer,
  Refusal,
  Result,
  Session,
  Traffic,
  Transaction,
} from './traffic-model.ts';
import { handshakes, MAIL_DOMAIN, MAIL_HOST, outcomeOf } from './traffic-model.ts';

const TLS =
  'TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 ' +
  'server-signature RSA-PSS (2048 bits) server-digest SHA256';
const QMGR = 1734;
const FIRST_INODE = 0x100000;

function client(peer: Peer): string {
  return `${peer.host === '' || peer.forged ? 'unknown' : peer.host}[${peer.ip}]`;
}

/** Postfix prints delays with two significant digits, and never below a hundredth. */
function seconds(value: number): string {
  if (value >= 9.95) return String(Math.round(value));
  return String(Number(value.toFixed(value >= 0.995 ? 1 : 2)));
}

function explanation(result: Result, attempt: Attempt): string {
  const { host, ip } = attempt.route.exchanger;
  if (result.kind === 'mailbox') return 'delivered to maildir';
  if (result.kind === 'unreachable') return `connect to ${host}[${ip}]:25: ${result.how}`;
  if (result.kind === 'no-host') {
    const { domain } = attempt.route;
    return (
      'Host or domain name not found. Name service error ' +
      `for name=${domain} type=A: Host not found`
    );
  }
  const words = result.enhanced
    ? `${result.code} ${result.dsn} ${result.text}`
    : `${result.code} ${result.text}`;
  return result.code < 300
    ? words
    : `host ${host}[${ip}] said: ${words} (in reply to ${result.command})`;
}

function dsnOf(result: Result): string {
  if (result.kind === 'mailbox') return '2.0.0';
  if (result.kind === 'unreachable') return '4.4.1';
  return result.kind === 'no-host' ? '5.4.4' : result.dsn;
}

class PostfixWriter {
  readonly #day: number;
  readonly #random: Random;
  readonly #out: TimeOrder;
  #sessions = 0;
  #inode = FIRST_INODE;

  constructor(traffic: Traffic, out: TimeOrder) {
    this.#day = traffic.day;
    this.#random = new Random(traffic.seed ^ 0x506f7374);
    this.#out = out;
  }

  session(session: Session): void {
    const pid = 20_000 + (this.#sessions++ % 400) * 13;
    const daemon = `postfix/${session.submission ? 'submission/' : ''}smtpd[${pid}]: `;
    const who = client(session.client);
    this.#out.add(session.at, `${daemon}connect from ${who}`);
    if (session.tls) {
      this.#out.add(
        session.at,
        `${daemon}Anonymous TLS connection established from ${who}: ${TLS}`,
      );
    }
    this.#troubles(session, daemon);
    for (const transaction of session.transactions) this.#transaction(session, transaction, daemon);
    this.#out.add(session.endAt, `${daemon}disconnect from ${who} ${commands(session)}`);
  }

  #troubles(session: Session, daemon: string): void {
    const who = client(session.client);
    for (const { user, mechanism } of session.failedLogins) {
      const text = `SASL ${mechanism} authentication failed: (reason unavailable), sasl_username=${user}`;
      this.#out.add(session.at + 0.4, `${daemon}warning: ${who}: ${text}`);
    }
    if (session.blocked) {
      const { list, sender, recipient } = session.blocked;
      const { ip } = session.client;
      const why = `554 5.7.1 Service unavailable; Client host [${ip}] blocked using ${list}`;
      const text = `${why}; https://${list}/query/ip/${ip}`;
      this.#reject(session, daemon, { at: session.at + 0.3, text, sender, recipient });
    }
    if (session.probe === 'http') {
      const text = `warning: non-SMTP command from ${who}: GET / HTTP/1.1`;
      this.#out.add(session.at, `${daemon}${text}`);
    }
    if (session.probe && session.probe !== 'http') {
      this.#out.add(session.endAt, `${daemon}lost connection after CONNECT from ${who}`);
    }
  }

  #reject(
    session: Session,
    daemon: string,
    what: { at: number; text: string; sender: string; recipient: string },
  ): void {
    const line =
      `${daemon}NOQUEUE: reject: RCPT from ${client(session.client)}: ${what.text}; ` +
      `from=<${what.sender}> to=<${what.recipient}> proto=ESMTP helo=<${session.helo}>`;
    this.#out.add(what.at, line);
  }

  #transaction(session: Session, transaction: Transaction, daemon: string): void {
    const { at, sender, message } = transaction;
    const who = client(session.client);
    for (const refusal of transaction.refusals) {
      const text = refusalText(refusal, sender);
      this.#reject(session, daemon, { at, text, sender, recipient: refusal.recipient });
    }
    if (transaction.lost) this.#out.add(at, `${daemon}lost connection after MAIL from ${who}`);
    if (!message) return;
    const id = this.#queueId();
    const login = session.auth
      ? `, sasl_method=${session.auth.mechanism}, sasl_username=${session.auth.user}`
      : '';
    this.#out.add(message.receivedAt, `${daemon}${id}: client=${who}${login}`);
    const cleanup = this.#daemon('cleanup', 6);
    this.#out.add(message.receivedAt, `${cleanup}${id}: message-id=${message.messageId}`);
    this.#queue(message, id);
  }

  /** Five hexadecimal digits of microseconds and the inode of the queue file. */
  #queueId(): string {
    this.#inode += 1;
    const microseconds = this.#random.below(1_000_000).toString(16).padStart(5, '0');
    return `${microseconds}${this.#inode.toString(16)}`.toUpperCase();
  }

  #daemon(name: string, processes: number): string {
    return `postfix/${name}[${30_000 + name.length * 500 + this.#random.below(processes) * 7}]: `;
  }

  #queue(message: Message, id: string): void {
    const activation = `${this.#manager()}${id}: from=<${message.sender}>, size=${message.size}, nrcpt=${message.recipients.length} (queue active)`;
    this.#out.add(message.receivedAt, activation);
    let run = 0;
    for (const attempt of message.attempts) {
      if (attempt.run !== run) {
        run = attempt.run;
        this.#out.add(attempt.at - attempt.took, activation);
      }
      this.#attempt(attempt, message.receivedAt, id);
    }
    for (const notice of message.notices) this.#notice(notice, id);
    if (message.doneAt !== undefined)
      this.#out.add(message.doneAt, `${this.#manager()}${id}: removed`);
  }

  #manager(): string {
    return `postfix/qmgr[${QMGR}]: `;
  }

  #attempt(attempt: Attempt, receivedAt: number, id: string): void {
    const { route, result } = attempt;
    const daemon = route.local ? this.#daemon('local', 8) : this.#daemon('smtp', 60);
    const { host, ip } = route.exchanger;
    if (handshakes(attempt)) {
      const text = `Untrusted TLS connection established to ${host}[${ip}]:25: ${TLS}`;
      this.#out.add(attempt.at, `${daemon}${text}`);
    }
    const total = Math.max(0, attempt.at - receivedAt);
    const waited = Math.max(0, total - attempt.took);
    const connecting = attempt.took * 0.3;
    const parts = [waited, 0, connecting, attempt.took - connecting].map(seconds).join('/');
    const answered = result.kind === 'answer' ? `${host}[${ip}]:25` : 'none';
    const relay = route.local ? 'local' : answered;
    const tail =
      `relay=${relay}, delay=${seconds(total)}, delays=${parts}, dsn=${dsnOf(result)}, ` +
      `status=${outcomeOf(result)} (${explanation(result, attempt)})`;
    for (const recipient of attempt.recipients) {
      this.#out.add(attempt.at, `${daemon}${id}: to=<${recipient}>, ${tail}`);
    }
  }

  #notice(notice: Notice, id: string): void {
    const child = this.#queueId();
    const when = new Date((this.#day + Math.floor(notice.at)) * 1000).toISOString();
    const digits = when.slice(0, 19).replace(/\D/g, '');
    const messageId = `<${digits}.${child}@${MAIL_HOST}.${MAIL_DOMAIN}>`;
    const kind = notice.kind === 'bounce' ? 'sender non-delivery' : 'sender delay';
    this.#out.add(notice.at, `${this.#daemon('cleanup', 6)}${child}: message-id=${messageId}`);
    const envelope = `from=<>, size=${notice.size}, nrcpt=1 (queue active)`;
    this.#out.add(notice.at, `${this.#manager()}${child}: ${envelope}`);
    this.#out.add(notice.at, `${this.#daemon('bounce', 3)}${id}: ${kind} notification: ${child}`);
    this.#attempt(notice.delivery, notice.at, child);
    this.#out.add(notice.delivery.at, `${this.#manager()}${child}: removed`);
  }
}

function refusalText(refusal: Refusal, sender: string): string {
  const { kind, recipient } = refusal;
  if (kind === 'relaying') return `554 5.7.1 <${recipient}>: Relay access denied`;
  if (kind === 'sender-domain') {
    return `450 4.1.8 <${sender}>: Sender address rejected: Domain not found`;
  }
  return (
    `550 5.1.1 <${recipient}>: Recipient address rejected: ` +
    'User unknown in local recipient table'
  );
}

/** The counts of a disconnect line: `good` or `good/all` for each command, and their sum. */
function commands(session: Session): string {
  const talked = !session.probe;
  const count = { good: 0, all: 0 };
  let text = '';
  const say = (name: string, good: number, all: number): void => {
    if (all === 0) return;
    count.good += good;
    count.all += all;
    text += `${name}=${good === all ? good : `${good}/${all}`} `;
  };
  const mails = session.transactions.length + Number(session.blocked !== undefined);
  let good = 0;
  let refused = Number(session.blocked !== undefined);
  for (const { message, refusals } of session.transactions) {
    good += message?.recipients.length ?? 0;
    refused += refusals.length;
  }
  const accepted = session.transactions.filter(({ message }) => message).length;
  const tried = session.failedLogins.length;
  const lost = session.transactions.some((transaction) => transaction.lost);
  say('ehlo', talked ? 1 + Number(session.tls) : 0, talked ? 1 + Number(session.tls) : 0);
  say('starttls', Number(session.tls), Number(session.tls));
  say('auth', Number(session.auth !== undefined), Number(session.auth !== undefined) + tried);
  say('mail', mails, mails);
  say('rcpt', good, good + refused);
  say('data', accepted, accepted);
  say('quit', talked && !lost ? 1 : 0, talked && !lost ? 1 : 0);
  const sum = count.good === count.all ? count.good : `${count.good}/${count.all}`;
  return `${text}commands=${sum}`;
}

/** Writes Postfix's log of the traffic and says what it holds. */
export function writePostfixLog(traffic: Traffic, sink: TextSink): WrittenLog {
  const out = new TimeOrder(sink, traffic.day);
  const writer = new PostfixWriter(traffic, out);
  const totals = emptyTotals();
  for (const session of traffic.sessions()) {
    out.advance(session.at);
    writer.session(session);
    tally(totals, session);
  }
  out.finish();
  return { lines: out.lines, bytes: out.bytes, totals };
}
