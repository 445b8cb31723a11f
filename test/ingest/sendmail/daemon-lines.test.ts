/** Lines about the daemon: what they are called and how bad they are. */
import { test } from 'node:test';
import { assertRow } from '../read-lines.ts';

const LINES: readonly (readonly [text: string, what: string, severity: string])[] = [
  ['starting daemon (8.17.1.9): SMTP+queueing@01:00:00', 'start', 'info'],
  ['restarting /usr/libexec/sendmail/sendmail due to signal', 'restart', 'info'],
  ['stopping daemon, reason=signal', 'stop', 'info'],
  ['started as: /usr/sbin/sendmail -L sm-mta -bd -q1h', 'started as', 'debug'],
  ['alias database /etc/mail/aliases rebuilt by root', 'aliases', 'info'],
  ['alias database /etc/mail/aliases autorebuilt by root', 'aliases', 'info'],
  ['/etc/mail/aliases: 27 aliases, longest 83 bytes, 753 bytes total', 'aliases', 'info'],
  [
    'Authentication-Warning: mx1: heidi set sender to ceo@corp.example using -f',
    'authentication warning',
    'info',
  ],
  ['rejecting connections on daemon MTA: load average: 12', 'refusing connections', 'warning'],
  ['rejecting connections on daemon A long: 2 children, max 2', 'refusing connections', 'warning'],
  ['have been rejecting connections on daemon MTA for 01:00:00', 'refusing connections', 'warning'],
  ['accepting connections again for daemon MTA', 'accepting connections', 'info'],
  [
    'low on space (h.example needs 0 bytes + 100 blocks in /var/spool/mqueue), max avail: 10',
    'low on space',
    'error',
  ],
  ['daemon MTA-v4: problem creating SMTP socket', 'socket', 'critical'],
  [
    'SYSERR(root): opendaemonsocket: daemon MTA-v4: cannot bind: Address already in use',
    'system error',
    'error',
  ],
  ['My unqualified host name (ubuntu) unknown; sleeping for retry', 'configuration', 'warning'],
  ['unable to qualify my own domain name (ubuntu) -- using short name', 'configuration', 'warning'],
  ['unable to write pid to /run/x.pid: Permission denied', 'configuration', 'error'],
  ['gethostbyaddr(127.0.0.2) failed: 1', 'name service', 'warning'],
  [
    'Warning: program /usr/sbin/sensible-mda unsafe: No such file or directory',
    'warning',
    'warning',
  ],
  ['bogus queue file, uid=114, gid=126, mode=100660', 'queue file', 'error'],
  [
    'mx.evil.example.: SMTP RCPT protocol error: 250 <a@b>... User unknown',
    'protocol error',
    'warning',
  ],
  ['alias <list@corp.example> => alice, bob', 'alias expansion', 'debug'],
  ['dns 25.113.0.203.bl.example. => 127.0.0.2', 'lookup', 'debug'],
  [
    'runqueue: Flushing queue from /var/spool/mqueue/6AO6 (pri 30000, LA 0, 1 of 1)',
    'queue run',
    'info',
  ],
  ['queueup: locked', 'queue lock', 'debug'],
  [
    'SMTP MAIL command (<a@b>) from h.example [192.0.2.1] tempfailed (due to previous checks)',
    'refused before',
    'debug',
  ],
  ['SMTP outgoing connect on mx1.corp.example', 'outgoing', 'debug'],
  [
    '  5: fl=0x8002, mode=100640: dev=0/45, ino=1, nlink=1, u/gid=0/0, size=10',
    'state dump',
    'debug',
  ],
  ['uid 8: attempt to use "sh -c id" (stat failed)', 'restricted program', 'warning'],
  ['Fixed MIME Content-Type header field (possible attack)', 'header attack', 'warning'],
  ['Saved message in /var/tmp/dead.letter', 'dead letter', 'error'],
];

test('lines about the daemon', () => {
  for (const [text, what, severity] of LINES) {
    assertRow(text, { table: 'daemon_events', what, severity, detail: text.trimStart() }, '');
  }
});
