/**
 * Lines from before what the store keeps: their rows were dropped by retention, and with them what would
 * make a copy recognisable. So they leave nothing behind but their count in the ledger, or an old archive
 * read again would count twice.
 *
 * Promise: a line without a stamp goes the way of the line before it.
 */
import type { LogBlock } from './log-block.ts';

export class PastLines {
  /** Whether the last line with a stamp was one. */
  #isPast = false;

  /** Marks the block's lines from before `from` (epoch seconds) and drops their rows; how many there are. */
  drop(block: LogBlock, from: number): number {
    const { lines } = block;
    let found = 0;
    for (let line = 0; line < lines.count; line += 1) {
      const time = lines.time[line] ?? Number.NaN;
      if (!Number.isNaN(time)) this.#isPast = time < from;
      lines.past[line] = this.#isPast ? 1 : 0;
      if (this.#isPast) found += 1;
    }
    if (found > 0) {
      for (const table of Object.values(block.tables)) {
        table.dropLines((line) => lines.past[line] === 1);
      }
    }
    return found;
  }
}
