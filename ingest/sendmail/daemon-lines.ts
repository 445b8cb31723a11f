/**
 * Lines about the daemon itself: starting and stopping, load, aliases, disk, configuration and system
 * errors, and the steps and the dialogue that higher log levels print. Nothing in them counts as mail.
 */
import type { Severity } from '../../src/model/vocabulary.ts';
import type { LineReader } from './event-writer.ts';

interface DaemonText {
  readonly pattern: RegExp;
  readonly what: string;
  readonly severity: Severity;
}

const kind = (what: string, severity: Severity, pattern: RegExp): DaemonText => ({
  pattern,
  what,
  severity,
});

/** What the daemon does and how it is: seen in every log. */
const STATE: readonly DaemonText[] = [
  kind('start', 'info', /^starting daemon \(/),
  kind('restart', 'info', /^restarting .* (?:due to|on) /),
  kind('restart', 'error', /^could not (?:restart: |exec |drop privileges: )/),
  kind('stop', 'info', /^stopping daemon, /),
  kind('aliases', 'info', /^alias database .* (?:rebuilt|autorebuilt|out of date)/),
  kind('aliases', 'info', /^.*: \d+ aliases, longest \d+ bytes?, \d+ bytes? total/),
  kind('aliases', 'error', /^alias database .* name too long$/),
  kind('aliases', 'error', /^aliasing\/forwarding loop broken: /),
  kind('authentication warning', 'info', /^Authentication-Warning: /),
  kind(
    'refusing connections',
    'warning',
    /^(?:rejecting|have been rejecting) connections on daemon /,
  ),
  kind('delaying connections', 'warning', /^(?:delaying|deferring) connections on daemon /),
  kind('delaying connections', 'warning', /^delaying=.*, load average=/),
  kind('accepting connections', 'info', /^accepting (?:connections again |new messages \(again\))/),
  kind('low on space', 'error', /^(?:low on space |rejecting new messages: )/),
  kind('socket', 'critical', /^daemon .*: problem creating SMTP socket/),
  kind(
    'socket',
    'error',
    /^(?:Could not remove (?:daemon .* |control )socket: |daemon could not open control socket )/,
  ),
  kind('access', 'error', /^ERROR: srv_features=tempfail, /),
  kind('system error', 'error', /^SYSERR(?:\(|:)/),
];

/** What delivery met besides the outcome, which its `to=` line tells. */
const DELIVERY: readonly DaemonText[] = [
  kind('protocol error', 'warning', /^\S+: SMTP (?:DATA-\d|MAIL|RCPT) protocol error: /),
  kind(
    'protocol error',
    'warning',
    /^(?:server=.* returned extensions despite HELO|(?:MAIL|RCPT) too long: )/,
  ),
  kind('list', 'warning', /^possible spam from <> to list: /),
  kind(
    'header attack',
    'warning',
    /^(?:Fixed MIME |Truncated (?:long )?MIME ).* \(possible attack\)$/,
  ),
  kind('header attack', 'warning', /^Dropped invalid comments from header address/),
  kind('dead letter', 'error', /^Saved message in /),
  kind(
    'tls policy',
    'warning',
    /^(?:TLSA=|tls_\w+_features=(?:only_one|servername|unknown|invalid|\S+, error=)|rscheck\(tls_)/,
  ),
  kind('tls', 'debug', /^(?:tls_\w+_features=|engine=.*(?:loaded=ok|initialized=\d+)$|STARTTLS)/),
  kind('tls error', 'error', /^engine=/),
  kind(
    'delivery error',
    'warning',
    /^(?:clt_features=TEMPFAIL|Timeout\.to_aconnect |hostsignature for host )/,
  ),
  kind('delivery error', 'error', /^(?:openmailer|smtpquit|endmailer|putbody|deliver|mailer )/),
  kind('delivery error', 'debug', /^makeconnection \(/),
  kind('delivery error', 'error', /^makeconnection/),
  kind(
    'name service',
    'warning',
    /^(?:gethostby\w+|getaddrinfo|getnameinfo|nss_|res_|ERROR: (?:DNS|bin2hex|hex2bin))/,
  ),
  kind('name service', 'warning', /^(?:truncated|unknown host|(?:host name )?lookup failure)/i),
  kind('forward', 'warning', /^(?:forward|include) .*: transient error: /),
  kind(
    'forward',
    'warning',
    /^.*: (?:(?:world|group) writable .* file|unsafe directory path|user .* has bad shell .*), marked (?:unsafe|bogus)$/,
  ),
  kind('alias expansion', 'debug', /^(?:alias|forward|expand|hesiod) .* => /),
  kind('forward', 'warning', /^(?:forward |\S+\/\.forward)/),
];

/** Queue runs and queue files. */
const QUEUE: readonly DaemonText[] = [
  kind('queue', 'error', /^(?:returntosender: |sync_dir: cannot|filesys_update failed: )/),
  kind('queue run', 'debug', /^runqueue .*(?:, pid=\d+, forkflag=|dowork\()/),
  kind(
    'queue run',
    'info',
    /^(?:runqueue: |Aborting queue run|runq: |queue run|grew WorkList|skipping queue run)/i,
  ),
  kind(
    'queue run',
    'error',
    /^(?:FAILED to grow WorkList|WorkList for .* maxed out|checkqueuerunner: )/,
  ),
  kind('queue runner', 'info', /^(?:persistent queue runner=\d+, exited|restart queue runner=)/),
  kind(
    'queue runner',
    'error',
    /^(?:persistent queue runner|queue control process: |ERROR: persistent queue runner)/,
  ),
  kind(
    'queue file',
    'error',
    /^(?:bogus queue file, |queueup: (?:cannot |unlink\()|dup_df: |gatherq: |quarantine_queue_item: |dferror: )/,
  ),
  kind(
    'queue lock',
    'debug',
    /^(?:queueup|locked|unlocked|unlock|sync_dir: |assigned id$|changed$|dowork|too young \()/,
  ),
  kind(
    'permissions',
    'warning',
    /^(?:dangerous permissions=|queue directory ".*": Not safe|.*: WARNING: dangerous write permissions)/,
  ),
  kind(
    'permissions',
    'warning',
    /^(?:ownership change on |no fchown\(\): |user \d+ (?:attempted to |changed syslog label))/,
  ),
  kind(
    'shared memory',
    'error',
    /^(?:sm_shmstop failed|shared memory does not|func=init_sem, |key=\d+, sm_)/,
  ),
];

/** What is wrong with the configuration or the system. */
const TROUBLE: readonly DaemonText[] = [
  kind('auth', 'debug', /^error: safesasl\(.*\) failed: No such file or directory$/),
  kind('helo', 'debug', /^invalid domain name \(.*\) from /),
  kind('map', 'debug', /^(?:queue group name .* -> |can't find queue group name )/),
  kind(
    'configuration',
    'warning',
    /^(?:My unqualified host name |unable to qualify my own domain name )/,
  ),
  kind(
    'configuration',
    'error',
    /^(?:MX list for |config error: |unable to |can(?:not|'t) |error: |could not )/i,
  ),
  kind(
    'configuration',
    'error',
    /^(?:File descriptors missing|locking |flock|unsafe |invalid |bad |rewrite: |usershellok: )/i,
  ),
  kind(
    'configuration',
    'error',
    /^(?:Unsupported address family |daemon (?:process |invoked )|getmodifiers |.* too old \(require version)/,
  ),
  kind(
    'configuration',
    'warning',
    /^(?:sendmail |Connection rate |authinfo|auth_|safesasl|sasl|srvfeatures: |smtps: |proxy mode )/i,
  ),
  kind('warning', 'warning', /^(?:Warning|NOTICE): /i),
  kind(
    'map',
    'warning',
    /^(?:timeout (?:connecting to|during) (?:LDAP|PH) |.*: lookup error, expected 1 entry|deferred: udbexpand: )/,
  ),
  kind(
    'map',
    'error',
    /^(?:\S+ map |map |bdb: |db: |ldap(?! ?=)|Berkeley |db_?open\(|arith_map: |ph_map_open: )/i,
  ),
  kind(
    'host status',
    'error',
    /^(?:.*: line \d+: Unknown host status line |mci_purge_persistent: )/,
  ),
  kind('statistics', 'warning', /^poststats: /),
  kind('control', 'warning', /^timeout waiting for input during control command/),
  kind(
    'process',
    'warning',
    /^(?:drop privileges|did not drop|setgid|setuid|exec |fork|signal|got signal|killed by|program unsafe|fcntl\()/i,
  ),
  kind('process', 'error', /^(?:disconnect: |str_union: |proc_list_probe: |ERROR=ARGS_)/),
  kind('ident', 'debug', /^(?:inet|identd?)/i),
  kind('restricted program', 'warning', /^uid \d+: attempt to use /),
];

/** Steps on the way, from LogLevel 10 on, and what a debugging daemon tells of itself. */
const STEPS: readonly DaemonText[] = [
  kind('started as', 'debug', /^started as: /),
  kind('lookup', 'debug', /^(?:dns .* => |ldap=|socket_map_lookup\(|ph_map_(?:recv|send)_debug: )/),
  kind(
    'refused before',
    'debug',
    /^SMTP \S+ command \(.*\) from .* tempfailed \(due to previous checks\)$/,
  ),
  kind('outgoing', 'debug', /^(?:SMTP outgoing connect on |mci_(?:un)?cache: |MCI@)/),
  kind(
    'limits',
    'debug',
    /^(?:conn_limits: |connection_rate_check |global connection rate: |total: cnt=|stat=occ_exceeded, )/,
  ),
  kind(
    'trace',
    'debug',
    /^(?:sendenvelope, |dropenvelope, |finis, pid=|interrupt$|disconnect level |in background, |doworklist)/,
  ),
  kind(
    'trace',
    'debug',
    /^(?:smtp: doublequeue|set automode |rcpt=.*, rcpt_flags=|queue manager: |x-connect|main: where=)/,
  ),
  kind(
    'trace',
    'debug',
    /^(?:rq|rqe|rwg|sqr|stab): |^Adding .* to stab, path: |^Processed |^getauth |^.*; e_timers=/,
  ),
  kind(
    'state dump',
    'debug',
    /^\s*\d+: fl=0x|^\*{3} |^-{3} .* -{3}$|^(?:CurChildren|NextMacroId) = |^\S.*: changed fds:$/,
  ),
  kind('files', 'debug', /^(?:unlink |.*: unlink-fail )/),
  kind('return receipt', 'info', /^return-receipt/i),
];

const TEXTS: readonly DaemonText[] = [...STATE, ...DELIVERY, ...QUEUE, ...TROUBLE, ...STEPS];

const readDaemonText: LineReader = (text, out) => {
  const found = TEXTS.find(({ pattern }) => pattern.test(text));
  if (found === undefined) return false;
  out.daemonEvent(found.what, found.severity, text);
  return true;
};

/** `<-- RCPT TO:<a@b>`, `--- 550 5.1.1 <a@b>... User unknown`: LogLevel 15, both sides word for word. */
const readDialogue: LineReader = (text, out) => {
  if (!/^(?:<-- |--- (?:\d{3}[ -]|.*\(held\)$)|<<< |>>> )/s.test(text)) return false;
  out.daemonEvent('dialogue', 'debug', text);
  return true;
};

/** Readers of daemon lines. */
export const DAEMON_READERS: readonly LineReader[] = [readDaemonText];

/** To be tried before all others: what was said must not be read as what was done. */
export const DIALOGUE_READERS: readonly LineReader[] = [readDialogue];
