/**
 * The log as sendmail 8.17.1.9 writes it: its words, its order, its LogLevels, its cuts (srvrsmtp.c,
 * collect.c, deliver.c, savemail.c, err.c, daemon.c, milter.c, sasl and tls code).
 *
 * Promises: one call is one line, but for texts of more than a kilobyte, which sendmail splits too; nothing
 * said by a client can begin a line or look like another event; nothing here throws.
 */
import type { Attempt, Envelope } from '../model.ts';
import type { LogSink, Severity } from './log-sink.ts';
import { eventOfAttempt, fromText, levelOfTo, rulesetText, toTexts } from './mail-lines.ts';
import type {
  FromEvent,
  MtaLog,
  NotificationKind,
  RulesetEvent,
  TlsEvent,
  TlsSide,
  ToEvent,
} from './mta-log.ts';
import { splitText } from './split-text.ts';
import { escaped, intervalText, nonNegative, shortened } from './text.ts';

const CLIENT_NAME = 100;
const COMMAND = 40;
const USER = 64;
const ERROR_TEXT = 900;
/** Where there is no message and sendmail says so. */
const NO_QUEUE = 'NOQUEUE';
/** What sendmail prints of a mechanism's failure, by the words of Cyrus SASL. */
const SASL_DETAILS: Readonly<Record<string, string>> = {
  PLAIN: 'Password verification failed',
  LOGIN: 'checkpass failed',
};

export interface SendmailLogOptions {
  readonly sink: LogSink;
  /** LogLevel; 9 is sendmail's own. */
  readonly level: number;
  /** `sm-mta`. */
  readonly tag: string;
  readonly hostname: string;
  readonly pid: number;
  readonly now: () => number;
}

export class SendmailLog implements MtaLog {
  readonly pid: number;
  readonly #options: SendmailLogOptions;

  constructor(options: SendmailLogOptions) {
    this.#options = options;
    this.pid = options.pid;
  }

  as(pid: number): SendmailLog {
    return new SendmailLog({ ...this.#options, pid });
  }

  // Messages

  from(event: FromEvent): void {
    this.#say(5, 'info', event.id, fromText(event));
  }

  to(event: ToEvent): void {
    for (const text of toTexts(event)) this.#say(levelOfTo(event), 'info', event.id, text);
  }

  attempt(envelope: Envelope, attempt: Attempt, priority: number): void {
    this.to(eventOfAttempt(envelope, attempt, priority));
  }

  notification(id: string, newId: string, kind: NotificationKind, text: string): void {
    this.#say(6, 'info', id, `${newId}: ${kind}: ${shortened(text)}`);
  }

  clone(id: string, newId: string, owner: string): void {
    this.#say(5, 'info', id, `${newId}: clone: owner=${owner}`);
  }

  done(id: string, delay: number, tries: number): void {
    this.#say(10, 'info', id, `done; delay=${intervalText(delay)}, ntries=${tries}`);
  }

  discarded(id: string): void {
    this.#say(4, 'info', id, 'discarded');
  }

  quarantined(id: string, reason: string | null): void {
    this.#say(6, 'info', id, reason === null ? 'unquarantine' : `quarantine=${reason}`);
  }

  // Refusals

  ruleset(event: RulesetEvent): void {
    this.#say(levelOfRuleset(event.ruleset), 'notice', event.id ?? '', rulesetText(event));
  }

  refused(id: string, text: string): void {
    this.#say(4, 'notice', id, text.slice(0, ERROR_TEXT));
  }

  tooBig(id: string, size: number, limit: number): void {
    const text = `message size (${nonNegative(size)}) exceeds maximum (${nonNegative(limit)})`;
    this.#say(7, 'notice', id, text);
  }

  tooManyHops(...[id, hops, limit, sender, relay, to]: Parameters<MtaLog['tooManyHops']>): void {
    const way = `from ${sender} via ${relay}${to === undefined ? '' : `, to ${to}`}`;
    this.systemError(id, 'root', `Too many hops ${hops} (${limit} max): ${way}`);
  }

  collectProblem(id: string, relayName: string, senderShown: string, info: string): void {
    const text = `collect: relay=${relayName.slice(0, CLIENT_NAME)}, from=${shortened(senderShown)}, info=${info}`;
    this.#say(1, 'notice', id, text);
  }

  // Connections

  connect(relay: string): void {
    this.#say(10, 'info', NO_QUEUE, `connect from ${relay}`);
  }

  noTransaction(id: string, relay: string, daemon: string): void {
    const text = `${relay} did not issue MAIL/EXPN/VRFY/ETRN during connection to ${daemon}`;
    this.#say(6, 'info', id, text);
  }

  lostInput(id: string, relay: string, daemon: string, after: string): void {
    this.#say(2, 'notice', id, `lost input channel from ${relay} to ${daemon} after ${after}`);
  }

  /** `why` is `unexpected close` or what went wrong, as `Connection reset by NAME`. */
  unexpectedClose(id: string, relayName: string, senderShown: string, why: string): void {
    this.#say(2, 'warning', id, `collect: premature EOM: ${why}`);
    if (why === 'unexpected close') this.collectProblem(id, relayName, senderShown, why);
    else {
      const text = `collect: relay=${relayName}, from=${shortened(senderShown)}, info=I/O error`;
      this.systemError(id, 'root', text);
    }
  }

  timeout(id: string, relay: string, during: string): void {
    const text = `timeout waiting for input from ${relay.slice(0, CLIENT_NAME)} during ${during}`;
    this.#say(2, 'notice', id, text);
  }

  pregreet(id: string, relay: string, seconds: number): void {
    const why = `due to pre-greeting traffic after ${Math.floor(seconds)} seconds`;
    this.#say(4, 'info', id, `rejecting commands from ${relay} ${why}`);
  }

  trafficBefore(id: string, command: string, relay: string): void {
    const text = `rejecting server ${command} from ${relay} due to traffic before response`;
    this.#say(6, 'info', id, text);
  }

  attack(id: string, relay: string, command: string, count: number): void {
    const what = `possible SMTP attack: command=${command.slice(0, COMMAND)}, count=${count}`;
    this.#say(6, 'info', id, `${relay.slice(0, CLIENT_NAME)}: ${what}`);
  }

  rcptFlood(id: string, relay: string, isShutDown: boolean): void {
    const what = isShutDown ? 'shutting down connection.' : 'throttling.';
    this.#say(6, 'info', id, `${relay.slice(0, CLIENT_NAME)}: Possible SMTP RCPT flood, ${what}`);
  }

  /** `command` as it came, with the end of its line. */
  openProxy(id: string, relay: string, command: string): void {
    const what = `probable open proxy: command=${command.slice(0, COMMAND)}`;
    this.#say(0, 'info', id, `${relay.slice(0, CLIENT_NAME)}: ${what}`);
  }

  tooLongInput(id: string, relay: string, length: number): void {
    const name = relay.slice(0, CLIENT_NAME);
    this.#say(0, 'info', id, `${name}: SMTP violation, input too long: ${length}`);
  }

  asked(...[id, relay, command, what, isRejected]: Parameters<MtaLog['asked']>): void {
    const line = what === '' ? command : `${command} ${what}`;
    const text = `${relay.slice(0, CLIENT_NAME)}: ${shortened(line)}`;
    this.#say(6, 'info', id, isRejected ? `${text} [rejected]` : text);
  }

  rejectingConnections(daemon: string, why: string): void {
    this.#say(9, 'notice', '', `rejecting connections on daemon ${daemon}: ${why}`);
  }

  acceptingAgain(daemon: string): void {
    this.#say(9, 'notice', '', `accepting connections again for daemon ${daemon}`);
  }

  // Authentication and TLS

  authenticated(relay: string, authid: string, mechanism: string, bits: number): void {
    const who = `authid=${authid.slice(0, 128)}, mech=${mechanism.slice(0, 16)}`;
    this.#say(9, 'info', '', `AUTH=server, relay=${relay}, ${who}, bits=${bits}`);
  }

  authFailed(...[id, relay, mechanism, user, isKnown]: Parameters<MtaLog['authFailed']>): void {
    const [reason, code] = isKnown ? ['authentication failure', -13] : ['user not found', -20];
    const detail = SASL_DETAILS[mechanism] ?? digestDetail(user, isKnown);
    const text = `${reason} (${code}) SASL(-13): ${reason}: ${detail}`;
    const who = `user=${user.slice(0, USER)}, relay=${relay.slice(0, CLIENT_NAME)}`;
    this.#say(9, 'warning', id, `AUTH failure (${mechanism}): ${text}, ${who}`);
  }

  authMalformed(id: string, relay: string, input: string): void {
    const text = `AUTH decode64 error [-5 for "${shortened(input)}"]`;
    this.#say(6, 'warning', id, `${text}, relay=${relay.slice(0, CLIENT_NAME)}`);
  }

  tls(event: TlsEvent): void {
    const { side, relay, version, verify, cipher, bits, algorithmBits } = event;
    const text = [
      `STARTTLS=${side}`,
      `relay=${relay.slice(0, CLIENT_NAME)}`,
      `version=${version.slice(0, 16)}`,
      `verify=${verify.slice(0, 16)}`,
      `cipher=${cipher.slice(0, 64)}`,
      `bits=${bits}/${algorithmBits}`,
    ].join(', ');
    this.#say(9, 'info', '', text);
  }

  /** `reason` in OpenSSL's words; `unknown` for a connection that just ended. */
  tlsFailed(side: TlsSide, relay: string, reason: string): void {
    const call = side === 'server' ? 'accept' : 'connect';
    const error = reason === 'unknown' ? 5 : 1;
    const text = `STARTTLS=${side}, error: ${call} failed=-1, reason=${reason}, SSL_error=${error}, errno=0, retry=-1`;
    const suffix = side === 'server' ? `, relay=${relay.slice(0, CLIENT_NAME)}` : '';
    this.#say(6, 'warning', '', `${text}${suffix}`);
  }

  // Milters

  /** `command` and `what` as `from` and `<a@b>`, `data` and nothing, `connect` and `host=H, addr=IP`. */
  milter(id: string, command: string, what: string, result: string): void {
    const divider = command === 'connect' ? ': ' : '=';
    const about = what === '' ? command : `${command}${divider}${shortened(what)}`;
    this.#say(4, 'info', id, `Milter: ${about}, ${result}`);
  }

  /** `add: header: K: V`, `quarantine=TEXT`, `action=rcpt, reject`. */
  milterAction(id: string, name: string, action: string): void {
    const isEquate = /^(?:quarantine|action|reject)=/.test(action);
    const level = action.startsWith('quarantine=') ? 4 : 9;
    this.#say(
      level,
      'info',
      id,
      isEquate ? `milter=${name}, ${action}` : `Milter (${name}) ${action}`,
    );
  }

  /** Without a name it is about all of them: `initialization failed, temp failing commands`. */
  milterProblem(id: string, name: string, problem: string): void {
    const text = name === '' ? `Milter: ${problem}` : `Milter (${name}): ${problem}`;
    this.#say(1, 'error', id, text);
  }

  // The daemon

  started(version: string, mode: string): void {
    this.#say(0, 'info', '', `starting daemon (${version}): ${mode}`);
  }

  stopped(signal: string): void {
    this.#say(10, 'info', NO_QUEUE, `stopping daemon, reason=${signal}`);
  }

  aliasesRebuilt(
    file: string,
    by: string,
    counts: { aliases: number; longest: number; bytes: number },
  ): void {
    this.#say(8, 'notice', '', `alias database ${file} rebuilt by ${by}`);
    const { aliases, longest, bytes } = counts;
    const text = `${aliases} aliases, longest ${longest} bytes, ${bytes} bytes total`;
    this.#say(8, 'info', '', `${file}: ${text}`);
  }

  lowOnSpace(id: string, folder: string, needed: number, available: number): void {
    const text = `low on space (SMTP-DAEMON needs 0 bytes + ${needed} blocks in ${folder})`;
    this.#say(1, 'alert', id, `${text}, max avail: ${available}`);
  }

  systemError(id: string | null, user: string, text: string): void {
    const what = `SYSERR(${user}): ${text.slice(0, ERROR_TEXT)}`;
    this.#say(1, 'critical', id ?? NO_QUEUE, what);
  }

  /** A null id prints none: where sendmail says NOQUEUE, the text begins with it. */
  note(id: string | null, level: number, text: string): void {
    this.#say(level, 'info', id ?? '', text);
  }

  /** From this LogLevel on. */
  #say(level: number, severity: Severity, id: string, text: string): void {
    if (this.#options.level < level) return;
    const { sink, hostname: host, tag, now } = this.#options;
    const at = now();
    for (const line of splitText(id, escaped(text))) {
      sink.write({ at, severity, host, tag, pid: this.pid, text: line });
    }
  }
}

/** Of the log: what is refused to a client matters more than what another host or a login lacks. */
function levelOfRuleset(ruleset: string): number {
  if (ruleset === 'trust_auth') return 10;
  return ruleset.startsWith('tls_') ? 6 : 4;
}

/** Of the mechanisms that prove a secret without sending it. */
function digestDetail(user: string, isKnown: boolean): string {
  if (user === '') return 'Parse error';
  return isKnown ? 'incorrect digest response' : 'no secret in database';
}
