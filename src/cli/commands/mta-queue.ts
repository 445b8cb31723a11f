/**
 * The MTA's queue from outside: what waits, and holding, releasing, deleting and flushing it. Where the MTA runs, it
 * is asked and does it; where it does not, it is done here.
 */
import { existsSync } from 'node:fs';
import { type ExitCode, fileError } from '../../model/errors.ts';
import { ctime } from '../../mta/courier/unix-from.ts';
import { mailqText, type QueueEntry, queueRow } from '../../mta/queue/mailq-text.ts';
import { runQueueCommand } from '../../mta/queue/queue-commands.ts';
import { queueOwner } from '../../mta/queue/queue-lock.ts';
import type { QueueFilter, QueueRequest } from '../../mta/queue/requests.ts';
import { Spool } from '../../mta/queue/spool.ts';
import type { CommandContext } from '../context.ts';
import { complain, print } from '../io.ts';
import { openMtaLog } from '../mta/open-log.ts';
import { type MtaPlace, mtaPlace, queueFolderOf } from '../mta/place.ts';
import type { Options } from '../program.ts';
import { show } from './lists.ts';

const PATIENCE_MS = 10_000;
const COLUMNS = [
  'id',
  'status',
  'size',
  'arrived',
  'sender',
  'recipients',
  'reason',
  'quarantine',
  'priority',
  'tries',
  'nextTry',
] as const;

export async function runMtaQueue(context: CommandContext, options: Options): Promise<ExitCode> {
  const folder = queueFolderOf(mtaPlace(context.io, options));
  const entries = await queueEntries(folder);
  if (options.format === 'text') {
    await print(context.io, mailqText(folder, entries, ctime));
    return 0;
  }
  const rows = entries.map((entry) => {
    const { nextTry, ...row } = queueRow(entry);
    return { ...row, next_try: nextTry };
  });
  const columns = COLUMNS.map((name) => (name === 'nextTry' ? 'next_try' : name));
  // An empty queue is an answer, too.
  if (rows.length === 0 && options.format === 'json') await print(context.io, '[]\n');
  if (rows.length === 0) return 0;
  return show(context, options, { columns, rows });
}

/** What is there; a queue that nobody has made yet is empty. */
export async function queueEntries(folder: string): Promise<readonly QueueEntry[]> {
  if (!existsSync(folder)) return [];
  const spool = await openSpool(folder);
  try {
    const entries: QueueEntry[] = [];
    for (const id of await spool.ids()) {
      const found = await spool.read(id);
      // Delivered since, or for the MTA to put aside.
      if (found.kind !== 'message') continue;
      const file = await spool.messageFile(id);
      entries.push({ state: found.state, size: file?.size, isActive: false });
    }
    return entries;
  } finally {
    await spool.close();
  }
}

async function openSpool(folder: string): Promise<Spool> {
  try {
    return await Spool.open(folder);
  } catch (error) {
    throw fileError(error instanceof Error ? error.cause : error, folder);
  }
}

export function runMtaHold(
  context: CommandContext,
  options: Options,
  ids: readonly string[],
): Promise<ExitCode> {
  const reason = String(options.reason);
  return change(context, options, { request: { do: 'hold', ids, reason }, word: 'held' });
}

export function runMtaRelease(
  context: CommandContext,
  options: Options,
  ids: readonly string[],
): Promise<ExitCode> {
  return change(context, options, { request: { do: 'release', ids }, word: 'released' });
}

export function runMtaDelete(
  context: CommandContext,
  options: Options,
  ids: readonly string[],
): Promise<ExitCode> {
  return change(context, options, { request: { do: 'delete', ids }, word: 'deleted' });
}

export function runMtaFlush(
  context: CommandContext,
  options: Options,
  ids: readonly string[],
): Promise<ExitCode> {
  const filter: QueueFilter = {
    ...(ids.length === 0 ? {} : { ids }),
    ...(options.sender === undefined ? {} : { sender: String(options.sender) }),
    ...(options.recipient === undefined ? {} : { recipient: String(options.recipient) }),
  };
  return change(context, options, { request: { do: 'flush', filter }, word: 'tried next' });
}

interface Change {
  readonly request: QueueRequest;
  readonly word: string;
}

async function change(
  context: CommandContext,
  options: Options,
  { request, word }: Change,
): Promise<ExitCode> {
  const place = mtaPlace(context.io, options);
  const folder = queueFolderOf(place);
  const named = idsOf(request);
  const there = new Set((await queueEntries(folder)).map(({ state }) => state.envelope.id));
  const missing = named.filter((id) => !there.has(id));
  for (const id of missing) await complain(context.io, `${id} is not in the queue ${folder}`);
  const known = named.filter((id) => there.has(id));
  if (named.length > 0 && known.length === 0) return 1;
  if (there.size === 0) {
    await print(context.io, 'the queue is empty\n');
    return 0;
  }
  await print(context.io, await carryOut(context, place, { request: only(request, known), word }));
  return missing.length === 0 ? 0 : 1;
}

async function carryOut(
  context: CommandContext,
  place: MtaPlace,
  { request, word }: Change,
): Promise<string> {
  const folder = queueFolderOf(place);
  const { log, close } = openMtaLog(place, context.zone, (text) => void complain(context.io, text));
  try {
    const result = await runQueueCommand({ folder, log, patienceMs: PATIENCE_MS }, request);
    switch (result.kind) {
      case 'applied': {
        const when = request.do === 'flush' ? ' (no MTA runs: when it does)' : '';
        return `${word}: ${result.ids.length === 0 ? 'none' : result.ids.join(', ')}${when}\n`;
      }
      case 'handed-over':
        return `the MTA was told: ${word}\n`;
      case 'unanswered':
        return unanswered(queueOwner(folder)?.pid);
    }
  } finally {
    await close();
  }
}

function unanswered(pid: number | undefined): string {
  return `the MTA${pid === undefined ? '' : ` (process ${pid})`} is busy; it will do so\n`;
}

function idsOf(request: QueueRequest): readonly string[] {
  return request.do === 'flush' ? (request.filter.ids ?? []) : request.ids;
}

/** The same of these messages; of all where none was named. */
function only(request: QueueRequest, ids: readonly string[]): QueueRequest {
  if (request.do !== 'flush') return { ...request, ids };
  return ids.length === 0 ? request : { ...request, filter: { ...request.filter, ids } };
}
