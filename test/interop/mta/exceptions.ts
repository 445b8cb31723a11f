/**
 * What may differ between sendmail's play and ours, and why: all of it. docs/mta.md has the same table, and a test
 * holds them equal.
 */
import type { Mask, Part } from '../../support/mta-lab/normal-form.ts';

export interface Exception {
  readonly what: string;
  readonly why: string;
  /** In these scenarios only; absent: in all. */
  readonly scenarios?: readonly string[];
  readonly mask: Mask;
}

/** Lines of a part that do not count. */
const without =
  (parts: readonly Part[], pattern: RegExp): Mask =>
  (line, part) =>
    parts.includes(part) && pattern.test(line) ? null : line;

const MESSAGES: readonly Part[] = ['mailboxes', 'rest'];

export const EXCEPTIONS: readonly Exception[] = [
  {
    what: 'The mechanisms behind `250-AUTH`',
    why: 'Cyrus SASL offers DIGEST-MD5, which RFC 6331 gave up; ours does not',
    mask: without(['transcripts'], /^S: 250[- ]AUTH/),
  },
  {
    what: 'Log lines about the alias database, the pid file, libraries and filters that are not there',
    why: 'ours has no such database, file or library',
    mask: without(
      ['log'],
      /alias database|\d+ aliases, longest|unable to write pid|engine=\(null\)|safesasl\(|AUTH: available mech=|STARTTLS: ServerCertFile missing|started as: |Milter: no active filter|SMTP outgoing connect on /,
    ),
  },
  {
    what: '`ct` in `sendmail.st`: connections to other hosts',
    why: 'sendmail may send several messages over one connection; ours makes one for each message',
    mask: without(['statistics'], /^connections to /),
  },
  {
    what: '`cf` in `sendmail.st` after ETRN: connections from clients',
    why: 'the process that sendmail starts for ETRN counts the connection once more',
    scenarios: ['commands'],
    mask: without(['statistics'], /^connections from /),
  },
  {
    what: 'An address with bytes beyond ASCII, without SMTPUTF8, and the control character in `a?b`',
    why: 'sendmail drops the eighth bit or the domain before it refuses them; ours refuses the address as it is',
    scenarios: ['addresses'],
    mask: (line) =>
      /<i@corp\.example>\.\.\. User unknown|8-bit character in mailbox|"a\?b(?:@corp\.example)?"/.test(
        line,
      )
        ? null
        : line,
  },
  {
    what: '`Received-From-MTA:` in a notification',
    why: 'after a queue run sendmail names `localhost`, and the last client for a bounce that bounced; ours names the host the message came from (RFC 3464, 2.2.3)',
    mask: without(MESSAGES, /^Received-From-MTA: /),
  },
  {
    what: '`Diagnostic-Code:` of a success, and `Message delivered to mailing list` in a transcript',
    why: 'they tell the sender nothing that the rest does not',
    mask: without(MESSAGES, /^Diagnostic-Code: SMTP; 2|^Message delivered to mailing list /),
  },
  {
    what: '`From:` in the header of a bounce that is itself sent back',
    why: 'ours has its domain (RFC 5322, 3.4) as it was sent',
    mask: (line, part) =>
      MESSAGES.includes(part)
        ? line.replace('<MAILER-DAEMON@mx1.corp.example>', '<MAILER-DAEMON>')
        : line,
  },
];

export function masksFor(scenario: string): readonly Mask[] {
  return EXCEPTIONS.filter(({ scenarios }) => scenarios?.includes(scenario) ?? true).map(
    ({ mask }) => mask,
  );
}
