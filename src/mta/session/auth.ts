/** AUTH (RFC 4954), in sendmail's order and words. */
import type { AuthStep, SessionAuth } from './parts.ts';
import { reply, shorten } from './replies.ts';
import type { SmtpSession } from './session.ts';

const LONGEST_RESPONSE = 12_287;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export async function auth(session: SmtpSession, rest: string): Promise<void> {
  const { parts } = session;
  const mechanisms = parts.auth?.mechanisms(session.isSecure) ?? [];
  if (parts.auth === null || mechanisms.length === 0) {
    session.say(reply(503, '5.3.3', 'AUTH not available'));
    return;
  }
  if (session.user !== null) {
    session.say(reply(503, '5.5.0', 'Already Authenticated'));
    return;
  }
  if (session.transaction !== null) {
    session.say(reply(503, '5.5.0', 'AUTH not permitted during a mail transaction'));
    return;
  }
  await session.bad.count('AUTH', mechanisms.length + 1);
  const [name = '', initial] = rest.trim().split(/[ \t]+/);
  if (name === '') {
    session.say(reply(501, '5.5.2', 'AUTH mechanism must be specified'));
    return;
  }
  const mechanism = name.toUpperCase();
  if (!mechanisms.includes(mechanism)) {
    session.say(reply(504, '5.3.3', `AUTH mechanism ${shorten(name, 32)} not available`));
    return;
  }
  await exchange(session, parts.auth, mechanism, initial ?? null);
}

async function exchange(
  session: SmtpSession,
  sasl: SessionAuth,
  mechanism: string,
  initial: string | null,
): Promise<void> {
  const first = initial === null ? null : decode(session, initial === '=' ? '' : initial);
  if (first === undefined) return;
  const dialogue = sasl.exchange(mechanism);
  let step = await dialogue.start(first);
  while (step.kind === 'challenge') {
    session.say(reply(334, '', Buffer.from(step.text, 'latin1').toString('base64')));
    const response = await responseOf(session);
    if (response === undefined) return;
    step = await dialogue.answer(response);
  }
  settle(session, mechanism, step);
}

async function responseOf(session: SmtpSession): Promise<Buffer | undefined> {
  await session.flush();
  const outcome = await session.input.line(LONGEST_RESPONSE, session.settings.timeouts.command);
  if (outcome.kind !== 'line') {
    session.say(reply(501, '5.5.2', 'AUTH response is too long or missing'));
    session.end();
    return undefined;
  }
  if (outcome.line === '*') {
    session.say(reply(501, '5.0.0', 'AUTH aborted'));
    return undefined;
  }
  return decode(session, outcome.line);
}

/** What is no base64 is refused and logged. */
function decode(session: SmtpSession, text: string): Buffer | undefined {
  if (BASE64.test(text)) return Buffer.from(text, 'base64');
  session.log.authMalformed(session.id, session.relay, text);
  session.say(reply(501, '5.5.4', `cannot BASE64 decode '${shorten(text)}'`));
  return undefined;
}

function settle(
  session: SmtpSession,
  mechanism: string,
  step: Exclude<AuthStep, { readonly kind: 'challenge' }>,
): void {
  if (step.kind === 'ok') {
    session.user = step.user;
    session.userMechanism = mechanism;
    session.log.authenticated(session.relay, step.user, mechanism, 0);
    session.say(reply(235, '2.0.0', 'OK Authenticated'));
    return;
  }
  session.log.authFailed(session.id, session.relay, mechanism, step.user, step.isKnown);
  session.say(reply(535, '5.7.0', 'authentication failed'));
}
