/**
 * Renders generated traffic as sendmail 8.17 logs it: traditional syslog, tag sm-mta, LogLevel 9,
 * equates in the order of logsender() and logdelivery(), queue ids that spell their UTC time.
 * Promise: as many lines as `sendmailLineCount` says; every queue id is new.
 */
import { Random } from './random.ts';
import type { TextSink } from './time-order.ts';
import { TimeOrder } from './time-order.ts';
import type { TrafficTotals } from './totals.ts';
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
import { handshakes, QUEUE_RUN_SECONDS } from './traffic-model.ts';

export interface WrittenLog {
  readonly lines: number;
  readonly bytes: number;
  readonly totals: TrafficTotals;
}

const BASE60 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx';
const FIRST_PID = 640_000;
const LAST_PID = 4_194_303;
/** sendmail's MAXSHORTSTR: longer answers lose their middle. */
const LONGEST_ANSWER = 203;
const LONGEST_RELAY = 40;
const CIPHER = 'cipher=TLS_AES_256_GCM_SHA384, bits=256/256';

function shorten(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const half = Math.floor((longest - 3) / 2);
  return `${text.slice(0, half)}...${text.slice(-half)}`;
}

function two(number: number): string {
  return number < 10 ? `0${number}` : String(number);
}

/** `[D+]HH:MM:SS` */
function elapsed(seconds: number): string {
  const whole = Math.max(0, seconds);
  const clock = `${two(Math.floor(whole / 3600) % 24)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return whole >= 86400 ? `${Math.floor(whole / 86400)}+${clock}` : clock;
}

/** IPv6 is never compressed with `::` in this log. */
function literal(ip: string): string {
  return ip.includes(':') ? `[IPv6:${ip.replace('::', ':0:0:0:0:')}]` : `[${ip}]`;
}

function client(peer: Peer): string {
  if (peer.host === '') return literal(peer.ip);
  return `${peer.host} ${literal(peer.ip)}${peer.forged ? ' (may be forged)' : ''}`;
}

function status(
  result: Result,
  attempt: { readonly domain: string; readonly host: string },
): string {
  if (result.kind === 'mailbox') return 'dsn=2.0.0, stat=Sent';
  if (result.kind === 'no-host') {
    return `dsn=5.1.2, stat=Host unknown (Name server: ${attempt.domain}: host not found)`;
  }
  if (result.kind === 'unreachable') {
    const preposition = result.how === 'Connection refused' ? 'by' : 'with';
    return `dsn=4.4.1, stat=Deferred: ${result.how} ${preposition} ${attempt.host}.`;
  }
  if (result.code < 300)
    return `dsn=2.0.0, stat=${shorten(`Sent (${result.text})`, LONGEST_ANSWER)}`;
  const reply = shorten(`${result.code} ${result.dsn} ${result.text}`, LONGEST_ANSWER);
  const stat =
    result.code < 500 ? shorten(`Deferred: ${reply}`, LONGEST_ANSWER) : refusalWord(result);
  return `dsn=${result.dsn}, reply=${reply}, stat=${stat}`;
}

function refusalWord(result: Result): string {
  if (result.kind === 'no-host') return 'Host unknown';
  const unknown = result.kind === 'answer' && [550, 551, 553].includes(result.code);
  return unknown ? 'User unknown' : 'Service unavailable';
}

class SendmailWriter {
  readonly #day: number;
  readonly #random: Random;
  readonly #out: TimeOrder;
  readonly #runSequence = new Map<number, number>();
  #lastPid = FIRST_PID;

  constructor(traffic: Traffic, out: TimeOrder) {
    this.#day = traffic.day;
    this.#random = new Random(traffic.seed ^ 0x53656e64);
    this.#out = out;
  }

  session(session: Session): void {
    const pid = this.#fork();
    let sequence = this.#random.below(3600);
    const relay = client(session.client);
    if (session.blocked) {
      this.#blocked(session, pid);
      return;
    }
    if (session.tls) {
      const text = `STARTTLS=server, relay=${relay}, version=TLSv1.3, verify=NO, ${CIPHER}`;
      this.#say(session.at, pid, text);
    }
    if (session.auth) {
      const { user, mechanism } = session.auth;
      this.#say(
        session.at,
        pid,
        `AUTH=server, relay=${relay}, authid=${user}, mech=${mechanism}, bits=0`,
      );
    }
    let idTime = session.at;
    if (session.probe || session.failedLogins.length > 0) {
      this.#noMail(session, pid, this.#queueId(idTime, sequence, pid));
    }
    for (const transaction of session.transactions) {
      this.#transaction(session, transaction, {
        pid,
        id: this.#queueId(idTime, sequence, pid),
        sequence,
      });
      idTime = transaction.message?.receivedAt ?? transaction.at;
      sequence += 1;
    }
  }

  #fork(): number {
    this.#lastPid += 1 + this.#random.below(3);
    if (this.#lastPid > LAST_PID) this.#lastPid = FIRST_PID;
    return this.#lastPid;
  }

  #queueId(at: number, sequence: number, pid: number): string {
    const time = new Date((this.#day + Math.floor(at)) * 1000);
    const wrapped = sequence % 3600;
    const digits = [
      (time.getUTCFullYear() - 1900) % 60,
      time.getUTCMonth(),
      time.getUTCDate(),
      time.getUTCHours(),
      time.getUTCMinutes(),
      time.getUTCSeconds(),
      Math.floor(wrapped / 60),
      wrapped % 60,
    ];
    let id = '';
    for (const digit of digits) id += BASE60[digit];
    return `${id}${String(pid).padStart(6, '0')}`;
  }

  #say(at: number, pid: number, text: string): void {
    this.#out.add(at, `sm-mta[${pid}]: ${text}`);
  }

  #blocked(session: Session, pid: number): void {
    const { peer, list } = { peer: session.client, list: session.blocked?.list ?? '' };
    const name = peer.host === '' ? literal(peer.ip) : peer.host;
    const text =
      `ruleset=check_relay, arg1=${name}, arg2=127.0.0.4, relay=${client(peer)}, ` +
      `reject=550 5.7.1 Rejected: ${peer.ip} listed at ${list}`;
    this.#say(session.at, pid, text);
  }

  #noMail(session: Session, pid: number, id: string): void {
    const relay = client(session.client);
    const daemon = session.submission ? 'MSP-v4' : 'MTA-v4';
    for (const { user, mechanism } of session.failedLogins) {
      const how = mechanism === 'LOGIN' ? 'checkpass failed' : 'Password verification failed';
      const text =
        `AUTH failure (${mechanism}): authentication failure (-13) SASL(-13): ` +
        `authentication failure: ${how}, user=${user}, relay=${relay}`;
      this.#say(session.at + 0.4, pid, `${id}: ${text}`);
    }
    if (session.probe === 'pregreet') {
      const text = `rejecting commands from ${relay} due to pre-greeting traffic after 0 seconds`;
      this.#say(session.at, pid, `${id}: ${text}`);
      return;
    }
    if (session.probe === 'http') {
      const text = `${relay}: probable open proxy: command=GET / HTTP/1.1\\r\\n`;
      this.#say(session.at, pid, `${id}: ${text}`);
    }
    const text = `${relay} did not issue MAIL/EXPN/VRFY/ETRN during connection to ${daemon}`;
    this.#say(session.endAt, pid, `${id}: ${text}`);
  }

  #transaction(
    session: Session,
    transaction: Transaction,
    envelope: { readonly pid: number; readonly id: string; readonly sequence: number },
  ): void {
    const { pid, id } = envelope;
    const relay = client(session.client);
    for (const refusal of transaction.refusals) {
      this.#say(
        transaction.at,
        pid,
        `${id}: ${this.#refusal(transaction, refusal, session.client)}`,
      );
    }
    if (transaction.lost) {
      this.#say(
        transaction.at,
        pid,
        `${id}: lost input channel from ${relay} to MTA-v4 after mail`,
      );
    }
    const { message } = transaction;
    const protocol = `ESMTP${session.tls ? 'S' : ''}${session.auth ? 'A' : ''}`;
    const origin = `proto=${protocol}, daemon=${session.submission ? 'MSP-v4' : 'MTA-v4'}, relay=${relay}`;
    if (!message) {
      const text = `${id}: from=<${transaction.sender}>, size=0, class=0, nrcpts=0, ${origin}`;
      this.#say(transaction.at, pid, text);
      return;
    }
    const body = message.size % 5 < 2 ? 'bodytype=8BITMIME, ' : '';
    const text =
      `${id}: from=<${message.sender}>, size=${message.size}, class=0, ` +
      `nrcpts=${message.recipients.length}, msgid=${message.messageId}, ${body}${origin}`;
    this.#say(message.receivedAt, pid, text);
    this.#deliveries(message, id, envelope.sequence);
  }

  #refusal(transaction: Transaction, refusal: Refusal, peer: Peer): string {
    const { recipient, kind } = refusal;
    if (kind === 'unknown-user') return `<${recipient}>... User unknown`;
    if (kind === 'sender-domain') {
      return (
        `ruleset=check_mail, arg1=<${transaction.sender}>, relay=${client(peer)}, ` +
        `reject=553 5.1.8 <${transaction.sender}>... Domain of sender address ` +
        `${transaction.sender} does not exist`
      );
    }
    const lookup = peer.host === '' ? `. IP name lookup failed ${literal(peer.ip)}` : '';
    return (
      `ruleset=check_rcpt, arg1=<${recipient}>, relay=${client(peer)}, ` +
      `reject=550 5.7.1 <${recipient}>... Relaying denied${lookup}`
    );
  }

  #deliveries(message: Message, id: string, sequence: number): void {
    const pid = this.#fork();
    for (const attempt of message.attempts) {
      this.#attempt(attempt, message, {
        id,
        pid: attempt.run === 0 ? pid : this.#runner(attempt.run),
      });
    }
    for (const notice of message.notices) this.#notice(notice, id, { pid, sequence });
  }

  /** The process of a queue run; it takes up all that waits. */
  #runner(run: number): number {
    return 100_000 + run * 9001;
  }

  #attempt(
    attempt: Attempt,
    message: Pick<Message, 'receivedAt' | 'recipients' | 'size' | 'senderUid' | 'sender'>,
    queued: { readonly id: string; readonly pid: number },
  ): void {
    const { route, result } = attempt;
    const host = shorten(`${route.exchanger.host}.`, LONGEST_RELAY);
    if (handshakes(attempt)) {
      const text = `STARTTLS=client, relay=${route.exchanger.host}., version=TLSv1.3, verify=FAIL, ${CIPHER}`;
      this.#say(attempt.at, queued.pid, text);
    }
    const end = Math.floor(attempt.at);
    const delay = elapsed(end - Math.floor(message.receivedAt));
    const xdelay = elapsed(end - Math.floor(attempt.at - attempt.took));
    const list = attempt.recipients.map((address) => `<${address}>`);
    if (attempt.run === 0) list.reverse();
    const { senderUid: uid } = message;
    const owner = uid > 0 ? ` ctladdr=<${message.sender}> (${uid}/${uid}),` : '';
    const priority =
      message.size +
      420 +
      30000 * message.recipients.length +
      this.#age(attempt, message.receivedAt);
    const remote =
      result.kind === 'no-host' ? route.domain : `${host} ${literal(route.exchanger.ip)}`;
    const relay = route.local ? '' : ` relay=${remote},`;
    const outcome = status(result, { domain: route.domain, host: route.exchanger.host });
    const text =
      `to=${list.join(',')},${owner} delay=${delay}, xdelay=${xdelay}, ` +
      `mailer=${route.local ? 'local' : 'esmtp'}, pri=${priority},${relay} ${outcome}`;
    this.#say(attempt.at, queued.pid, `${queued.id}: ${text}`);
  }

  /** Every queue run that has passed makes a message less urgent. */
  #age(attempt: Attempt, receivedAt: number): number {
    if (attempt.run === 0) return 0;
    return 90000 * (attempt.run - Math.floor(receivedAt / QUEUE_RUN_SECONDS));
  }

  #notice(
    notice: Notice,
    id: string,
    parent: { readonly pid: number; readonly sequence: number },
  ): void {
    let { pid, sequence } = parent;
    if (notice.run > 0) {
      pid = this.#runner(notice.run);
      sequence = (this.#runSequence.get(notice.run) ?? 0) + 1;
      this.#runSequence.set(notice.run, sequence);
    }
    const child = this.#queueId(notice.at, sequence, pid);
    this.#say(notice.at, pid, `${id}: ${child}: ${this.#noticeText(notice)}`);
    const message = {
      receivedAt: notice.at,
      recipients: notice.delivery.recipients,
      size: 1024 - 420,
      senderUid: 0,
      sender: '',
    };
    this.#attempt({ ...notice.delivery, run: 0 }, message, { id: child, pid });
  }

  #noticeText(notice: Notice): string {
    if (notice.kind === 'delay') {
      return 'sender notify: Warning: could not send message for past 4 hours';
    }
    if (notice.cause.kind === 'no-host') {
      return `DSN: Host unknown (Name server: ${notice.causeDomain}: host not found)`;
    }
    return `DSN: ${refusalWord(notice.cause)}`;
  }
}

/** Writes sendmail's log of the traffic and says what it holds. */
export function writeSendmailLog(traffic: Traffic, sink: TextSink): WrittenLog {
  const out = new TimeOrder(sink, traffic.day);
  const writer = new SendmailWriter(traffic, out);
  const totals = emptyTotals();
  for (const session of traffic.sessions()) {
    out.advance(session.at);
    writer.session(session);
    tally(totals, session);
  }
  out.finish();
  return { lines: out.lines, bytes: out.bytes, totals };
}
