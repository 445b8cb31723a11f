/** Runs our mailstats in this process, with its output in strings, and a throw-away folder for its files. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { type MailstatsIo, runMailstats } from '../../src/cli/mailstats.ts';

export interface MailstatsRun {
  /** Bytes as latin1. */
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
  readonly slept: readonly number[];
}

export async function runOurs(
  argv: readonly string[],
  changes: Partial<MailstatsIo> = {},
): Promise<MailstatsRun> {
  const written = { stdout: '', stderr: '' };
  const slept: number[] = [];
  const status = await runMailstats(argv, {
    stdout: async (bytes) => {
      written.stdout += Buffer.from(bytes).toString('latin1');
    },
    stderr: async (bytes) => {
      written.stderr += Buffer.from(bytes).toString('latin1');
    },
    now: () => 1_700_000_777n,
    sleep: async (milliseconds) => {
      slept.push(milliseconds);
    },
    ...changes,
  });
  return { ...written, status, slept };
}

/** Gone when the test file ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'maillog-mailstats-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
