/**
 * What a dialect is: a reader of one MTA's line texts. It turns one line into rows of the block, or says
 * why not. It keeps no counts and decides nothing about files, time or storage.
 */
import type { Mta } from '../src/model/vocabulary.ts';
import type { LogBlock } from './pipeline/log-block.ts';

/** Why a line made no event. `foreign` is no mail line at all; the others are shown to the user. */
export interface Refusal {
  readonly outcome: 'foreign' | 'unsupported' | 'malformed';
  readonly why: string;
}

/** Undefined: the line was understood. */
export type Verdict = Refusal | undefined;

export interface Dialect {
  readonly mta: Mta;
  /**
   * Reads the text `bytes[start, end)` of the current line of the block it was made for, whose header
   * stands in `block.header`. Rows go to `block.tables`.
   */
  read(start: number, end: number): Verdict;
  /** Forgets what it remembers of a source: called before another source begins. */
  reset(): void;
}

const refusal = (outcome: Refusal['outcome'], why: string): Refusal => ({ outcome, why });

/** Mail, but of a kind that no dialect knows. */
export const unsupported = (why: string): Refusal => refusal('unsupported', why);
/** Shaped like a known kind, but broken. */
export const malformed = (why: string): Refusal => refusal('malformed', why);
export const foreign = (why: string): Refusal => refusal('foreign', why);

/** Makes a dialect that reads the lines of one block, loaded again and again. */
export type DialectFactory = (block: LogBlock) => Dialect;
