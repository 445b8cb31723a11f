/** What the thread that reads a Unix socket is told, and the words of memory it shares with its owner. */
export interface WorkerTask {
  readonly fd: number;
  readonly maxLine: number;
  /** Two words: batches under way, and whether to stop. */
  readonly shared: SharedArrayBuffer;
}

export const OUTSTANDING = 0;
export const STOP = 1;
export const StopWord = { no: 0, whenEmpty: 1, now: 2 } as const;

/** Of 256 KiB at most each. */
export const MOST_BATCHES = 8;
