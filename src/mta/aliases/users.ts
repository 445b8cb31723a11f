/**
 * Who has an account: a file in the format of passwd(5), read again when it changes.
 *
 * Promises: a line that makes no sense is passed over; a name that could leave its folder (`..`, `a/b`) is nobody;
 * a file that cannot be read any more leaves the users as they were.
 */
import { readFileSync, statSync } from 'node:fs';

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Real name: the first part of the comment field, `&` written out. */
  readonly fullName: string;
  readonly home: string;
  readonly shell: string;
}

const SAFE_NAME = /^[^/:\s.-][^/:\s]*$/;

export function parsePasswd(text: string): readonly User[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , uid = '', gid = '', gecos = '', home = '', shell = ''] = line.split(':');
    if (!SAFE_NAME.test(name) || !/^\d{1,10}$/.test(uid) || !/^\d{1,10}$/.test(gid)) return [];
    const fullName = (gecos.split(',', 1)[0] ?? '').replaceAll('&', capital(name));
    return [{ name, uid: Number(uid), gid: Number(gid), fullName, home, shell }];
  });
}

const capital = (name: string) => name.slice(0, 1).toUpperCase() + name.slice(1);

/** Changes with every way in which a file is written or replaced. */
export function stampOf(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined
    ? null
    : `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
}

export class UserTable {
  readonly #path: string;
  #stamp: string | null = null;
  #users: ReadonlyMap<string, User> = new Map();

  constructor(path: string) {
    this.#path = path;
  }

  /** As sendmail looks: the name as it is, then in lower case. */
  find(name: string): User | null {
    this.#refresh();
    return this.#users.get(name) ?? this.#users.get(name.toLowerCase()) ?? null;
  }

  byUid(uid: number): User | null {
    this.#refresh();
    return [...this.#users.values()].find((user) => user.uid === uid) ?? null;
  }

  isKnown(name: string): boolean {
    return this.find(name) !== null;
  }

  #refresh(): void {
    try {
      const stamp = stampOf(this.#path);
      if (stamp === null || stamp === this.#stamp) return;
      const users = parsePasswd(readFileSync(this.#path, 'latin1'));
      this.#stamp = stamp;
      const entries = new Map<string, User>();
      // The first of two entries is the one that the system takes.
      for (const user of users) if (!entries.has(user.name)) entries.set(user.name, user);
      this.#users = entries;
    } catch {
      // What was read before stands.
    }
  }
}
