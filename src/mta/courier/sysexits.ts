/**
 * What a program's exit means for a message, in sendmail's words: the codes of sysexits.h, and all others.
 *
 * Each code has the status and the text that sendmail logs as dsn= and stat=; those that may pass when tried
 * again keep the message in the queue.
 */
import type { Outcome } from '../model.ts';

interface ExitMeaning {
  readonly dsn: string;
  readonly text: string;
  readonly isTemporary?: true;
}

export const EX_OK = 0;
export const EX_NOUSER = 67;
export const EX_UNAVAILABLE = 69;
export const EX_CANTCREAT = 73;
export const EX_TEMPFAIL = 75;

const MEANINGS: ReadonlyMap<number, ExitMeaning> = new Map<number, ExitMeaning>([
  [64, { dsn: '5.0.0', text: 'Bad usage' }],
  [65, { dsn: '5.6.0', text: 'Data format error' }],
  [66, { dsn: '5.3.0', text: 'Cannot open input' }],
  [EX_NOUSER, { dsn: '5.1.1', text: 'User unknown' }],
  [68, { dsn: '5.1.2', text: 'Host unknown' }],
  [EX_UNAVAILABLE, { dsn: '5.0.0', text: 'Service unavailable' }],
  [70, { dsn: '5.3.0', text: 'Internal error' }],
  [71, { dsn: '4.0.0', text: 'Operating system error', isTemporary: true }],
  [72, { dsn: '5.3.5', text: 'System file missing' }],
  [EX_CANTCREAT, { dsn: '5.0.0', text: "Can't create output" }],
  [74, { dsn: '4.0.0', text: 'I/O error', isTemporary: true }],
  [EX_TEMPFAIL, { dsn: '4.0.0', text: 'Deferred', isTemporary: true }],
  [76, { dsn: '5.5.0', text: 'Remote protocol error' }],
  [77, { dsn: '5.0.0', text: 'Insufficient permission' }],
  [78, { dsn: '5.3.5', text: 'Local configuration error' }],
]);

export const SENT: Outcome = Object.freeze({
  kind: 'sent',
  dsn: '2.0.0',
  stat: 'Sent',
  reply: null,
  relay: null,
  isDsnPassedOn: false,
});

/** `why` is told after `Deferred: `. */
export function exitOutcome(code: number, why = ''): Outcome {
  if (code === EX_OK) return SENT;
  const { dsn, text, isTemporary } = MEANINGS.get(code) ?? {
    dsn: '5.3.0',
    text: `unknown mailer error ${code}`,
  };
  const stat = code === EX_TEMPFAIL && why !== '' ? `${text}: ${why}` : text;
  return { ...SENT, kind: isTemporary ? 'deferred' : 'failed', dsn, stat };
}

/** A delivery on this machine that may go well later: the reason is told, as a mailer would have told it. */
export function deferredOutcome(dsn: string, why: string): Outcome {
  return { ...SENT, kind: 'deferred', dsn, stat: `Deferred: ${why}` };
}

/** In the C library's words, which the log has; Node's own are others. */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EBUSY: 'Device or resource busy',
  ECONNABORTED: 'Software caused connection abort',
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EDQUOT: 'Disk quota exceeded',
  EEXIST: 'File exists',
  EFBIG: 'File too large',
  EHOSTDOWN: 'Host is down',
  EHOSTUNREACH: 'No route to host',
  EIO: 'Input/output error',
  EISDIR: 'Is a directory',
  ELOOP: 'Too many levels of symbolic links',
  EMFILE: 'Too many open files',
  ENAMETOOLONG: 'File name too long',
  ENETDOWN: 'Network is down',
  ENETUNREACH: 'Network is unreachable',
  ENFILE: 'Too many open files in system',
  ENOENT: 'No such file or directory',
  ENOMEM: 'Cannot allocate memory',
  ENOSPC: 'No space left on device',
  ENOTDIR: 'Not a directory',
  ENXIO: 'No such device or address',
  EPERM: 'Operation not permitted',
  EPIPE: 'Broken pipe',
  EROFS: 'Read-only file system',
  ETIMEDOUT: 'Connection timed out',
  ETXTBSY: 'Text file busy',
};

export function systemErrorText(code: string): string {
  return SYSTEM_ERRORS[code] ?? `Unknown error ${code}`;
}

/** The code of a failed system call, `EIO` for an error that has none. */
export function errorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'EIO';
}

const TRANSIENT = new Set([
  'EAGAIN',
  'EBUSY',
  'EDQUOT',
  'EINTR',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'ENOSPC',
  'EROFS',
  'ETIMEDOUT',
  'ETXTBSY',
]);

/** Whether the same call may go well later. */
export function isTransientError(code: string): boolean {
  return TRANSIENT.has(code);
}
