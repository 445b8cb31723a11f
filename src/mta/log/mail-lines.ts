/**
 * The texts of from= and to= lines (sendmail 8.17 envelope.c, logsender; deliver.c, logdelivery): equates in
 * their order, cuts as sendmail makes them. Escaping comes later, as it does there.
 */
import type { Attempt, Envelope } from '../model.ts';
import type { FromEvent, RulesetEvent, ToEvent } from './mta-log.ts';
import {
  betweenSeconds,
  controllingText,
  intervalText,
  nonNegative,
  shortened,
  shortenedHost,
} from './text.ts';

const SENDER = 200;
const MESSAGE_ID = 100;
const WORD = 20;
const FROM_EQUATES = 850;
const DSN = 10;
const QUARANTINE = 40;
/** SYSLOG_BUFSIZE less what sendmail keeps for the header of the line. */
const TO_ROOM = 924;
/** As long as any line sendmail can make (MAXLINE). */
const MOST_TEXT = 2048;

export function fromText(event: FromEvent): string {
  const equates = [
    `from=${event.senderShown.slice(0, SENDER)}`,
    `size=${nonNegative(event.size)}`,
    `class=${event.class}`,
    `nrcpts=${event.nrcpts}`,
    ...optional('msgid', event.messageId?.replaceAll('\n', ' '), MESSAGE_ID),
    ...optional('bodytype', event.bodyType, WORD),
    ...optional('proto', event.protocol, WORD),
    ...optional('daemon', event.daemon, WORD),
  ];
  return `${equates.join(', ').slice(0, FROM_EQUATES)}, relay=${event.relay}`;
}

function optional(name: string, value: string | null | undefined, limit: number): string[] {
  return value === null || value === undefined ? [] : [`${name}=${value.slice(0, limit)}`];
}

/** One line, or several that end in `[more]` but for the last. */
export function toTexts(event: ToEvent): readonly string[] {
  const equates = toEquates(event);
  const room = Math.max(0, TO_ROOM - equates.length);
  const texts: string[] = [];
  let rest = event.recipients.length === 0 ? 'NO-TO-LIST' : event.recipients.join(',');
  while (rest.length >= room) {
    const comma = rest.lastIndexOf(',', room);
    if (comma <= 0) break;
    texts.push(`to=${rest.slice(0, comma + 1)} [more]${equates}`);
    rest = rest.slice(comma + 1);
  }
  texts.push(`to=${rest.slice(0, room)}${equates}`);
  return texts;
}

function toEquates(event: ToEvent): string {
  const equates = [
    '',
    ...(event.controllingUser === null ? [] : [`ctladdr=${event.controllingUser}`]),
    `delay=${intervalText(event.delay)}`,
    ...(event.xdelay === null ? [] : [`xdelay=${intervalText(event.xdelay)}`]),
    ...(event.mailer === null ? [] : [`mailer=${event.mailer}`]),
    `pri=${nonNegative(event.priority)}`,
    ...relayEquate(event),
    ...(event.dsn === '' ? [] : [`dsn=${shortened(event.dsn, DSN)}`]),
    ...(event.reply === null ? [] : [`reply=${shortened(event.reply)}`]),
    `stat=${shortened(event.stat)}`,
  ];
  return equates.join(', ');
}

function relayEquate({ relay, quarantine }: ToEvent): string[] {
  if (relay !== null && relay !== '') return [`relay=${shortenedHost(relay)}`];
  return quarantine === undefined ? [] : [`quarantine=${shortened(quarantine, QUARANTINE)}`];
}

/** What one attempt of a mailer is in the log. */
export function eventOfAttempt(envelope: Envelope, attempt: Attempt, priority: number): ToEvent {
  const { recipients, outcome, startedAt, endedAt } = attempt;
  const [first] = recipients;
  const user = first?.controllingUser ?? envelope.senderUser;
  return {
    id: envelope.id,
    recipients: recipients.map(({ shown }) => shown),
    controllingUser: user === null ? null : controllingText(user),
    delay: betweenSeconds(envelope.arrivedAt, endedAt),
    xdelay: betweenSeconds(startedAt, endedAt),
    mailer: first?.destination.mailer ?? null,
    priority,
    relay: outcome.relay,
    dsn: outcome.dsn,
    reply: outcome.reply,
    stat: outcome.stat,
  };
}

/** The log level from which on a to= line is written: failures first, then successes, then the rest. */
export function levelOfTo(event: ToEvent): number {
  if (/^(?:discarded|aborted by sender)$/.test(event.stat)) return 10;
  if (event.mailer === null) return 9;
  if (/^Sent\b/.test(event.stat)) return 8;
  return /^(?:Deferred|queued$|quarantined$)/.test(event.stat) ? 9 : 7;
}

export function rulesetText(event: RulesetEvent): string {
  const { ruleset, arg1, arg2, relay, result } = event;
  const second = arg2 === undefined ? '' : `, arg2=${arg2}`;
  const head = `ruleset=${ruleset}, arg1=${arg1}${second}, relay=${relay}`;
  if (result.kind === 'discard') return `${head}, discard`.slice(0, MOST_TEXT);
  if (result.kind === 'quarantine') {
    return `${head}, quarantine=${result.text}`.slice(0, MOST_TEXT);
  }
  const { code, status, text } = result.reply;
  const reply = [String(code), status, text].filter((part) => part !== '').join(' ');
  return `${head}, reject=${reply}`.slice(0, MOST_TEXT);
}
