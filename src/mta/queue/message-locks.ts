/** Who works on a message just now: one at a time, within this process. */
export class MessageLocks {
  readonly #waiters = new Map<string, (() => void)[]>();

  get held(): ReadonlySet<string> {
    return new Set(this.#waiters.keys());
  }

  isHeld(id: string): boolean {
    return this.#waiters.has(id);
  }

  /** Undefined where somebody has it; otherwise gives it back when called. */
  tryTake(id: string): (() => void) | undefined {
    if (this.#waiters.has(id)) return undefined;
    this.#waiters.set(id, []);
    return () => this.#release(id);
  }

  /** Waits for it, in the order of asking. */
  async take(id: string): Promise<() => void> {
    const release = this.tryTake(id);
    if (release !== undefined) return release;
    await new Promise<void>((resume) => this.#waiters.get(id)?.push(resume));
    return () => this.#release(id);
  }

  #release(id: string): void {
    const next = this.#waiters.get(id)?.shift();
    if (next === undefined) this.#waiters.delete(id);
    else next();
  }
}
