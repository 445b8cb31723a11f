/**
 * An address on its way through aliases and lists, with where it came from: sendmail's ADDRESS and its q_alias.
 */
import type { Owner } from '../courier/safe-folder.ts';
import type { ControllingUser, Destination } from '../model.ts';
import { isLocal } from './plus-address.ts';
import type { User } from './users.ts';

export interface Node {
  readonly shown: string;
  readonly destination: Destination;
  readonly isQuoted: boolean;
  readonly parent: Node | null;
  readonly depth: number;
  /** In whose name its programs and files are used, once it is known. */
  user: Owner | null;
  owner: string | null;
  isUnsafe: boolean;
  shell: User | null;
  /** One of its descendants is itself: it gets a copy after all. */
  isSelf: boolean;
}

export function nodeOf(
  shown: string,
  destination: Destination,
  parent: Node | null,
  isQuoted = false,
): Node {
  return {
    shown,
    destination,
    isQuoted,
    parent,
    depth: parent === null ? 0 : parent.depth + 1,
    user: null,
    owner: null,
    isUnsafe: false,
    shell: null,
    isSelf: false,
  };
}

/** Users of this machine are the same in any case; `\user` is another than `user`. */
export function keyOf({ destination, isQuoted }: Node): string {
  const { mailer, host, user } = destination;
  const name = isLocal(destination) ? `${isQuoted ? '\\' : ''}${user.toLowerCase()}` : user;
  return `${mailer} ${host.toLowerCase()} ${name}`;
}

/** The nearest one up that has a user; only the next one where `isDirect`. */
export function controllingUserOf(node: Node, isDirect: boolean): ControllingUser | null {
  let one: Node | null = node;
  while (one !== null && one.user === null && !isDirect) one = one.parent;
  return one?.user ? { shown: one.shown, ...one.user } : null;
}

export function describeDestination({ mailer, host, user }: Destination): string {
  return host === '' ? `${mailer}: ${user}` : `${mailer}: ${user} at ${host}`;
}
