/** Holding, releasing, deleting and flushing: on the queue itself, or by way of the daemon that has it. */
import type { MtaLog } from '../log/mta-log.ts';
import type { QueueRecord } from './control-file.ts';
import type { MessageState } from './message-state.ts';
import { isDone } from './message-state.ts';
import { queueOwner, takeQueueLock } from './queue-lock.ts';
import type { QueueFilter, QueueRequest } from './requests.ts';
import { submitRequest, waitUntilTaken } from './requests.ts';
import { Spool } from './spool.ts';

export interface CommandPlace {
  readonly folder: string;
  readonly log: MtaLog;
  /** How long the daemon may take. */
  readonly patienceMs: number;
}

export type CommandResult =
  /** No daemon has the queue; these messages were changed. */
  | { readonly kind: 'applied'; readonly ids: readonly string[] }
  /** The daemon did it. */
  | { readonly kind: 'handed-over' }
  /** The daemon has it and will do it; it was busy for longer than we waited. */
  | { readonly kind: 'unanswered' };

export async function runQueueCommand(
  { folder, log, patienceMs }: CommandPlace,
  request: QueueRequest,
): Promise<CommandResult> {
  const spool = await Spool.open(folder);
  try {
    if (queueOwner(folder) === undefined) {
      const lock = takeQueueLock(folder);
      if (lock.kind === 'taken') {
        try {
          return { kind: 'applied', ids: await applyRequest(spool, request, log) };
        } finally {
          lock.release();
        }
      }
    }
    const path = await submitRequest(folder, request);
    const isTaken = await waitUntilTaken(path, patienceMs);
    return { kind: isTaken ? 'handed-over' : 'unanswered' };
  } finally {
    await spool.close();
  }
}

/** By whoever has the queue. Waits for deliveries of the messages to end; gives those it changed. */
export async function applyRequest(
  spool: Spool,
  request: QueueRequest,
  log: MtaLog,
): Promise<readonly string[]> {
  const ids = request.do === 'flush' ? (request.filter.ids ?? (await spool.ids())) : request.ids;
  const changed: string[] = [];
  for (const id of ids) {
    if (await applyToMessage({ spool, request, log }, id)) changed.push(id);
  }
  return changed;
}

interface Application {
  readonly spool: Spool;
  readonly request: QueueRequest;
  readonly log: MtaLog;
}

async function applyToMessage(application: Application, id: string): Promise<boolean> {
  const { spool } = application;
  const release = await spool.locks.take(id);
  try {
    const file = await spool.read(id);
    return file.kind === 'message' && (await applyToState(application, file.state));
  } finally {
    release();
  }
}

async function applyToState(
  { spool, request, log }: Application,
  state: MessageState,
): Promise<boolean> {
  const { id, arrivedAt } = state.envelope;
  switch (request.do) {
    case 'delete':
      await spool.finish(id);
      log.done(id, Date.now() - arrivedAt, state.tries);
      return true;
    case 'hold':
      await spool.append(id, [{ t: 'held', reason: request.reason } satisfies QueueRecord]);
      log.quarantined(id, request.reason);
      return true;
    case 'release':
      if (state.quarantine === null) return false;
      await spool.append(id, [{ t: 'released' }]);
      log.quarantined(id, null);
      return true;
    case 'flush':
      if (state.quarantine !== null || !matches(state, request.filter)) return false;
      await spool.append(id, [{ t: 'due' }]);
      return true;
  }
}

export function matches(state: MessageState, filter: QueueFilter): boolean {
  const { envelope, recipients, left } = state;
  const { ids, sender, recipient } = filter;
  if (ids !== undefined && !ids.includes(envelope.id)) return false;
  if (sender !== undefined && !holds(envelope.senderShown, sender)) return false;
  if (recipient === undefined) return true;
  const waiting = recipients.filter((one) => !isDone(one)).map((one) => one.recipient);
  return [...waiting, ...left].some(
    ({ shown, destination }) => holds(shown, recipient) || holds(destination.host, recipient),
  );
}

const holds = (text: string, part: string): boolean =>
  text.toLowerCase().includes(part.toLowerCase());
