/**
 * SASL as an SMTP server speaks it (RFC 4954): PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195). An exchange is a
 * machine that is given the client's lines and says what is next; it writes and logs nothing.
 *
 * Promises: a line is bounded; every exchange ends after at most three of them.
 */
import { createHmac, randomInt } from 'node:crypto';
import { isEqual, type PasswordFile } from './password-file.ts';

export const MECHANISMS = ['CRAM-MD5', 'PLAIN', 'LOGIN'] as const;
export type Mechanism = (typeof MECHANISMS)[number];

export type SaslStep =
  /** For the reply 334, in base64; may be empty. */
  | { readonly kind: 'challenge'; readonly text: string }
  | { readonly kind: 'success'; readonly user: string }
  /** `isKnown`: there is such a user. */
  | { readonly kind: 'failure'; readonly user: string; readonly isKnown: boolean }
  /** No base64, or too long. */
  | { readonly kind: 'malformed'; readonly input: string }
  | { readonly kind: 'cancelled' };

export interface SaslServer {
  readonly users: PasswordFile;
  /** Our name in CRAM-MD5's challenge; `user@realm` is the user. */
  readonly realm: string;
  readonly now: () => number;
}

/** RFC 4954, section 4.5.1. */
const LONGEST_LINE = 12_288;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** As base64. */
const USERNAME = 'VXNlcm5hbWU6';
const PASSWORD = 'UGFzc3dvcmQ6';
const DIGEST = /^[0-9a-f]{32}$/i;
const NOBODYS_PASSWORD = 'nobody';

export function findMechanism(name: string): Mechanism | undefined {
  return MECHANISMS.find((mechanism) => mechanism === name.toUpperCase());
}

export class SaslExchange {
  readonly mechanism: Mechanism;
  readonly #server: SaslServer;
  /** LOGIN's user name, or CRAM-MD5's challenge, once there is one. */
  #memory: string | null = null;

  constructor(mechanism: Mechanism, server: SaslServer) {
    this.mechanism = mechanism;
    this.#server = server;
  }

  /** The first step: with the initial response of the AUTH command, null for none, `=` for an empty one. */
  start(initial: string | null): Promise<SaslStep> {
    if (this.mechanism === 'CRAM-MD5') return Promise.resolve(this.#cramChallenge(initial));
    if (initial !== null) return this.respond(initial === '=' ? '' : initial);
    const text = this.mechanism === 'LOGIN' ? USERNAME : '';
    return Promise.resolve({ kind: 'challenge', text });
  }

  /** The client's line after a challenge. */
  async respond(line: string): Promise<SaslStep> {
    if (line === '*') return { kind: 'cancelled' };
    if (line.length > LONGEST_LINE || !BASE64.test(line)) return { kind: 'malformed', input: line };
    const text = Buffer.from(line, 'base64').toString('latin1');
    switch (this.mechanism) {
      case 'PLAIN':
        return this.#plain(text);
      case 'LOGIN':
        return this.#login(text);
      case 'CRAM-MD5':
        return this.#cram(text);
    }
  }

  async #plain(text: string): Promise<SaslStep> {
    const [authorization = '', name = '', password, more] = text.split('\0');
    const user = this.#userOf(name);
    const isSelf = authorization === '' || this.#userOf(authorization) === user;
    const isWhole = password !== undefined && more === undefined && isSelf;
    const isRight = await this.#server.users.verify(user, password ?? '');
    return this.#outcome(name, isRight && isWhole);
  }

  async #login(text: string): Promise<SaslStep> {
    if (this.#memory === null) {
      this.#memory = text;
      return { kind: 'challenge', text: PASSWORD };
    }
    const name = this.#memory;
    return this.#outcome(name, await this.#server.users.verify(this.#userOf(name), text));
  }

  /** The client must not speak first. */
  #cramChallenge(initial: string | null): SaslStep {
    if (initial !== null && initial !== '=') return { kind: 'malformed', input: initial };
    const { now, realm } = this.#server;
    const seconds = Math.floor(now() / 1000);
    this.#memory = `<${randomInt(2 ** 32)}.${seconds}@${realm}>`;
    return { kind: 'challenge', text: Buffer.from(this.#memory, 'latin1').toString('base64') };
  }

  #cram(text: string): SaslStep {
    const space = text.lastIndexOf(' ');
    const name = space < 0 ? text : text.slice(0, space);
    const given = space < 0 ? '' : text.slice(space + 1);
    const password = this.#server.users.plainPassword(this.#userOf(name));
    const expected = createHmac('md5', Buffer.from(password ?? NOBODYS_PASSWORD, 'latin1'))
      .update(this.#memory ?? '', 'latin1')
      .digest('hex');
    const matches = isEqual(Buffer.from(expected), Buffer.from(given.toLowerCase(), 'latin1'));
    return this.#outcome(name, matches && password !== undefined && DIGEST.test(given));
  }

  #outcome(name: string, isRight: boolean): SaslStep {
    const user = this.#userOf(name);
    if (isRight) return { kind: 'success', user };
    return { kind: 'failure', user: name, isKnown: this.#server.users.has(user) };
  }

  #userOf(name: string): string {
    const realm = `@${this.#server.realm}`;
    return name.toLowerCase().endsWith(realm.toLowerCase()) ? name.slice(0, -realm.length) : name;
  }
}
