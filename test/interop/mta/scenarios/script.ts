/** Clients' scripts in short: what the scenarios are written with. */
import type {
  Scenario,
  SessionScript,
  SiteConfig,
  Step,
} from '../../../support/mta-lab/scenario.ts';

export const CLIENT = '203.0.113.20';
export const HELLO = 'EHLO client20.isp.example';

export const say = (line: string, replies = 1): Step => ({ send: `${line}\r\n`, replies });
export const quit = say('QUIT');

/** Header and body of a message; ids are told apart by their number. */
export function message(id: string, more: readonly string[] = []): Step {
  const lines = [
    'From: ann@partner.example',
    'To: alice@corp.example',
    'Subject: hello',
    'Date: Tue, 24 Nov 2026 06:51:06 +0000',
    `Message-ID: <${id}@lab.example>`,
    ...more,
    '',
    'hi',
    '.',
  ];
  return { send: `${lines.join('\r\n')}\r\n`, replies: 1 };
}

export const raw = (text: string): Step => ({ send: text, replies: 1 });

export interface Mail {
  readonly from?: string;
  readonly to: readonly string[];
  readonly data?: Step;
  readonly client?: string;
  readonly parameters?: string;
}

let numbered = 0;

export function send({
  from = 'ann@partner.example',
  to,
  data,
  client = CLIENT,
  parameters = '',
}: Mail): SessionScript {
  numbered += 1;
  return {
    from: client,
    steps: [
      say(HELLO),
      say(`MAIL FROM:<${from}>${parameters}`),
      ...to.map((recipient) => say(`RCPT TO:<${recipient}>`)),
      say('DATA'),
      data ?? message(`m.${numbered}`),
      quit,
    ],
  };
}

export const session = (...lines: readonly (string | Step)[]): SessionScript => ({
  from: CLIENT,
  steps: lines.map((line) => (typeof line === 'string' ? say(line) : line)),
});

export function scenario(
  name: string,
  config: SiteConfig,
  sessions: readonly SessionScript[],
  queueRuns = 0,
): Scenario {
  return { name, config, sessions, queueRuns };
}

export const RELAYS =
  'partner.example\npicky.example\nlater.example\ntwomx.example\nbothdown.example\nold.example\nservfail.example\n';
