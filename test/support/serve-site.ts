/** What the tests of a running daemon share: places for it, lines for it, and that none outlives its test. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, afterEach } from 'node:test';
import { DuckDbStore } from '../../src/store/duckdb/duckdb-store.ts';
import { sampleLines } from '../e2e/sample-log.ts';
import { assertHolds } from '../ingest/live/live-store.ts';
import { DaemonProcess, makeSite } from './daemon.ts';
import { ServeCommand } from './serve-command.ts';

export const TCP = 'tcp://127.0.0.1:0';
export const READ = 'SELECT coalesce(sum(lines_read), 0) AS n FROM ledger';
export const LINES = sampleLines({ lines: 6000, seed: 77 });

export const site = makeSite('serve');
after(() => site.remove());

/** A test that fails leaves its daemon to us. */
const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

export function daemonProcess(...args: ConstructorParameters<typeof DaemonProcess>): DaemonProcess {
  const daemon = new DaemonProcess(...args);
  ended.push(() => daemon.end('SIGKILL'));
  return daemon;
}

export function serveCommand(...args: ConstructorParameters<typeof ServeCommand>): ServeCommand {
  const command = new ServeCommand(...args);
  ended.push(async () => command.child.kill('SIGKILL'));
  return command;
}

export interface Place {
  readonly db: string;
  readonly log: string;
}

let count = 0;

export function newPlace(): Place {
  count += 1;
  return { db: join(site.folder, `${count}.duckdb`), log: join(site.folder, `${count}.log`) };
}

export const asText = (lines: readonly string[]): string =>
  lines.map((line) => `${line}\n`).join('');

/** Sends all and closes; done when the system has taken all of it. */
export async function send({ hostname, port }: URL, lines: readonly string[]): Promise<void> {
  const socket = connect(Number(port), hostname);
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.end(asText(lines.map((line) => `<22>${line}`)), resolve);
  });
}

/** The store holds just these lines, each once. */
export async function assertStored(db: string, lines: readonly string[]): Promise<void> {
  const store = await DuckDbStore.open({ path: db });
  try {
    await assertHolds(async (sql) => (await store.query(sql)).rows, lines);
  } finally {
    await store.close();
  }
}
