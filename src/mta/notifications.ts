/**
 * From what the delivery engine knows of a message's fate to sendmail's notification of it (`dsn/`): who is told of
 * whom, and the lines of the transcript, made of outcomes.
 */
import type {
  NotificationBuilder,
  NotificationRequest,
  RecipientReport,
} from './delivery/notification.ts';
import { isSmtp } from './delivery/send-order.ts';
import { buildNotification, exitStatus } from './dsn/build-notification.ts';
import type { Notification, ReportedRecipient, ReportKind } from './dsn/notification.ts';
import {
  deliveredLine,
  givenUpLines,
  outcomeLine,
  relayedLine,
  resultLine,
  stillTryingLines,
  talkingTo,
  theySaid,
  weSaid,
} from './dsn/transcript.ts';
import type { Envelope, Reply } from './model.ts';

export interface NotificationSettings {
  readonly hostname: string;
  readonly version: string;
  /** IANA name. */
  readonly zone: string;
  /** Milliseconds: Timeout.queuewarn and Timeout.queuereturn. */
  readonly warnAfter: number;
  readonly returnAfter: number;
}

export function notificationBuilder(settings: NotificationSettings): NotificationBuilder {
  return { build: (request) => buildNotification(notificationOf(request, settings)) };
}

function notificationOf(
  request: NotificationRequest,
  settings: NotificationSettings,
): Notification {
  const { id, now, envelope, to, text } = request;
  const { headers, body } = split(request);
  return {
    kind: kindOf(request),
    id,
    at: now,
    zone: settings.zone,
    host: settings.hostname,
    version: settings.version,
    to: [to],
    // sendmail gives its own users' mail no domain.
    ...(request.isToLocal === true ? { daemonAddress: 'MAILER-DAEMON' } : {}),
    warning: text,
    original: {
      id: envelope.id,
      arrivedAt: envelope.arrivedAt,
      senderShown: returnPathOf(envelope),
      client: envelope.client,
      envid: envelope.envid,
      headers,
      body,
    },
    recipients: recipientsOf(request),
    transcript: transcriptOf(request, settings),
    retryUntil: request.delayed.find(({ retryUntil }) => retryUntil !== null)?.retryUntil ?? null,
  };
}

function returnPathOf({ isBounce, senderShown }: Envelope): string {
  if (isBounce) return '<MAILER-DAEMON>';
  return senderShown.includes('<') ? senderShown : `<${senderShown}>`;
}

function kindOf({ kind, failures, delayed, problems }: NotificationRequest): ReportKind {
  if (kind === 'postmaster notify' || kind === 'return to sender') return 'postmaster';
  if (failures.length > 0 || problems.length > 0) return 'failure';
  return delayed.length > 0 ? 'warning' : 'success';
}

/** Header and body; the body only where it goes back. */
function split({ original, isWholeOriginal }: NotificationRequest): {
  readonly headers: Buffer;
  readonly body: Buffer | null;
} {
  const end = original.indexOf('\n\n');
  if (end < 0) return { headers: original, body: isWholeOriginal ? Buffer.alloc(0) : null };
  const headers = original.subarray(0, end + 1);
  return { headers, body: isWholeOriginal ? original.subarray(end + 2) : null };
}

function recipientsOf(request: NotificationRequest): readonly ReportedRecipient[] {
  const { failures, delayed, successes, problems, now } = request;
  const known = [...failures, ...delayed, ...successes].map((report) => reported(report, now));
  const unknown = problems.map(({ origin, reply }) => ofProblem(request, origin, reply));
  return [...known, ...unknown];
}

/** A list that cannot be read is named itself; a loop is told of the address that led into it. */
function ofProblem(
  { envelope, now }: NotificationRequest,
  origin: string,
  { status, text }: Reply,
): ReportedRecipient {
  const named = envelope.recipients.find(({ address }) => address === origin);
  const [, list = '', path = ''] = /^(:include:(.*?))\.\.\. /.exec(text) ?? [];
  const shown = named?.shown ?? `<${origin}>`;
  const local = list === '' ? bare(origin).split('@')[0] : path;
  return {
    action: 'failed',
    shown: list === '' ? shown : list,
    expandedFrom: list === '' ? null : shown,
    origin: bare(origin),
    destination: { mailer: 'local', host: '', user: local ?? '' },
    orcpt: null,
    status,
    remoteMta: null,
    diagnostic: null,
    attemptedAt: now,
  };
}

function reported(report: RecipientReport, now: number): ReportedRecipient {
  const { recipient, action, outcome, triedAt } = report;
  const { shown, origin, destination, orcpt } = recipient;
  const isNamed = bare(shown).toLowerCase() === bare(origin).toLowerCase();
  return {
    action,
    shown,
    expandedFrom: isNamed ? null : `<${bare(origin)}>`,
    origin: bare(origin),
    destination,
    orcpt,
    // What was given up has failed for its age (RFC 3463 4.7).
    status: isGivenUp(report) ? '4.4.7' : statusOf(report),
    remoteMta: isSmtp(destination.mailer) ? hostOf(outcome?.relay ?? null) : null,
    diagnostic: outcome?.reply ?? exitStatusOf(report),
    attemptedAt: triedAt ?? now,
  };
}

const UNKNOWN_STATUS = /^unknown mailer error (\d+)$/;

function statusOf({ action, outcome, recipient }: RecipientReport): string {
  if (action === 'delivered' && recipient.destination.mailer === 'local') return '2.1.5';
  return UNKNOWN_STATUS.test(outcome?.stat ?? '') ? '' : (outcome?.dsn ?? '');
}

/** Programs answer with a number. */
function exitStatusOf({ outcome, recipient }: RecipientReport): string | null {
  if (outcome?.kind !== 'failed' || isSmtp(recipient.destination.mailer)) return null;
  return UNKNOWN_STATUS.exec(outcome.stat)?.[1] ?? exitStatus(outcome.stat);
}

function isGivenUp({ action, outcome }: RecipientReport): boolean {
  return action === 'failed' && outcome?.kind !== 'failed';
}

function transcriptOf(request: NotificationRequest, settings: NotificationSettings): string[] {
  const { failures, delayed, successes, problems, dialogue = [] } = request;
  const isHeard = ({ recipient, outcome }: RecipientReport) =>
    dialogue.length > 0 &&
    (isSmtp(recipient.destination.mailer) ||
      (outcome !== null && dialogue.includes(outcomeLine([recipient.shown], outcome) ?? '')));
  const unheard = [...failures, ...delayed].filter((report) => !isHeard(report));
  const lines = [
    ...unheard.flatMap(failureLines),
    ...dialogue,
    ...problems.map(({ reply }) => resultLine(reply.code, reply.status, [], reply.text)),
    ...successes.map(({ recipient, action }) =>
      action === 'relayed' ? relayedLine(recipient.shown) : deliveredLine(recipient.shown),
    ),
  ];
  if (failures.some(isGivenUp)) {
    lines.push(...givenUpLines(seconds(settings.returnAfter)));
  }
  if (kindOf(request) === 'warning') {
    const { warnAfter, returnAfter } = settings;
    lines.push(...stillTryingLines(seconds(warnAfter), seconds(returnAfter)));
  }
  return lines;
}

const seconds = (ms: number): number => Math.floor(ms / 1000);

function failureLines({ recipient, outcome }: RecipientReport): readonly string[] {
  if (outcome === null || outcome.stat === 'Too many hops') return [];
  const host = isSmtp(recipient.destination.mailer) ? hostOf(outcome.relay) : null;
  const { shown } = recipient;
  const dialogue =
    host === null || outcome.reply === null
      ? []
      : [
          talkingTo(host),
          weSaid(`RCPT To:<${bare(recipient.destination.user)}>`),
          theySaid(outcome.reply),
        ];
  return [...dialogue, outcomeLine([shown], outcome) ?? ''];
}

/** `mail.partner.example.` of `mail.partner.example. [198.51.100.10]`. */
function hostOf(relay: string | null): string | null {
  return relay?.split(' ')[0] ?? null;
}

function bare(shown: string): string {
  return shown.replace(/^<(.*)>$/s, '$1');
}
