/**
 * The copy of a message for a list that has an `owner-` alias: the same data under another name, the owner
 * as the sender, its members already known. Named in the original's control file before it is made, so it
 * is made again only where it is not there.
 */

import type { PlannedClone } from '../queue/control-file.ts';
import type { MessageState } from '../queue/message-state.ts';
import { initialState } from '../queue/message-state.ts';
import type { DeliveryRun, EngineParts } from './engine-parts.ts';
import { cloneEnvelope, expandedRecord } from './expansion.ts';

export async function makeClone(
  parts: EngineParts,
  run: DeliveryRun,
  state: MessageState,
  clone: PlannedClone,
): Promise<void> {
  const { spool, ids, now, userOf } = parts;
  if ((await spool.read(clone.id)).kind !== 'missing') return;
  await spool.clearLeftovers(clone.id);
  const envelope = cloneEnvelope(state.envelope, clone, (await userOf?.(clone.owner)) ?? null);
  const record = expandedRecord(clone.members, {
    state: { ...initialState({ envelope, depth: 0 }), left: [] },
    now: now(),
    isQueueRun: false,
    nextId: () => ids.next(run.log.pid),
  });
  const writer = spool.create(clone.id);
  await writer.shareData(state.envelope.id);
  await writer.commit(envelope, { records: [record] });
  run.log.clone(state.envelope.id, clone.id, clone.owner);
}
