/**
 * Passwords of users: a file of `USER:{SCHEME}DATA` lines. Schemes: SCRYPT (`N$r$p$SALT$HASH`, base64; what
 * `passwordEntry` makes), SSHA512 and SHA512 (base64, the salt behind the digest), and PLAIN, which alone can
 * answer CRAM-MD5.
 *
 * Promises: texts are compared in constant time, and an unknown user takes as long as a known one, whatever
 * his scheme. A line that is not understood is a problem with its number and makes no user.
 */
import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

export type PasswordScheme = 'SCRYPT' | 'PLAIN';

export interface PasswordProblem {
  readonly line: number;
  readonly text: string;
}

interface Scrypt {
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

type Secret =
  | { readonly scheme: 'PLAIN'; readonly password: string }
  | { readonly scheme: 'DIGEST'; readonly digest: Buffer; readonly salt: Buffer }
  | ({ readonly scheme: 'SCRYPT' } & Scrypt);

const ENTRY = /^(?<user>[^:\s]{1,256}):\{(?<scheme>[A-Z0-9]{1,16})\}(?<data>.{1,1024})$/;
const COST = 16_384;
const BLOCK_SIZE = 8;
const HASH_BYTES = 32;
const DIGEST_BYTES = 64;
/** 128 x N x r of the greatest cost taken, and some room. */
const MOST_MEMORY = 256 * 1024 * 1024;
const LONGEST_PASSWORD = 1024;

/** What an unknown user's password is compared with. */
const NOBODY: Scrypt = {
  cost: COST,
  blockSize: BLOCK_SIZE,
  parallelization: 1,
  salt: randomBytes(16),
  hash: randomBytes(HASH_BYTES),
};

export class PasswordFile {
  readonly problems: readonly PasswordProblem[];
  readonly #secrets = new Map<string, Secret>();

  /** The file's text, one character a byte. */
  constructor(text: string) {
    const problems: PasswordProblem[] = [];
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      if (line.trim() === '' || line.startsWith('#')) continue;
      const { user = '', scheme = '', data = '' } = ENTRY.exec(line)?.groups ?? {};
      const secret = user === '' ? null : parseSecret(scheme, data);
      if (secret === null) problems.push({ line: index + 1, text: 'not understood' });
      else if (this.#secrets.has(user)) problems.push({ line: index + 1, text: `${user} again` });
      else this.#secrets.set(user, secret);
    }
    this.problems = problems;
  }

  has(user: string): boolean {
    return this.#secrets.has(user);
  }

  async verify(user: string, password: string): Promise<boolean> {
    const secret = this.#secrets.get(user);
    const bytes = Buffer.from(password.slice(0, LONGEST_PASSWORD + 1), 'latin1');
    const ofScrypt = secret?.scheme === 'SCRYPT' ? secret : NOBODY;
    const isScrypt = await matchesScrypt(bytes, ofScrypt);
    if (bytes.length > LONGEST_PASSWORD || secret === undefined) return false;
    switch (secret.scheme) {
      case 'SCRYPT':
        return isScrypt;
      case 'PLAIN':
        return isEqual(bytes, Buffer.from(secret.password, 'latin1'));
      case 'DIGEST': {
        const digest = createHash('sha512').update(bytes).update(secret.salt).digest();
        return timingSafeEqual(digest, secret.digest);
      }
    }
  }

  /** The password itself, where the file has it; undefined otherwise. */
  plainPassword(user: string): string | undefined {
    const secret = this.#secrets.get(user);
    return secret?.scheme === 'PLAIN' ? secret.password : undefined;
  }
}

/** A line for the file, without its end. Throws for a name or password that cannot be in one. */
export async function passwordEntry(
  user: string,
  password: string,
  scheme: PasswordScheme = 'SCRYPT',
): Promise<string> {
  if (!/^[^:\s#][^:\s]{0,255}$/.test(user)) throw new Error('not a user name for a password file');
  if (password === '' || password.length > LONGEST_PASSWORD || /[\r\n\0]/.test(password)) {
    throw new Error('not a password for a password file');
  }
  if (scheme === 'PLAIN') return `${user}:{PLAIN}${password}`;
  const fresh: Scrypt = { ...NOBODY, salt: randomBytes(16), hash: Buffer.alloc(HASH_BYTES) };
  const hash = await scryptHash(Buffer.from(password, 'latin1'), fresh);
  const texts = [fresh.salt.toString('base64'), hash.toString('base64')];
  return `${user}:{SCRYPT}${[COST, BLOCK_SIZE, 1, ...texts].join('$')}`;
}

/** The file's text with this user's entry in the place of the one he had, or behind all others. */
export function withEntry(text: string, entry: string): string {
  const user = entry.slice(0, entry.indexOf(':') + 1);
  const lines = text.split('\n').filter((line) => line !== '');
  const place = lines.findIndex((line) => line.startsWith(user));
  if (place < 0) lines.push(entry);
  else lines[place] = entry;
  return `${lines.join('\n')}\n`;
}

/** In constant time but for the length. */
export function isEqual(one: Buffer, other: Buffer): boolean {
  const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest();
  return timingSafeEqual(digest(one), digest(other)) && one.length === other.length;
}

function parseSecret(scheme: string, data: string): Secret | null {
  switch (scheme) {
    case 'PLAIN':
      return { scheme: 'PLAIN', password: data };
    case 'SHA512':
    case 'SSHA512': {
      const bytes = Buffer.from(data, 'base64');
      const isWhole =
        scheme === 'SHA512' ? bytes.length === DIGEST_BYTES : bytes.length > DIGEST_BYTES;
      if (!isWhole) return null;
      const digest = bytes.subarray(0, DIGEST_BYTES);
      return { scheme: 'DIGEST', digest, salt: bytes.subarray(DIGEST_BYTES) };
    }
    case 'SCRYPT':
      return parseScrypt(data);
    default:
      return null;
  }
}

function parseScrypt(data: string): Secret | null {
  const [n = '', r = '', p = '', salt = '', hash = '', more] = data.split('$');
  const [cost, blockSize, parallelization] = [Number(n), Number(r), Number(p)];
  const isPower = Number.isInteger(cost) && cost >= 2 && (cost & (cost - 1)) === 0;
  const isBounded = blockSize >= 1 && parallelization >= 1 && parallelization <= 16;
  const fits = 128 * cost * blockSize < MOST_MEMORY / 2;
  const bytes = { salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
  const isWhole = more === undefined && bytes.salt.length > 0 && bytes.hash.length === HASH_BYTES;
  const isSize = Number.isInteger(blockSize) && Number.isInteger(parallelization);
  if (!isPower || !isBounded || !fits || !isWhole || !isSize) return null;
  return { scheme: 'SCRYPT', cost, blockSize, parallelization, ...bytes };
}

async function matchesScrypt(password: Buffer, secret: Scrypt): Promise<boolean> {
  return timingSafeEqual(await scryptHash(password, secret), secret.hash);
}

function scryptHash(password: Buffer, { cost, salt, ...sizes }: Scrypt): Promise<Buffer> {
  const { blockSize, parallelization } = sizes;
  const options = { cost, blockSize, parallelization, maxmem: MOST_MEMORY };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
