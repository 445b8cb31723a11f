/**
 * What may differ between sendmail's play and ours, and why: all of it. docs/mta.md has the same table, and a test
 * holds them equal.
 */
import type { Mask } from '../../support/mta-lab/normal-form.ts';

export interface Exception {
  readonly what: string;
  readonly why: string;
  readonly mask: Mask;
}

export const EXCEPTIONS: readonly Exception[] = [
  {
    what: 'The mechanisms behind `250-AUTH`',
    why: 'Cyrus SASL offers DIGEST-MD5, which RFC 6331 gave up; ours does not',
    mask: (line) => (/^S: 250[- ]AUTH/.test(line) ? null : line),
  },
  {
    what: 'Lines about the rebuilt alias database and about a pid file',
    why: 'ours reads the text of aliases when it changes, and writes no pid file',
    mask: (line, part) =>
      part === 'log' && /alias database|\d+ aliases, longest|unable to write pid/.test(line)
        ? null
        : line,
  },
  {
    what: '`ct` in `sendmail.st`: connections to other hosts',
    why: 'sendmail may send several messages over one connection; ours makes one for each message',
    mask: (line) => (line.startsWith('connections to ') ? null : line),
  },
];
