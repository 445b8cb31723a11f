/**
 * The closed sets of words that maillog's rows are made of. A label column holds one of these; their
 * order is their code on the wire between parser and store, so a new word goes to the end.
 *
 * Names follow the field: RFC 5321 (envelope), RFC 3463 (DSN), sendmail's op.me, Postfix's log.
 */

export const MTAS = ['sendmail', 'postfix', 'exim', 'opensmtpd', 'dovecot'] as const;
export type Mta = (typeof MTAS)[number];

export function isMta(word: string): word is Mta {
  return (MTAS as readonly string[]).includes(word);
}

/** What became of one recipient in one attempt. */
export const DELIVERY_STATUSES = [
  'sent',
  'relayed',
  'queued',
  'deferred',
  'bounced',
  'expired',
  'discarded',
  'quarantined',
] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** The SMTP stage at which we refused something. */
export const REJECTION_STAGES = [
  'connect',
  'helo',
  'mail',
  'rcpt',
  'data',
  'content',
  'auth',
  'other',
] as const;
export type RejectionStage = (typeof REJECTION_STAGES)[number];

export const REJECTION_ACTIONS = [
  'reject',
  'tempfail',
  'discard',
  'quarantine',
  'hold',
  'warn',
] as const;
export type RejectionAction = (typeof REJECTION_ACTIONS)[number];

/** `recipient`: one refused command; `message`: the whole message, possibly told again per recipient. */
export const REJECTION_EXTENTS = ['recipient', 'message'] as const;

export const AUTH_SERVICES = ['smtp', 'imap', 'pop3', 'managesieve', 'other'] as const;
export const AUTH_OUTCOMES = ['ok', 'failed'] as const;
export const TLS_SIDES = ['server', 'client'] as const;
export const ANSWERS = ['no', 'yes'] as const;

export const CONNECTION_EVENTS = [
  'connect',
  'disconnect',
  'lost_input',
  'timeout',
  'no_mail',
  'pregreet',
  'flood',
  'rate_limit',
  'probe',
  'attack',
] as const;
export type ConnectionEvent = (typeof CONNECTION_EVENTS)[number];

export const QUEUE_EVENTS = [
  'removed',
  'expired',
  'dsn',
  'return_to_sender',
  'postmaster_notify',
  'sender_notify',
  'clone',
  'split',
  'held',
  'cancelled',
] as const;
export type QueueEvent = (typeof QUEUE_EVENTS)[number];

export const SEVERITIES = ['debug', 'info', 'warning', 'error', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What became of a line: the ledger's columns, `read` being their sum. */
export const LINE_OUTCOMES = [
  'parsed',
  'foreign',
  'unsupported',
  'malformed',
  'duplicate',
] as const;
export type LineOutcome = (typeof LINE_OUTCOMES)[number];

/** Why a delivery failed or waits, in the words of the field (KumoMTA's list). */
export const BOUNCE_CLASSES = [
  'InvalidRecipient',
  'BadDomain',
  'InactiveMailbox',
  'InvalidSender',
  'QuotaIssues',
  'NoAnswerFromHost',
  'BadConnection',
  'DNSFailure',
  'RoutingErrors',
  'TransientFailure',
  'MessageExpired',
  'ProtocolErrors',
  'AuthenticationFailed',
  'PolicyRelated',
  'SpamBlock',
  'SpamContent',
  'VirusBlock',
  'TooManyRecipients',
  'RelayDenied',
  'Uncategorized',
] as const;
export type BounceClass = (typeof BOUNCE_CLASSES)[number];
