/** Mail to other hosts and to aliases. */
import type { Scenario } from '../../../support/mta-lab/scenario.ts';
import { HELLO, quit, RELAYS, scenario, send, session } from './script.ts';

export const DELIVERIES: readonly Scenario[] = [
  scenario(
    'relayed',
    { relayDomains: RELAYS },
    [
      send({ to: ['x@partner.example'] }),
      send({ to: ['x@partner.example', 'y@partner.example', 'alice@corp.example'] }),
      send({
        from: 'alice@corp.example',
        to: ['u550@picky.example', 'ok@picky.example', 't450@picky.example', 's554@picky.example'],
      }),
      send({ to: ['x@later.example'] }),
      send({ to: ['x@bothdown.example', 'y@bothdown.example'] }),
      send({ to: ['x@twomx.example'] }),
      send({ to: ['x@old.example'] }),
      send({ from: '', to: ['u550@picky.example'] }),
      send({
        from: 'alice@corp.example',
        to: ['x@partner.example'],
        parameters: ' ENVID=e1 RET=HDRS',
      }),
    ],
    1,
  ),
  scenario(
    'aliases',
    {
      relayDomains: RELAYS,
      aliases:
        'list: alice, bob, carol@corp.example, far@partner.example\nowner-owned: dave\nowned: erin, frank, u550-a@picky.example\nnest1: nest2\nnest2: nest3, heidi\nnest3: ivan\nloop1: loop2\nloop2: loop1\nmixed: alice, /srv/lab/out/mixed.mbox, no-such-user, x@partner.example\nfile: /srv/lab/out/archive.mbox\nfail: "|/bin/false"\ntoremote: someone@partner.example\n',
    },
    [
      ...[
        'list',
        'owned',
        'nest1',
        'loop1',
        'mixed',
        'file',
        'fail',
        'toremote',
        'sink',
        'root',
        'list+detail',
      ].map((name) => send({ to: [`${name}@corp.example`] })),
      session(HELLO, 'VRFY list', 'EXPN list', 'EXPN loop1', quit),
    ],
  ),
];
