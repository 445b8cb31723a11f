/** VRFY, EXPN, ETRN and HELP: what is asked about, not sent. */

import type { Reply } from '../model.ts';
import { shortened } from '../route/smtp-path.ts';
import { reply } from './replies.ts';
import type { SmtpSession } from './session.ts';

export const vrfy = (session: SmtpSession, rest: string): Promise<void> =>
  ask(session, rest, 'VRFY');
export const expn = (session: SmtpSession, rest: string): Promise<void> =>
  ask(session, rest, 'EXPN');

async function ask(session: SmtpSession, rest: string, command: 'VRFY' | 'EXPN'): Promise<void> {
  await session.bad.count(command);
  const refusal = refusalOf(session, command);
  if (refusal !== undefined) {
    session.say(refusal);
    return;
  }
  session.log.asked(session.id, session.relay, command, shortened(rest), false);
  if (rest === '') {
    session.say(reply(501, '5.5.2', 'Argument required'));
    return;
  }
  const path = session.parts.parsePath(rest, 'recipient', session.settings.isUtf8Offered);
  if (path.kind === 'error') {
    session.say(path.reply);
    return;
  }
  const found = await session.parts.describe(path.address, command === 'EXPN');
  if ('code' in found) session.say(found);
  else session.say(reply(250, '2.1.5', found.join('\n')));
}

function refusalOf(session: SmtpSession, command: 'VRFY' | 'EXPN'): Reply | undefined {
  const { privacy } = session.settings;
  const verb = command.toLowerCase();
  if (session.helo === '' && privacy.has(`need${verb}helo`)) {
    return reply(503, '5.0.0', 'I demand that you introduce yourself first');
  }
  if (!privacy.has(`no${verb}`)) return undefined;
  return command === 'VRFY'
    ? reply(252, '2.5.2', 'Cannot VRFY user; try RCPT to attempt delivery (or try finger)')
    : reply(502, '5.7.0', 'Sorry, we do not allow this operation');
}

export async function etrn(session: SmtpSession, rest: string): Promise<void> {
  await session.bad.count('ETRN');
  if (session.settings.privacy.has('noetrn') || session.daemon.isSubmission) {
    session.say(reply(502, '5.7.0', 'Sorry, we do not allow this operation'));
    return;
  }
  if (session.helo === '') {
    session.say(reply(503, '5.0.0', 'Polite people say HELO first'));
    return;
  }
  if (rest === '') {
    session.say(reply(500, '5.5.2', 'Parameter required'));
    return;
  }
  session.log.asked(session.id, session.relay, 'ETRN', shortened(rest), false);
  session.parts.flush(rest.replace(/^[@#]/, ''));
  session.say(reply(250, '2.0.0', `Queuing for node ${rest} started`));
}

const TOPICS: Readonly<Record<string, readonly string[]>> = {
  HELO: ['HELO <hostname>', '\tIntroduce yourself.'],
  EHLO: ['EHLO <hostname>', '\tIntroduce yourself, and request extended SMTP mode.'],
  MAIL: ['MAIL FROM:<sender> [ <parameters> ]', '\tSpecifies the sender.'],
  RCPT: [
    'RCPT TO:<recipient> [ <parameters> ]',
    '\tSpecifies a recipient; may be used several times.',
  ],
  DATA: ['DATA', '\tWhat follows is the message. End it with a single dot.'],
  RSET: ['RSET', '\tForgets the transaction that has begun.'],
  NOOP: ['NOOP', '\tDoes nothing.'],
  QUIT: ['QUIT', '\tEnds the session.'],
  HELP: ['HELP [ <topic> ]', '\tSays what is known of a topic.'],
  VRFY: ['VRFY <recipient>', '\tAsks whether an address is known here.'],
  EXPN: ['EXPN <recipient>', '\tAsks who is on a mailing list.'],
  VERB: ['VERB', '\tAccepted, without an effect.'],
  ETRN: ['ETRN <domain>', '\tAsks for the mail that waits for a domain.'],
  DSN: [
    'MAIL FROM:<sender> [ RET={ FULL | HDRS } ] [ ENVID=<envid> ]',
    '\tDelivery status notifications: RFC 3461.',
  ],
  AUTH: ['AUTH mechanism [initial-response]', '\tAuthenticates: RFC 4954.'],
  STARTTLS: ['STARTTLS', '\tBegins TLS: RFC 3207.'],
};

export function help(session: SmtpSession, rest: string): void {
  const topic = rest.trim().toUpperCase();
  if (topic === '') {
    session.say(reply(214, '2.0.0', overview(session.settings.version)));
    return;
  }
  const known = Object.hasOwn(TOPICS, topic) ? TOPICS[topic] : undefined;
  if (known === undefined) {
    session.say(reply(504, '5.3.0', `HELP topic "${shortened(topic, 60)}" unknown`));
    return;
  }
  session.say(reply(214, '2.0.0', [...known, 'End of HELP info'].join('\n')));
}

/** In the form that sendmail's helpfile has. */
function overview(version: string): string {
  return [
    `This is sendmail version ${version.split('/')[0]}`,
    'Topics:',
    '\tHELO\tEHLO\tMAIL\tRCPT\tDATA',
    '\tRSET\tNOOP\tQUIT\tHELP\tVRFY',
    '\tEXPN\tVERB\tETRN\tDSN\tAUTH',
    '\tSTARTTLS',
    'For more info use "HELP <topic>".',
    'To report bugs in the implementation see',
    '\thttp://www.sendmail.org/email-addresses.html',
    'For local information send email to Postmaster at your site.',
    'End of HELP info',
  ].join('\n');
}
