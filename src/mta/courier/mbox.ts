/**
 * Local delivery into a file a user, `/var/mail/USER` (mbox(5)), as mail.local and procmail do it.
 *
 * Promises: a message is in the mailbox whole and on disk before it is Sent; the file is the user's, mode 0600;
 * links, special files and files of others are refused; a full disk or quota defers.
 */
import type { UserTable } from '../aliases/users.ts';
import type { Attempt, Courier, CourierJob, FinalRecipient, Outcome } from '../model.ts';
import type { Clock } from './courier-clock.ts';
import { localAttempts } from './local-outcome.ts';
import { appendEntry } from './mailbox-append.ts';
import { type FileLock, NO_FILE_LOCK } from './mailbox-lock.ts';
import { messageChunks } from './message-stream.ts';
import { Folder } from './safe-folder.ts';
import { EX_NOUSER, exitOutcome } from './sysexits.ts';
import { mailboxEntry, mailboxFromLine, withReturnPath } from './unix-from.ts';

export interface MboxCourierOptions {
  readonly folder: string;
  readonly users: UserTable;
  readonly now: Clock;
  readonly lock?: FileLock;
  readonly lockWaitMs?: number;
}

export const LOCK_WAIT_MS = 60_000;

export class MboxCourier implements Courier {
  readonly #options: MboxCourierOptions;

  constructor(options: MboxCourierOptions) {
    this.#options = options;
  }

  deliver(job: CourierJob): Promise<readonly Attempt[]> {
    return localAttempts(job, this.#options.now, (recipient) => this.#deliverTo(job, recipient));
  }

  async #deliverTo(job: CourierJob, recipient: FinalRecipient): Promise<Outcome | null> {
    const { folder: path, users, now, lock = NO_FILE_LOCK } = this.#options;
    const user = users.find(recipient.destination.user);
    if (user === null) return exitOutcome(EX_NOUSER);
    const folder = await Folder.open(path);
    try {
      const message = withReturnPath(job.envelope, messageChunks(job.message.path));
      const target = {
        folder,
        name: user.name,
        owner: user,
        mode: 0o600,
        isOwnOnly: true,
        lock,
        lockWaitMs: this.#options.lockWaitMs ?? LOCK_WAIT_MS,
        key: `${path}/${user.name}`,
      };
      await appendEntry(target, mailboxEntry(mailboxFromLine(job.envelope, now()), message));
      return null;
    } finally {
      await folder.close();
    }
  }
}
