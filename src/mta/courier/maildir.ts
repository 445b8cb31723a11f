/**
 * Local delivery into a Maildir (maildir(5)): a file a message, written in `tmp`, on disk, then moved to `new`.
 *
 * Promises: nobody ever sees half a message and no lock is needed; names are unique, with the size in them (`,S=`);
 * folders that are missing are made for the user, and those of others, or links, are refused.
 */
import { constants } from 'node:fs';
import { link, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import type { User, UserTable } from '../aliases/users.ts';
import type { Attempt, Courier, CourierJob, FinalRecipient, Outcome } from '../model.ts';
import type { Clock } from './courier-clock.ts';
import { localAttempts } from './local-outcome.ts';
import { messageChunks } from './message-stream.ts';
import { Folder, isRoot } from './safe-folder.ts';
import { EX_NOUSER, exitOutcome } from './sysexits.ts';
import { withReturnPath } from './unix-from.ts';

export interface MaildirCourierOptions {
  /** `%h/Maildir`: %h is the home, %u the name, %% a per cent sign. */
  readonly pattern: string;
  readonly users: UserTable;
  readonly now: Clock;
  readonly hostName?: string;
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
let deliveries = 0;

export class MaildirCourier implements Courier {
  readonly #options: MaildirCourierOptions;

  constructor(options: MaildirCourierOptions) {
    this.#options = options;
  }

  deliver(job: CourierJob): Promise<readonly Attempt[]> {
    return localAttempts(job, this.#options.now, (recipient) => this.#deliverTo(job, recipient));
  }

  async #deliverTo(job: CourierJob, recipient: FinalRecipient): Promise<Outcome | null> {
    const user = this.#options.users.find(recipient.destination.user);
    if (user === null) return exitOutcome(EX_NOUSER);
    const folders: Folder[] = [];
    const keep = async (opening: Promise<Folder>) => {
      const folder = await opening;
      folders.push(folder);
      return folder;
    };
    try {
      const path = folderOf(this.#options.pattern, user);
      const parent = await keep(Folder.open(dirname(path)));
      const maildir = await keep(parent.ownChild(path, user));
      const temporary = await keep(maildir.ownChild('tmp', user));
      const fresh = await keep(maildir.ownChild('new', user));
      await keep(maildir.ownChild('cur', user));
      await this.#store(job, user, temporary, fresh);
      return null;
    } finally {
      for (const folder of folders) await folder.close();
    }
  }

  async #store(job: CourierJob, user: User, temporary: Folder, fresh: Folder): Promise<void> {
    const name = this.#uniqueName();
    const handle = await temporary.openFile(name, CREATE, 0o600);
    try {
      let size = 0;
      try {
        if (isRoot()) await handle.chown(user.uid, user.gid);
        for await (const chunk of withReturnPath(job.envelope, messageChunks(job.message.path))) {
          await handle.writeFile(chunk);
          size += chunk.length;
        }
        await handle.sync();
      } finally {
        await handle.close();
      }
      await link(temporary.pathOf(name), fresh.pathOf(`${name},S=${size}`));
      await fresh.sync();
    } finally {
      await unlink(temporary.pathOf(name)).catch(() => undefined);
    }
  }

  #uniqueName(): string {
    const now = this.#options.now();
    const seconds = Math.floor(now / 1000);
    const fraction = String((now % 1000) * 1000).padStart(6, '0');
    const host = (this.#options.hostName ?? hostname())
      .replaceAll('/', '\\057')
      .replaceAll(':', '\\072');
    return `${seconds}.M${fraction}P${process.pid}Q${deliveries++}.${host}`;
  }
}

function folderOf(pattern: string, user: User): string {
  return pattern.replaceAll(/%([hu%])/g, (_, key: string) => {
    if (key === 'h') return user.home;
    return key === 'u' ? user.name : '%';
  });
}
