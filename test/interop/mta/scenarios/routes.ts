/** Where mail goes: virtual users, other ways, a smart host, lists, programs, retries and notices. */
import type { Scenario } from '../../../support/mta-lab/scenario.ts';
import { HELLO, message, quit, RELAYS, scenario, send, session } from './script.ts';

export const ROUTES: readonly Scenario[] = [
  scenario(
    'routes',
    {
      relayDomains: `${RELAYS}blocked.example\nroute.example\nloc.example\nsub.example\ns.example\n`,
      local: 'corp.example\nvirt.example\nalias.example\n',
      virtusertable:
        'info@virt.example\talice\nsales@virt.example\tbob@corp.example\nout@virt.example\tpeer@partner.example\ngone@virt.example\terror:nouser 550 No such virtual user\nover@virt.example\terror:5.2.2:552 over quota\n@virt.example\tsysop\n@alias.example\t%1@corp.example\n',
      mailertable:
        's.example\tsmtp:[198.51.100.10]\nblocked.example\terror:5.7.1:550 we do not talk to them\nroute.example\tesmtp:[198.51.100.10]\nloc.example\tlocal:carol\n.sub.example\trelay:mail.partner.example\n',
    },
    [
      ...[
        'info@virt.example',
        'sales@virt.example',
        'out@virt.example',
        'gone@virt.example',
        'over@virt.example',
        'anyone@virt.example',
        'dave@alias.example',
        'nosuch@alias.example',
        'x@s.example',
        'x@blocked.example',
        'x@route.example',
        'x@loc.example',
        'x@a.sub.example',
        'erin+detail@corp.example',
      ].map((to) => send({ to: [to] })),
    ],
  ),
  scenario(
    'smart host',
    { relayDomains: RELAYS, mc: ["define(`SMART_HOST', `esmtp:[smart.example]')"] },
    [
      send({ to: ['x@partner.example'] }),
      send({ to: ['x@partner.example', 'u550@picky.example', 'alice@corp.example'] }),
      send({ from: 'nosuch@corp.example', to: ['u550@picky.example'] }),
    ],
  ),
  scenario(
    'lists',
    {
      relayDomains: RELAYS,
      aliases:
        'inc: :include:/srv/lab/inc.list\nbadinc: :include:/srv/lab/no.list\nprog: "|/srv/lab/bin/keep"\nprog67: "|/srv/lab/bin/exit67"\nprog75: "|/srv/lab/bin/exit75"\nnone: "|/srv/lab/bin/no"\nboth: alice, "|/srv/lab/bin/keep"\nowner-team: dave\nteam: erin, frank\n',
      files: {
        'inc.list': '# some\nalice\nbob, x@partner.example\n',
        'bin/keep': '#!/bin/sh\nexec cat >>/srv/lab/out/kept.$(id -u)\n',
        'bin/exit67': '#!/bin/sh\ncat >/dev/null\nexit 67\n',
        'bin/exit75': '#!/bin/sh\ncat >/dev/null\nexit 75\n',
      },
      homes: {
        'grace/.forward': 'heidi, \\grace\n',
        'ivan/.forward': 'ivan@partner.example\n',
        'heidi/.forward': '"|/srv/lab/bin/keep"\n',
      },
    },
    ['inc', 'badinc', 'prog', 'prog67', 'prog75', 'none', 'both', 'team', 'grace', 'ivan'].map(
      (name) => send({ to: [`${name}@corp.example`] }),
    ),
  ),
  {
    ...scenario(
      'retries',
      {
        relayDomains: RELAYS,
        mc: ["define(`confTO_QUEUEWARN', `2s')", "define(`confTO_QUEUERETURN', `9s')"],
        // One after the other, as sendmail's queue runner.
        ours: { MaxDeliveries: 1 },
      },
      [
        send({ from: 'alice@corp.example', to: ['a@later.example'] }),
        send({ from: 'alice@corp.example', to: ['t450@picky.example', 'ok@picky.example'] }),
        send({ from: '', to: ['b@bothdown.example'] }),
        session(
          HELLO,
          'MAIL FROM:<bob@corp.example>',
          'RCPT TO:<n@later.example> NOTIFY=NEVER',
          'DATA',
          message('never'),
          quit,
        ),
      ],
      3,
    ),
    runPauses: [3000, 8000, 0],
  },
  scenario('notices', { relayDomains: RELAYS, aliases: 'pair: alice, bob\n' }, [
    ...[
      ['SUCCESS', 'alice@corp.example'],
      ['SUCCESS,FAILURE', 'pair@corp.example'],
      ['SUCCESS', 'x@partner.example'],
      ['SUCCESS', 'x@old.example'],
      ['NEVER', 'u550@picky.example'],
      ['FAILURE', 'u550@picky.example'],
      ['DELAY', 's554@picky.example'],
    ].map(([notify, to]) =>
      session(
        HELLO,
        'MAIL FROM:<carol@corp.example> RET=FULL ENVID=QQ314159',
        `RCPT TO:<${to}> NOTIFY=${notify} ORCPT=rfc822;${to}`,
        'DATA',
        message(`n.${notify}.${to}`),
        quit,
      ),
    ),
    // Bounces of bounces.
    send({ from: 'u550@picky.example', to: ['u550@picky.example'] }),
    send({ from: 'nosuch@corp.example', to: ['s554@picky.example'] }),
  ]),
];
