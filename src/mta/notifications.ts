/**
 * From what the delivery engine knows of a message's fate to sendmail's notification of it (`dsn/`): who is told of
 * whom, and the lines of the transcript, made of outcomes.
 */
import type {
  NotificationBuilder,
  NotificationRequest,
  RecipientReport,
} from './delivery/notification.ts';
import { buildNotification } from './dsn/build-notification.ts';
import type { Notification, ReportedRecipient, ReportKind } from './dsn/notification.ts';
import {
  deferredLine,
  deliveredLine,
  givenUpLines,
  resultLine,
  stillTryingLines,
  talkingTo,
  theySaid,
  weSaid,
} from './dsn/transcript.ts';

export interface NotificationSettings {
  readonly hostname: string;
  readonly version: string;
  /** IANA name. */
  readonly zone: string;
  /** Milliseconds: Timeout.queuereturn. */
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
    warning: text,
    original: {
      id: envelope.id,
      arrivedAt: envelope.arrivedAt,
      senderShown: envelope.senderShown,
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
  const unknown = problems.map(
    ({ origin, reply }): ReportedRecipient => ({
      action: 'failed',
      shown: origin,
      expandedFrom: null,
      origin: bare(origin),
      destination: null,
      orcpt: null,
      status: reply.status,
      remoteMta: null,
      diagnostic: null,
      attemptedAt: now,
    }),
  );
  return [...known, ...unknown];
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
    status: outcome?.dsn ?? '',
    remoteMta: outcome?.relay === null ? null : hostOf(outcome?.relay ?? null),
    diagnostic: outcome?.reply ?? null,
    attemptedAt: triedAt ?? now,
  };
}

function transcriptOf(request: NotificationRequest, settings: NotificationSettings): string[] {
  const { failures, delayed, successes, problems, envelope, now } = request;
  const waited = Math.floor((now - envelope.arrivedAt) / 1000);
  const lines = [
    ...failures.flatMap(failureLines),
    ...delayed.flatMap((report) => failureLines(report)),
    ...problems.map(({ origin, reply }) =>
      resultLine(reply.code, reply.status, origin === '' ? [] : [origin], reply.text),
    ),
    ...successes.map(({ recipient }) => deliveredLine(recipient.shown)),
  ];
  if (failures.some(({ outcome }) => outcome === null || outcome.kind === 'deferred')) {
    lines.push(...givenUpLines(waited));
  }
  if (kindOf(request) === 'warning') {
    lines.push(...stillTryingLines(waited, Math.floor(settings.returnAfter / 1000)));
  }
  return lines;
}

function failureLines({ recipient, outcome }: RecipientReport): readonly string[] {
  if (outcome === null) return [];
  const host = hostOf(outcome.relay);
  const { shown } = recipient;
  const dialogue =
    host === null || outcome.reply === null
      ? []
      : [
          talkingTo(host),
          weSaid(`RCPT To:<${bare(recipient.destination.user)}>`),
          theySaid(outcome.reply),
        ];
  if (outcome.kind === 'deferred') return [...dialogue, deferredLine([shown], outcome.stat)];
  const code = Number(/^[45]\d\d/.exec(outcome.reply ?? '')?.[0] ?? 550);
  return [...dialogue, resultLine(code, outcome.dsn, [shown], outcome.stat)];
}

/** `mail.partner.example.` of `mail.partner.example. [198.51.100.10]`. */
function hostOf(relay: string | null): string | null {
  return relay?.split(' ')[0] ?? null;
}

function bare(shown: string): string {
  return shown.replace(/^<(.*)>$/s, '$1');
}
