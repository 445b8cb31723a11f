/**
 * Log text and archives of it for the tests of this folder: lines made by a formula, the archives made by
 * zstd 1.5, bzip2 1.0.8 and xz 5.4 from them, so that the tests need none of these tools.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A small generator of numbers that are the same in each run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lines of a mail log, each with its LF. */
export function logText(lineCount: number, seed = 1): string {
  const random = seeded(seed);
  const upTo = (limit: number) => Math.floor(random() * limit);
  let text = '';
  for (let line = 0; line < lineCount; line++) {
    const clock = [line / 3600, (line / 60) % 60, line % 60].map((part) =>
      String(Math.floor(part)).padStart(2, '0'),
    );
    text +=
      `Nov  1 ${clock.join(':')} mx${upTo(3)} sm-mta[${upTo(30_000)}]: 4A1${upTo(1e9).toString(36)}: ` +
      `to=<user${upTo(500)}@example${upTo(50)}.org>, delay=00:00:0${upTo(10)}, mailer=esmtp, ` +
      `relay=mail.example${upTo(50)}.org. [192.0.2.${upTo(255)}], dsn=2.0.0, stat=Sent (ok ${upTo(1e9)})\n`;
  }
  return text;
}

/** What the archives below hold. */
export const SAMPLE = Buffer.from(logText(12));

