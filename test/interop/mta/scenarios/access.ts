/** The access map. */
import type { Scenario } from '../../../support/mta-lab/scenario.ts';
import { HELLO, quit, scenario, send, session } from './script.ts';

export const ACCESS: readonly Scenario[] = [
  scenario(
    'access',
    {
      access:
        'Connect:203.0.113.150\tREJECT\nConnect:203.0.113.151\tDISCARD\nConnect:203.0.113.152\tERROR:"550 Go away, we know you"\nConnect:203.0.113.40\tRELAY\nFrom:spammer@partner.example\tREJECT\nFrom:discard.example\tDISCARD\nFrom:custom.example\tERROR:"550 custom refusal text"\nFrom:quar.example\tQUARANTINE:suspicious sender\nTo:closed@corp.example\tERROR:5.1.1:550 That mailbox is closed\nTo:drop@corp.example\tDISCARD\nTo:refused@\tREJECT\nolduser@corp.example\t550 old style text\n',
    },
    [
      ...['203.0.113.150', '203.0.113.151', '203.0.113.152'].map((client) =>
        send({ to: ['alice@corp.example'], client }),
      ),
      {
        ...session(HELLO, 'VRFY alice', 'NOOP', 'HELP', 'MAIL FROM:<a@b>', 'EXPN x', 'FOO', quit),
        from: '203.0.113.150',
      },
      send({ to: ['x@partner.example'], client: '203.0.113.40' }),
      ...[
        'spammer@partner.example',
        'joe@discard.example',
        'joe@custom.example',
        'joe@quar.example',
      ].map((from) => send({ from, to: ['alice@corp.example'] })),
      ...['closed', 'drop', 'refused', 'olduser'].map((name) =>
        send({ to: [`${name}@corp.example`, 'alice@corp.example'] }),
      ),
    ],
  ),
];
