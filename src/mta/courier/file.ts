/**
 * Sendmail's `*file*` mailer: an alias or a .forward file names a file, and messages are appended to it in the
 * name of its controlling user.
 *
 * Promises: nothing is written that he could not write himself; `/dev/null` takes everything.
 */
import type { Attempt, Courier, CourierJob, FinalRecipient, Outcome } from '../model.ts';
import type { Clock } from './courier-clock.ts';
import { localAttempts } from './local-outcome.ts';
import { appendEntry } from './mailbox-append.ts';
import { type FileLock, NO_FILE_LOCK } from './mailbox-lock.ts';
import { LOCK_WAIT_MS } from './mbox.ts';
import { messageChunks } from './message-stream.ts';
import { Folder, type Owner } from './safe-folder.ts';
import { EX_CANTCREAT, exitOutcome } from './sysexits.ts';
import { mailboxEntry, unixFromLine, withReturnPath } from './unix-from.ts';

export interface FileCourierOptions {
  /** Who writes for aliases: sendmail's DefaultUser. */
  readonly defaultUser: Owner;
  readonly now: Clock;
  readonly lock?: FileLock;
  readonly lockWaitMs?: number;
}

export class FileCourier implements Courier {
  readonly #options: FileCourierOptions;

  constructor(options: FileCourierOptions) {
    this.#options = options;
  }

  deliver(job: CourierJob): Promise<readonly Attempt[]> {
    return localAttempts(job, this.#options.now, (recipient) => this.#deliverTo(job, recipient));
  }

  async #deliverTo(job: CourierJob, recipient: FinalRecipient): Promise<Outcome | null> {
    const path = recipient.destination.user;
    if (path === '/dev/null') return null;
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (!path.startsWith('/') || name === '' || path.includes('\0'))
      return exitOutcome(EX_CANTCREAT);
    const owner = ownerOf(recipient, this.#options.defaultUser);
    const folder = await Folder.openFor(path, owner);
    try {
      const message = withReturnPath(job.envelope, messageChunks(job.message.path));
      const target = {
        folder,
        name,
        owner,
        mode: 0o600,
        isOwnOnly: false,
        lock: this.#options.lock ?? NO_FILE_LOCK,
        lockWaitMs: this.#options.lockWaitMs ?? LOCK_WAIT_MS,
        key: path,
      };
      await appendEntry(target, mailboxEntry(unixFromLine(job.envelope), message));
      return null;
    } finally {
      await folder.close();
    }
  }
}

/** Never root: what root controls runs as the default user; so does what an alias controls, group 0 in the log. */
export function ownerOf(recipient: FinalRecipient, defaultUser: Owner): Owner {
  const controlling = recipient.controllingUser;
  if (controlling === null || controlling.uid === 0) return defaultUser;
  const { uid, gid } = controlling;
  return { uid, gid: gid === 0 ? defaultUser.gid : gid };
}
