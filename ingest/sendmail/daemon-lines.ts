/**
 * Lines about the daemon itself: starting and stopping, load, aliases, disk, configuration and system
 * errors, and the dialogue that higher log levels print. Nothing in them counts as mail.
 */
import type { Severity } from '../../src/model/vocabulary.ts';
import type { LineReader } from './event-writer.ts';

interface DaemonText {
  readonly pattern: RegExp;
  readonly what: string;
  readonly severity: Severity;
}

const kind = (pattern: RegExp, what: string, severity: Severity = 'info'): DaemonText => ({
  pattern,
  what,
  severity,
});

const TEXTS: readonly DaemonText[] = [
  kind(/^starting daemon \(/, 'start'),
  kind(/^restarting \S+ (?:due to|on) /, 'restart'),
  kind(/^stopping daemon, /, 'stop'),
  kind(/^alias database \S+ (?:rebuilt|autorebuilt|out of date)/, 'aliases'),
  kind(/^\S+: \d+ aliases, longest \d+ bytes?, \d+ bytes? total/, 'aliases'),
  kind(/^rejecting connections on daemon /, 'refusing connections', 'warning'),
  kind(/^(?:delaying|deferring) connections on daemon /, 'delaying connections', 'warning'),
  kind(/^accepting connections again /, 'accepting connections'),
  kind(/^low on space /, 'low on space', 'error'),
  kind(/^rejecting new messages: /, 'low on space', 'error'),
  kind(/^daemon .*: problem creating SMTP socket/, 'socket', 'critical'),
  kind(/^SYSERR(?:\(|:)/, 'system error', 'error'),
  kind(/^(?:<-- |--- |<<< |>>> |SMTP outgoing connect on |\d+: (?:fl=|\S+=)|SMTP MAIL command |Processed \d)/, 'dialogue', 'debug'),
  kind(/^(?:runqueue: |Aborting queue run|runq: |queue run|grew WorkList|rebuild|Skipping queue run|skipping queue run)/i, 'queue run'),
  kind(/^(?:gethostby\w+|getaddrinfo|getnameinfo|nss_|res_)/, 'name service', 'warning'),
  kind(/^(?:MX list for |config error: |unable to |can(?:not|'t) |error: |File descriptors missing|locking |flock|unsafe |invalid |bad |could not |cannot )/i, 'configuration', 'error'),
  kind(/^(?:Warning: |WARNING: |warning: |NOTICE: |Notice: )/, 'warning', 'warning'),
  kind(/^(?:forward |\S+\/\.forward)/, 'forward', 'warning'),
  kind(/^(?:makeconnection|openmailer|smtpquit|endmailer|putbody|deliver|mailer )/, 'delivery error', 'error'),
  kind(/^(?:locked|unlocked|sync)/, 'queue lock', 'debug'),
  kind(/^(?:inet|ident|IDENT|identd)/, 'ident', 'debug'),
  kind(/^(?:hash map |map |dbm map |\S+ map |bdb: |db: |ldap|Berkeley )/i, 'map', 'error'),
  kind(/^(?:sendmail |Connection rate |authinfo|auth_|safesasl|sasl|SASL)/, 'configuration', 'warning'),
  kind(/^(?:clone |drop privileges|did not drop|setgid|setuid|exec |fork|signal|SIG|got signal|killed by|program unsafe)/i, 'process', 'warning'),
  kind(/^(?:ctladdr=|truncated|return-receipt|unknown host|host name lookup failure|lookup failure)/i, 'name service', 'warning'),
];

const readDaemonText: LineReader = (text, out) => {
  const found = TEXTS.find(({ pattern }) => pattern.test(text));
  if (found === undefined) return false;
  out.daemonEvent(found.what, found.severity, text);
  return true;
};

/** Readers of daemon lines. */
export const DAEMON_READERS: readonly LineReader[] = [readDaemonText];
