/**
 * Keeps some of the disk free: below the reserve nothing more is taken, so that the database rarely meets a
 * full disk itself. A refusal loses nothing: what was not taken is asked for again.
 */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { maillogError } from '../../model/errors.ts';

/** On small disks the reserve is a share of them. */
const MOST_SHARE = 1 / 20;
const LOOK_EVERY_MS = 500;

/** Throws E_DISK_FULL while less than `reserve` bytes are free where the database lies. */
export function roomGuard(db: string, reserve: number): () => Promise<void> {
  let lookedAt = 0;
  let isTight = false;
  return async () => {
    const now = Date.now();
    if (now - lookedAt >= LOOK_EVERY_MS) {
      lookedAt = now;
      const { bavail, blocks, bsize } = await statfs(dirname(db));
      isTight = bavail * bsize < Math.min(reserve, blocks * bsize * MOST_SHARE);
    }
    if (isTight) throw maillogError('E_DISK_FULL', { path: db });
  };
}
