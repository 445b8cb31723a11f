/**
 * STARTTLS (RFC 3207). What was said before counts for nothing afterwards, and what the client sent ahead of the
 * handshake is thrown away: it may be somebody else's.
 */
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { TLSSocket } from 'node:tls';
import { reply } from './replies.ts';
import type { SmtpSession } from './session.ts';

const HANDSHAKE_MS = 60_000;

export async function startTls(session: SmtpSession, rest: string): Promise<void> {
  const { tls } = session.parts;
  if (rest !== '') {
    session.say(reply(501, '5.5.2', 'Syntax error (no parameters allowed)'));
    return;
  }
  if (tls === null || session.isSecure || session.refusal !== null) {
    session.say(reply(454, '4.3.3', 'TLS not available after start'));
    return;
  }
  session.endTransaction();
  session.say(reply(220, '2.0.0', 'Ready to start TLS'));
  await session.flush();
  await secure(session, tls);
}

/** The handshake; without one the session is over. */
export async function secure(session: SmtpSession, context: SecureContext): Promise<void> {
  session.input.detach();
  // A client that speaks TLS at once may have begun: its bytes must wait for the handshake, not flow to nobody.
  session.socket.pause();
  const outcome = await handshake(session.socket, context);
  if (outcome.kind === 'failed') {
    session.log.tlsFailed('server', session.relay, outcome.reason);
    session.end();
    return;
  }
  const { socket } = outcome;
  session.socket = socket;
  session.input.attach(socket);
  // sendmail asks for no second EHLO, but only that makes the protocol ESMTPS.
  session.isSecure = true;
  remember(session, socket);
}

type Handshake =
  | { readonly kind: 'secure'; readonly socket: TLSSocket }
  | { readonly kind: 'failed'; readonly reason: string };

function handshake(plain: Socket, secureContext: SecureContext): Promise<Handshake> {
  return new Promise((resolve) => {
    const socket = new TLSSocket(plain, {
      isServer: true,
      secureContext,
      requestCert: true,
      rejectUnauthorized: false,
    });
    let isSettled = false;
    const timer = setTimeout(() => settle({ kind: 'failed', reason: 'timeout' }), HANDSHAKE_MS);
    const settle = (outcome: Handshake) => {
      clearTimeout(timer);
      socket.off('end', gone).off('close', gone);
      // What goes wrong later is the session's.
      if (outcome.kind === 'failed' && !isSettled) plain.destroy();
      isSettled = true;
      resolve(outcome);
    };
    socket.once('secure', () => settle({ kind: 'secure', socket }));
    socket.on('error', (error) => settle({ kind: 'failed', reason: reasonOf(error) }));
    const gone = () => settle({ kind: 'failed', reason: 'unexpected eof while reading' });
    socket.once('end', gone).once('close', gone);
    // The end may have come before TLS began, or come to the old socket still.
    if (plain.readableEnded || plain.destroyed) gone();
    else plain.once('end', gone);
  });
}

/** As OpenSSL words it. */
function reasonOf(error: Error & { reason?: string; code?: string }): string {
  if (error.reason !== undefined) return error.reason;
  return error.code === 'ECONNRESET' ? 'unknown' : error.message;
}

function remember(session: SmtpSession, socket: TLSSocket): void {
  const { name, version, bits } = describeTls(socket);
  const verify = verifyOf(socket);
  session.log.tls({
    side: 'server',
    relay: session.relay,
    version,
    verify,
    cipher: name,
    bits,
    algorithmBits: bits,
  });
  session.tlsLine = `(version=${version} cipher=${name} bits=${bits} verify=${verify})`;
}

function verifyOf(socket: TLSSocket): string {
  if (Object.keys(socket.getPeerCertificate()).length === 0) return 'NO';
  return socket.authorized ? 'OK' : 'FAIL';
}

export interface TlsDescription {
  readonly name: string;
  readonly version: string;
  readonly bits: number;
}

/** Cipher, version, and the bits of the cipher's key, which Node does not tell: its name does. */
export function describeTls(socket: TLSSocket): TlsDescription {
  const { name = 'unknown' } = socket.getCipher() ?? {};
  const version = socket.getProtocol() ?? 'unknown';
  return { name, version, bits: /256|CHACHA20/.test(name) ? 256 : 128 };
}
