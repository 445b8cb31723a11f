/**
 * What keeps a user from reading a file: the first folder on the way that may not be entered, or the file
 * itself, by owner, group and mode (path_resolution(7)). Access control lists are not looked at: whether
 * this user may read is tried, not worked out; this only explains.
 */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { groupName, type Identity, userName } from './identity.ts';

/** Somebody's file or folder. */
export interface Owned {
  readonly path: string;
  readonly isFolder: boolean;
  readonly uid: number;
  readonly gid: number;
  /** The nine bits of permission. */
  readonly mode: number;
}

export interface Obstacle extends Owned {
  /** Names of owner and group. */
  readonly owner: string;
  readonly group: string;
}

const READ = 0o4;
const ENTER = 0o1;

/** The first of the steps to a file that stops a user; undefined if none does, or it cannot be known. */
export function firstObstacle(steps: readonly Owned[], who: Identity): Owned | undefined {
  return steps.find((step) => !may(step, who, step.isFolder ? ENTER : READ));
}

function may({ uid, gid, mode }: Owned, who: Identity, bit: number): boolean {
  if (who.uid === 0) return true;
  if (uid === who.uid) return ((mode >> 6) & bit) !== 0;
  if (who.groups === null) return ((mode | (mode >> 3)) & bit) !== 0;
  return ((who.groups.includes(gid) ? mode >> 3 : mode) & bit) !== 0;
}

/** What stops the user on the way to a path. */
export function obstacleOf(path: string, who: Identity): Obstacle | undefined {
  const step = firstObstacle(stepsTo(path), who);
  if (step === undefined) return undefined;
  return { ...step, owner: userName(step.uid), group: groupName(step.gid) };
}

/** Every folder on the way, then the path itself; as far as this user can see. */
function stepsTo(path: string): readonly Owned[] {
  const paths = [path];
  for (let at = path; dirname(at) !== at; at = dirname(at)) paths.unshift(dirname(at));
  const steps: Owned[] = [];
  for (const step of paths) {
    try {
      const stats = statSync(step);
      const { uid, gid } = stats;
      steps.push({ path: step, isFolder: stats.isDirectory(), uid, gid, mode: stats.mode & 0o777 });
    } catch {
      break;
    }
  }
  return steps;
}

export const modeText = (mode: number): string => mode.toString(8).padStart(4, '0');

/** `owner root, group adm, mode 0640`. */
export function ownershipText({
  owner,
  group,
  mode,
}: Omit<Obstacle, keyof Owned> & { mode: number }): string {
  return `owner ${owner}, group ${group}, mode ${modeText(mode)}`;
}

/** What is in the way, behind the name of the file. */
export function obstacleText(path: string, obstacle: Obstacle | undefined): string {
  if (obstacle === undefined) return 'the system forbids it';
  const bits = ownershipText(obstacle);
  return obstacle.path === path ? bits : `the folder ${obstacle.path} may not be entered: ${bits}`;
}

/** How the user comes to read it; `again` is what makes a new group count. */
export function waysIn(obstacle: Obstacle | undefined, user: string, again: string): string {
  if (obstacle === undefined) {
    return `look at it as ${user} does: access control lists (getfacl), AppArmor, SELinux`;
  }
  const { path, group, gid, mode, isFolder } = obstacle;
  const bit = isFolder ? ENTER : READ;
  if (gid !== 0 && ((mode >> 3) & bit) !== 0) {
    return `usermod -aG ${group} ${user} makes it a member of group ${group}; then ${again}`;
  }
  if (isFolder) return `setfacl -m u:${user}:x ${path}, or chmod g+x for a group it is in`;
  return `let group adm read it: chgrp adm ${path}; chmod 0640 ${path}; the same in logrotate ("create 0640 root adm"); usermod -aG adm ${user}; then ${again}`;
}
