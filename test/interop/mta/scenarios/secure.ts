/** TLS. */
import type { Scenario, Step } from '../../../support/mta-lab/scenario.ts';
import { HELLO, message, quit, RELAYS, say, scenario, session } from './script.ts';

const starttls: Step = { ...say('STARTTLS'), startsTls: true };

export const SECURE: readonly Scenario[] = [
  scenario(
    'tls',
    {
      relayDomains: RELAYS,
      certificates: true,
      mc: [
        "define(`confCACERT_PATH', `/srv/lab')",
        "define(`confCACERT', `/srv/lab/ca.pem')",
        "define(`confSERVER_CERT', `/srv/lab/server.pem')",
        "define(`confSERVER_KEY', `/srv/lab/server.key')",
        "DAEMON_OPTIONS(`Family=inet, Name=TLSMTA, Port=465, M=s')",
      ],
    },
    [
      session(
        HELLO,
        starttls,
        HELLO,
        'MAIL FROM:<ann@partner.example>',
        'RCPT TO:<alice@corp.example>',
        'DATA',
        message('tls.1'),
        quit,
      ),
      session(HELLO, starttls, 'MAIL FROM:<ann@partner.example>', quit),
      session('STARTTLS x', HELLO, 'STARTTLS x', starttls, 'STARTTLS', HELLO, quit),
      {
        ...session(
          HELLO,
          'MAIL FROM:<ann@partner.example>',
          'RCPT TO:<alice@corp.example>',
          'DATA',
          message('tls.2'),
          quit,
        ),
        port: 465,
        isTls: true,
      },
    ],
  ),
];
