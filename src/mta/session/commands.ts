/** The commands by name, and those that are no more than an answer. */
import { shortened } from '../route/smtp-path.ts';
import { auth } from './auth.ts';
import { data } from './data.ts';
import { ehlo, helo } from './hello.ts';
import { etrn, expn, help, vrfy } from './inquiries.ts';
import { mail } from './mail.ts';
import { rcpt } from './rcpt.ts';
import { reply } from './replies.ts';
import type { SmtpSession } from './session.ts';
import { startTls } from './start-tls.ts';

/** `rest` is what follows the word, `line` all of it. */
export type Command = (session: SmtpSession, rest: string, line: string) => Promise<void> | void;

const notImplemented: Command = (session, _, line) => {
  session.say(reply(502, '5.5.1', `Command not implemented: "${shortened(line)}"`));
};

const quit: Command = (session) => {
  session.say(reply(221, '2.0.0', `${session.settings.hostname} closing connection`));
  session.end();
};

const rset: Command = (session) => {
  session.endTransaction();
  session.say(reply(250, '2.0.0', 'Reset state'));
};

const noop: Command = async (session) => {
  await session.bad.count('NOOP');
  session.say(reply(250, '2.0.0', 'OK'));
};

const verb: Command = (session) => {
  if (session.settings.privacy.has('noverb')) {
    session.say(reply(502, '5.7.0', 'Verbose unavailable'));
    return;
  }
  session.say(reply(250, '2.0.0', 'Verbose mode'));
};

export const COMMANDS: Readonly<Record<string, Command>> = Object.assign(Object.create(null), {
  HELO: helo,
  EHLO: ehlo,
  MAIL: mail,
  RCPT: rcpt,
  DATA: data,
  RSET: rset,
  NOOP: noop,
  QUIT: quit,
  HELP: help,
  VRFY: vrfy,
  EXPN: expn,
  ETRN: etrn,
  VERB: verb,
  STARTTLS: startTls,
  AUTH: auth,
  TURN: notImplemented,
  SEND: notImplemented,
  SAML: notImplemented,
  SOML: notImplemented,
});
