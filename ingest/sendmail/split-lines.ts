/**
 * Lines over 1024 bytes come in parts: `QID[1]: text ...`, `QID[2]: more ...`, `QID[3]: rest` (sendmail 8.17
 * `sm_syslog`, cut at the last comma or blank). Joined, they are one line: the blank and dots at the end of
 * each part but the last go, nothing else is put in.
 *
 * Memory is bounded: parts whose rest never comes are forgotten, the oldest first.
 */
import type { LogBlock } from '../pipeline/log-block.ts';

const LONGEST = 64 * 1024;
const MOST_OPEN = 256;
const CONTINUES = ' ...';

interface OpenLine {
  readonly next: number;
  readonly text: string;
}

/** A part read: what it completes, that more is to come, or that its beginning is missing. */
export type Part = { readonly text: string } | 'open' | 'orphan';

export class SplitLines {
  readonly #open = new Map<string, OpenLine>();

  clear(): void {
    this.#open.clear();
  }

  /** Takes the part behind `QID[number]: `. */
  take(block: LogBlock, queueId: string, number: number, part: string): Part {
    const key = `${block.hostId} ${block.header.pid} ${queueId}`;
    const before = number === 1 ? { next: 1, text: '' } : this.#open.get(key);
    this.#open.delete(key);
    if (before === undefined || before.next !== number) return 'orphan';
    const continues = part.endsWith(CONTINUES);
    const text = before.text + (continues ? part.slice(0, -CONTINUES.length) : part);
    if (!continues) return { text };
    if (text.length <= LONGEST) this.#keep(key, { next: number + 1, text });
    return 'open';
  }

  #keep(key: string, line: OpenLine): void {
    this.#open.set(key, line);
    if (this.#open.size <= MOST_OPEN) return;
    for (const oldest of this.#open.keys()) {
      this.#open.delete(oldest);
      return;
    }
  }
}
