/**
 * The store gave up: DuckDB invalidates a database whose file or log it could not write, and answers nothing
 * any more until it is closed and opened again. What was not committed is lost with it, and nothing else.
 */
import type { MaillogError } from '../../model/errors.ts';
import { maillogError } from '../../model/errors.ts';

const NO_SPACE = /No space left on device|Disk quota exceeded/i;
const INVALIDATED = /^(?:\w*Error: )?FATAL Error|database has been invalidated/;
/** A log that could be written in part only: DuckDB goes on with it, but a fresh start is surer. */
const UNWRITTEN = /Could not (?:write|f?sync|truncate) /i;

export class StoreBroken extends Error {
  override readonly name = 'StoreBroken';
  /** There was no room for what was to be written. */
  readonly isFull: boolean;
  readonly path: string;

  constructor(path: string, cause: unknown) {
    const text = cause instanceof Error ? cause.message : String(cause);
    super(text.split('\n')[0] ?? text, { cause });
    this.path = path;
    this.isFull = saysFull(text);
  }

  toMaillogError(): MaillogError {
    return this.isFull
      ? maillogError('E_DISK_FULL', { path: this.path }, this)
      : maillogError('E_STORE_FAILED', { problem: this.message }, this);
  }
}

/** Whether DuckDB's words are of a disk without room. */
export function saysFull(text: string): boolean {
  return NO_SPACE.test(text);
}

/** Whether an error of a read says that the database is of no more use. */
export function isInvalidated(error: unknown): boolean {
  return INVALIDATED.test(textOf(error));
}

/** The same for an error of a write. */
export function isBroken(error: unknown): boolean {
  const text = textOf(error);
  return INVALIDATED.test(text) || saysFull(text) || UNWRITTEN.test(text);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
