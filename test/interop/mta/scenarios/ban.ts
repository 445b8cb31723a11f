/** What fail2ban looks for: guessed passwords and addresses, relaying, floods. */
import type { Scenario, Step } from '../../../support/mta-lab/scenario.ts';
import { HELLO, quit, scenario, session } from './script.ts';

/** A challenge is answered wrongly. */
const guess: Step = { send: '', replies: 1, cramMd5: { user: 'alice', password: 'guess' } };
const SENDER = 'MAIL FROM:<ann@partner.example>';

export const BAN: Scenario = scenario(
  'ban',
  {
    users: { alice: 'wonder' },
    access: 'Connect:203.0.113.150\tREJECT\nTo:closed@corp.example\tREJECT\n',
    mc: ["define(`confBAD_RCPT_THROTTLE', `2')"],
    // After as many tries as there are mechanisms a client is slowed down: sendmail has four and more.
    ours: { AuthMechanisms: ['PLAIN', 'LOGIN', 'CRAM-MD5'] },
  },
  [
    { ...session(HELLO, 'AUTH CRAM-MD5', guess, quit), from: '203.0.113.31' },
    {
      ...session(HELLO, ...Array.from({ length: 3 }, () => ['AUTH CRAM-MD5', guess]).flat(), quit),
      from: '203.0.113.32',
    },
    {
      ...session(
        HELLO,
        SENDER,
        ...['a', 'b', 'c', 'd'].map((user) => `RCPT TO:<${user}@corp.example>`),
        quit,
      ),
      from: '203.0.113.33',
    },
    { ...session(HELLO, SENDER, 'RCPT TO:<x@partner.example>', quit), from: '203.0.113.34' },
    { ...session(HELLO, SENDER, 'RCPT TO:<x@partner.example>', quit), from: '203.0.113.110' },
    { ...session(HELLO, SENDER, 'RCPT TO:<x@partner.example>', quit), from: '203.0.113.200' },
    { ...session(HELLO, 'MAIL FROM:<ann@no-such-domain.invalid>', quit), from: '203.0.113.35' },
    { ...session(HELLO, SENDER, 'RCPT TO:<closed@corp.example>', quit), from: '203.0.113.36' },
    { ...session(HELLO, SENDER, quit), from: '203.0.113.150' },
    { ...session('NOOP', quit), from: '203.0.113.37' },
    { ...session('GET / HTTP/1.0'), from: '203.0.113.38' },
  ],
);
