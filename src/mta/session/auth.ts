/** AUTH (RFC 4954), in sendmail's order and words. */

import type { SaslStep } from '../auth/sasl.ts';
import { shortened } from '../route/smtp-path.ts';
import type { SessionAuth } from './parts.ts';
import { reply } from './replies.ts';
import type { SmtpSession } from './session.ts';

const LONGEST_RESPONSE = 12_287;

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
    session.say(reply(504, '5.3.3', `AUTH mechanism ${shortened(name, 32)} not available`));
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
  const dialogue = sasl.exchange(mechanism);
  let step = await dialogue.start(initial);
  while (step.kind === 'challenge') {
    session.say(reply(334, '', step.text));
    await session.flush();
    const outcome = await session.input.line(LONGEST_RESPONSE, session.settings.timeouts.command);
    if (outcome.kind !== 'line') {
      session.say(reply(501, '5.5.2', 'AUTH response is too long or missing'));
      session.end();
      return;
    }
    step = await dialogue.respond(outcome.line);
  }
  settle(session, mechanism, step);
}

type LastStep = Exclude<SaslStep, { readonly kind: 'challenge' }>;

function settle(session: SmtpSession, mechanism: string, step: LastStep): void {
  const { log, id, relay } = session;
  switch (step.kind) {
    case 'success':
      session.user = step.user;
      session.userMechanism = mechanism;
      session.isNamedSecure = session.isSecure;
      log.authenticated(relay, step.user, mechanism, 0);
      session.say(reply(235, '2.0.0', 'OK Authenticated'));
      return;
    case 'failure':
      log.authFailed(id, relay, mechanism, step.user, step.isKnown);
      session.say(reply(535, '5.7.0', 'authentication failed'));
      return;
    case 'malformed':
      log.authMalformed(id, relay, step.input);
      session.say(reply(501, '5.5.4', `cannot BASE64 decode '${shortened(step.input)}'`));
      return;
    case 'cancelled':
      session.say(reply(501, '5.0.0', 'AUTH aborted'));
  }
}
