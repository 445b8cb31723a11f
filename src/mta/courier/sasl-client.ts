/**
 * Authentication to a smart host (RFC 4954): CRAM-MD5 (RFC 2195), PLAIN (RFC 4616), LOGIN.
 *
 * A password goes over a connection in the clear only where the site allows it. The strongest mechanism that the
 * server offers is taken.
 */
import { createHmac } from 'node:crypto';

export interface Credentials {
  readonly user: string;
  readonly password: string;
  /** PLAIN and LOGIN without TLS. */
  readonly isClearTextAllowed?: boolean;
}

export interface SaslClient {
  readonly mechanism: string;
  /** With AUTH itself, in base64; null: the server speaks first. */
  readonly initial: string | null;
  /** The answer to a challenge, both in base64; null: it makes no sense. */
  answer(challenge: string): string | null;
}

const encode = (text: string) => Buffer.from(text, 'utf8').toString('base64');

export function saslClient(
  offered: readonly string[],
  credentials: Credentials,
  isEncrypted: boolean,
): SaslClient | null {
  const mechanisms = new Set(offered.map((name) => name.toUpperCase()));
  if (mechanisms.has('CRAM-MD5')) return cramMd5(credentials);
  if (!isEncrypted && credentials.isClearTextAllowed !== true) return null;
  if (mechanisms.has('PLAIN')) return plain(credentials);
  if (mechanisms.has('LOGIN')) return login(credentials);
  return null;
}

function cramMd5({ user, password }: Credentials): SaslClient {
  return {
    mechanism: 'CRAM-MD5',
    initial: null,
    answer: (challenge) => {
      const bytes = Buffer.from(challenge, 'base64');
      const digest = createHmac('md5', password).update(bytes).digest('hex');
      return encode(`${user} ${digest}`);
    },
  };
}

function plain({ user, password }: Credentials): SaslClient {
  return {
    mechanism: 'PLAIN',
    initial: encode(`\0${user}\0${password}`),
    answer: () => null,
  };
}

function login({ user, password }: Credentials): SaslClient {
  const answers = [encode(user), encode(password)];
  return { mechanism: 'LOGIN', initial: null, answer: () => answers.shift() ?? null };
}
