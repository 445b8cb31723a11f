/**
 * Names with a detail, `alice+tag`, and lists with an owner, as they are looked up in the aliases file.
 */
import type { Destination } from '../model.ts';
import type { AliasFile } from './alias-file.ts';
import type { UserTable } from './users.ts';

export function isLocal({ mailer }: Destination): boolean {
  return mailer === 'local' || mailer === 'lmtp';
}

/** The detail is the host of a local destination, unless there is a user of the whole name. */
export function withDetail(
  destination: Destination,
  { aliases, users }: { readonly aliases: AliasFile; readonly users: UserTable },
): Destination {
  const { host, user } = destination;
  const plus = user.indexOf('+');
  if (!isLocal(destination) || host !== '' || plus < 1) return destination;
  if (aliases.find(user) !== null || users.isKnown(user)) return destination;
  return { ...destination, user: user.slice(0, plus), host: user.slice(plus + 1) };
}

/** In the order of asking: `alice+tag`, `alice+*`, `alice`. */
export function aliasKeys({ user, host }: Destination): readonly string[] {
  const isDetail = host !== '' && !host.includes('@');
  return isDetail ? [`${user}+${host}`, `${user}+*`, user] : [user];
}

/** Who gets the bounces of a list: what `owner-LIST` stands for if that is one plain name, else its own name. */
export function ownerOfList(name: string, aliases: AliasFile): string | null {
  const key = name.startsWith('owner-') ? 'owner-owner' : `owner-${name}`;
  const owner = aliases.find(key);
  if (owner === null) return null;
  return /[,:/|"]/.test(owner) ? key : owner.trim();
}
