/**
 * Opening the database for the daemon. One that another daemon answers for is refused at once, with who it is
 * and since when; one that somebody else has (a load, say) is waited for a while, as commands do.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type MaillogError, maillogError } from '../../model/errors.ts';
import { SharedStore } from '../../store/duckdb/shared-store.ts';
import { RemoteStore } from '../../store/remote/client.ts';
import { socketPathOf } from '../../store/remote/socket-path.ts';
import { explainStoreError } from '../explain-store-error.ts';
import { PATIENCE_MS, PAUSE_MS } from '../open-store.ts';
import type { StorePlan } from './plan.ts';

export interface OpeningHooks {
  /** Nobody wants it any more. */
  readonly isStopping: () => boolean;
  /** Told once, when it has to be waited for. */
  readonly waiting: (failure: MaillogError) => void;
  readonly patienceMs?: number;
}

/** Enough for a transaction of live lines and a few answers; what is more goes to a temporary file. */
const MEMORY = '512MB';
/** How long whoever answers on the socket is given to say who it is. */
const HELLO_PATIENCE_MS = 2000;

/** Rejects with a failure of the catalogue. */
export async function openShared(plan: StorePlan, hooks: OpeningHooks): Promise<SharedStore> {
  const deadline = Date.now() + (hooks.patienceMs ?? PATIENCE_MS);
  let isTold = false;
  for (;;) {
    await refuseSecond(plan.db);
    const outcome = await tryOpen(plan);
    if (outcome.store !== undefined) return outcome.store;
    const { failure } = outcome;
    const isHopeless = failure.code !== 'E_STORE_LOCKED' || Date.now() > deadline;
    if (isHopeless || hooks.isStopping()) throw failure;
    if (!isTold) hooks.waiting(failure);
    isTold = true;
    await sleep(PAUSE_MS);
  }
}

type Outcome =
  | { readonly store: SharedStore }
  | { readonly store?: undefined; readonly failure: MaillogError };

async function tryOpen({ db, exportFolder, group }: StorePlan): Promise<Outcome> {
  const memoryLimit = MEMORY;
  const exportGroup = group ?? undefined;
  try {
    return { store: await SharedStore.open({ path: db, exportFolder, exportGroup, memoryLimit }) };
  } catch (error) {
    return { failure: explainStoreError(db, error) };
  }
}

/** Where nobody answers, or not in time, the lock on the file decides. */
async function refuseSecond(db: string): Promise<void> {
  const store = await RemoteStore.connect(socketPathOf(db)).catch(() => undefined);
  if (store === undefined) return;
  const silence = setTimeout(() => void store.close(), HELLO_PATIENCE_MS);
  const hello = await store.hello().catch(() => undefined);
  clearTimeout(silence);
  await store.close();
  if (hello === undefined) return;
  const { pid, since } = hello;
  throw maillogError('E_ALREADY_RUNNING', { path: db, pid, since });
}
