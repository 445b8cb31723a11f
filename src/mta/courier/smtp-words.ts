/**
 * What sendmail makes of an SMTP server's replies and of a lost connection: kind, dsn=, stat= and reply= for
 * each phase of a session (usersmtp.c and giveresponse() of sendmail 8.17).
 *
 * The phases differ: a 550 to RCPT is `User unknown`, the same after the message is `Service unavailable`.
 */
import type { Outcome, OutcomeKind } from '../model.ts';
import { enhancedCode, type RemoteReply, replyText } from './reply-reader.ts';
import { systemErrorText } from './sysexits.ts';

/** An outcome without what the connection adds. */
export interface Verdict {
  readonly kind: OutcomeKind;
  readonly dsn: string;
  readonly stat: string;
  readonly reply: string | null;
}

export function outcomeOf(verdict: Verdict, relay: string | null, isDsnPassedOn = false): Outcome {
  return { ...verdict, relay, isDsnPassedOn };
}

export function deferred(dsn: string, why: string, reply: string | null = null): Verdict {
  return { kind: 'deferred', dsn, stat: why === '' ? 'Deferred' : `Deferred: ${why}`, reply };
}

export function failed(dsn: string, stat: string, reply: string | null = null): Verdict {
  return { kind: 'failed', dsn, stat, reply };
}

/** The status a reply stands for where the server gave none. */
const STATUS_OF_CODE: Readonly<Record<number, string>> = {
  450: '4.2.0',
  451: '4.3.0',
  452: '4.3.1',
  500: '5.5.2',
  501: '5.5.4',
  502: '5.5.1',
  503: '5.5.1',
  504: '5.5.4',
  550: '5.2.0',
  551: '5.1.6',
  552: '5.2.2',
  553: '5.1.3',
  554: '5.0.0',
};

function statusOfCode(code: number): string {
  return STATUS_OF_CODE[code] ?? `${Math.floor(code / 100)}.0.0`;
}

/** Of the server's own where it announced that it has some. */
function statusOf(reply: RemoteReply, hasEnhancedCodes: boolean, otherwise: string): string {
  const own = hasEnhancedCodes ? reply.lines.map(enhancedCode).findLast((code) => code !== '') : '';
  return own === undefined || own === '' ? otherwise : own;
}

/** As it stands for a whole session: code and text with one blank, also where the reply goes on. */
function wholeReply(reply: RemoteReply): string {
  const text = reply.first.slice(4);
  const status = enhancedCode(text);
  const rest = status === '' ? text : replyText(reply, true);
  return `${reply.code} ${status === '' ? '' : `${status} `}${rest}`;
}

const isTemporary = (reply: RemoteReply) => reply.code >= 400 && reply.code < 500;
const isPermanent = (reply: RemoteReply) => reply.code >= 500 && reply.code < 600;
export const isPositive = (reply: RemoteReply) => reply.code >= 200 && reply.code < 300;

function protocolError(reply: RemoteReply): Verdict {
  return failed('5.5.1', 'Remote protocol error', wholeReply(reply));
}

/** To the greeting, HELO and LHLO. */
export function openingVerdict(reply: RemoteReply): Verdict {
  return isTemporary(reply) || reply.code < 400
    ? deferred('4.5.0', reply.first, isTemporary(reply) ? wholeReply(reply) : null)
    : failed('5.5.0', 'Service unavailable', wholeReply(reply));
}

/** To MAIL. */
export function mailVerdict(reply: RemoteReply, hasEnhancedCodes: boolean): Verdict {
  const whole = wholeReply(reply);
  const status = (otherwise: string) => statusOf(reply, hasEnhancedCodes, otherwise);
  if (reply.code === 421) return deferred('4.0.0', reply.first, whole);
  if (isTemporary(reply)) return deferred(status(statusOfCode(reply.code)), reply.first, whole);
  if (reply.code === 501) return failed(status('5.5.2'), 'Data format error', whole);
  if (reply.code === 553) return failed(status('5.1.3'), 'Data format error', whole);
  if (reply.code === 552) return failed(status('5.3.4'), 'Service unavailable', whole);
  if (isPermanent(reply)) return failed(status('5.0.0'), 'Service unavailable', whole);
  return protocolError(reply);
}

const NO_USER: Readonly<Record<number, string>> = { 550: '5.1.1', 551: '5.1.6', 553: '5.1.3' };

/** To RCPT; reply= is the line as it came. */
export function rcptVerdict(reply: RemoteReply, hasEnhancedCodes: boolean): Verdict {
  const noUser = NO_USER[reply.code];
  const status = statusOf(reply, hasEnhancedCodes, noUser ?? statusOfCode(reply.code));
  if (isTemporary(reply)) return deferred(status, reply.first, reply.first);
  if (noUser !== undefined) return failed(status, 'User unknown', reply.first);
  if (isPermanent(reply)) return failed(status, 'Service unavailable', reply.first);
  return failed('5.5.1', 'Remote protocol error', reply.first);
}

/** To DATA itself. */
export function dataVerdict(reply: RemoteReply): Verdict {
  const whole = wholeReply(reply);
  if (isTemporary(reply)) return deferred('4.0.0', reply.first, whole);
  if (isPermanent(reply)) return failed('5.0.0', 'Service unavailable', whole);
  return protocolError(reply);
}

/** To the message. */
export function messageVerdict(reply: RemoteReply, hasEnhancedCodes: boolean): Verdict {
  const status = statusOf(reply, hasEnhancedCodes, statusOfCode(reply.code));
  if (isPositive(reply)) {
    const stat = `Sent (${replyText(reply, hasEnhancedCodes)})`;
    return { kind: 'sent', dsn: status, stat, reply: null };
  }
  if (isTemporary(reply)) return deferred(status, reply.first, wholeReply(reply));
  if (isPermanent(reply)) return failed(status, 'Service unavailable', wholeReply(reply));
  return protocolError(reply);
}

/** To the message for one recipient of LMTP: success has no words there, refusal has. */
export function lmtpVerdict(reply: RemoteReply, hasEnhancedCodes: boolean): Verdict {
  const verdict = messageVerdict(reply, hasEnhancedCodes);
  if (verdict.kind === 'sent') return { ...verdict, stat: 'Sent' };
  if (verdict.kind === 'deferred') return verdict;
  const stat = `${verdict.stat} (${replyText(reply, hasEnhancedCodes)})`;
  return { ...verdict, stat, reply: reply.first };
}

/** Errors of the network are told with the host's name first. */
const OF_THE_NETWORK = new Set([
  'ECONNABORTED',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETRESET',
  'ENETUNREACH',
]);

/** `Connection refused by mail.x.example.`; `host` as the log names it. */
export function linkErrorText(code: string, host: string): string {
  if (code === 'ECONNREFUSED') return `Connection refused by ${host}`;
  if (code === 'ETIMEDOUT') return `Connection timed out with ${host}`;
  if (code === 'ECONNRESET') return `Connection reset by ${host}`;
  if (code === 'EHOSTDOWN') return `${host}: Host ${host} is down`;
  const text = systemErrorText(code);
  return OF_THE_NETWORK.has(code) ? `${host}: ${text}` : text;
}
