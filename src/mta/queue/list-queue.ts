/** All that is in a queue, for `mta queue`: read beside a daemon that works on it, without its lock. */
import { activeMessages } from './activity.ts';
import type { QueueEntry } from './mailq-text.ts';
import { Spool } from './spool.ts';

export interface QueueListing {
  readonly entries: readonly QueueEntry[];
  /** Control files that cannot be read. */
  readonly damaged: readonly string[];
}

export async function listQueue(folder: string): Promise<QueueListing> {
  const spool = await Spool.open(folder, { isReadOnly: true });
  const active = activeMessages(folder);
  const entries: QueueEntry[] = [];
  const damaged: string[] = [];
  try {
    for (const id of await spool.ids()) {
      const file = await spool.read(id);
      if (file.kind === 'damaged') damaged.push(id);
      // Gone meanwhile: delivered.
      if (file.kind !== 'message') continue;
      const data = await spool.messageFile(id);
      entries.push({ state: file.state, size: data?.size, isActive: active.has(id) });
    }
  } finally {
    await spool.close();
  }
  return { entries, damaged };
}
