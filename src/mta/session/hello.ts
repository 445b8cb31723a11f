/** HELO and EHLO (RFC 5321 4.1.1.1), and what we offer. */
import { reply } from './replies.ts';
import type { SmtpSession } from './session.ts';

/** What sendmail takes for a name: it is not looked up. */
const NAME = /^[[\]A-Za-z0-9.\-_#:]+$/;

export async function helo(session: SmtpSession, rest: string): Promise<void> {
  if (!(await introduce(session, rest, 'HELO'))) return;
  session.isExtended = false;
  session.say(reply(250, '', greeting(session)));
}

export async function ehlo(session: SmtpSession, rest: string): Promise<void> {
  if (!(await introduce(session, rest, 'EHLO'))) return;
  session.isExtended = true;
  const offers = session.refusal === null ? extensions(session) : ['ENHANCEDSTATUSCODES'];
  session.say(reply(250, '', [greeting(session), ...offers].join('\n')));
}

/** Whether the client may go on. An introduction ends a transaction (RFC 5321 4.1.4). */
async function introduce(session: SmtpSession, name: string, verb: string): Promise<boolean> {
  await session.bad.count('HELO/EHLO');
  if (name === '') {
    session.say(reply(501, '5.0.0', `${verb} requires domain address`));
    return false;
  }
  if (name.length > 255 || !NAME.test(name.trimEnd())) {
    session.say(reply(501, '5.0.0', 'Invalid domain name'));
    return false;
  }
  session.endTransaction();
  session.helo = name.trimEnd();
  session.isNamedSecure = session.isSecure;
  const filtered = await session.filter?.helo(session.helo);
  if (filtered?.kind === 'refuse') session.refusal = filtered.reply;
  return true;
}

function greeting({ settings, relay }: SmtpSession): string {
  return `${settings.hostname} Hello ${relay}, pleased to meet you`;
}

function extensions({ settings, parts, isSecure, daemon }: SmtpSession): readonly string[] {
  const { privacy, maxMessageSize } = settings;
  const mechanisms = parts.auth?.mechanisms(isSecure) ?? [];
  const offers: readonly (readonly [boolean, string])[] = [
    [true, 'ENHANCEDSTATUSCODES'],
    [true, 'PIPELINING'],
    [!privacy.has('noexpn'), 'EXPN'],
    [!privacy.has('noexpn') && !privacy.has('noverb'), 'VERB'],
    [true, '8BITMIME'],
    [settings.isUtf8Offered, 'SMTPUTF8'],
    [true, maxMessageSize > 0 ? `SIZE ${maxMessageSize}` : 'SIZE'],
    [!privacy.has('noreceipts'), 'DSN'],
    [!privacy.has('noetrn') && !daemon.isSubmission, 'ETRN'],
    [mechanisms.length > 0, `AUTH ${mechanisms.join(' ')}`],
    [parts.tls !== null && !isSecure, 'STARTTLS'],
    [true, 'DELIVERBY'],
    [true, 'HELP'],
  ];
  return offers.filter(([isOffered]) => isOffered).map(([, text]) => text);
}
