/**
 * Users and groups by number and by name: passwd(5), group(5), and of another process from proc(5). Names
 * that only a directory service knows are shown as their numbers.
 */
import { readFileSync } from 'node:fs';

export interface Identity {
  readonly uid: number;
  readonly name: string;
  /** All groups it is in; null where the system does not tell. */
  readonly groups: readonly number[] | null;
}

/** The name of a number in the text of /etc/passwd or /etc/group; the number where it has none. */
export function nameIn(text: string, id: number): string {
  for (const line of text.split('\n')) {
    const [name, , number] = line.split(':');
    if (number === String(id) && name) return name;
  }
  return String(id);
}

/** Effective user and all groups, of the text of /proc/PID/status. */
export function idsInStatus(text: string): { uid: number; groups: readonly number[] } | undefined {
  const numbers = (field: string): number[] => {
    const line = text.split('\n').find((one) => one.startsWith(`${field}:`)) ?? '';
    return (line.slice(field.length + 1).match(/\d+/g) ?? []).map(Number);
  };
  // Real, effective, saved, of the file system.
  const uid = numbers('Uid')[1];
  const gid = numbers('Gid')[1];
  if (uid === undefined || gid === undefined) return undefined;
  return { uid, groups: [...new Set([gid, ...numbers('Groups')])] };
}

export const userName = (uid: number): string => nameIn(textOf('/etc/passwd'), uid);
export const groupName = (gid: number): string => nameIn(textOf('/etc/group'), gid);

/** The user this process acts as. */
export function thisUser(): Identity {
  const uid = process.geteuid?.() ?? 0;
  const groups = [process.getegid?.() ?? 0, ...(process.getgroups?.() ?? [])];
  return { uid, name: userName(uid), groups };
}

/** The user another process acts as; undefined where that cannot be known. */
export function userOfProcess(pid: number): Identity | undefined {
  const ids = idsInStatus(textOf(`/proc/${pid}/status`));
  return ids === undefined ? undefined : { ...ids, name: userName(ids.uid) };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
