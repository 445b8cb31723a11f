/** Deliveries at one time: to one destination, and altogether. Who finds no slot waits his turn. */
export class DestinationSlots {
  readonly #perDestination: number;
  readonly #total: number;
  readonly #busy = new Map<string, number>();
  readonly #waiting: { readonly key: string; readonly start: () => void }[] = [];
  #running = 0;

  constructor(perDestination: number, total: number) {
    this.#perDestination = perDestination;
    this.#total = total;
  }

  async use<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (!this.#isFree(key))
      await new Promise<void>((start) => this.#waiting.push({ key, start: () => start() }));
    else this.#occupy(key);
    try {
      return await work();
    } finally {
      this.#leave(key);
    }
  }

  #isFree(key: string): boolean {
    return this.#running < this.#total && (this.#busy.get(key) ?? 0) < this.#perDestination;
  }

  #occupy(key: string): void {
    this.#running += 1;
    this.#busy.set(key, (this.#busy.get(key) ?? 0) + 1);
  }

  #leave(key: string): void {
    this.#running -= 1;
    const left = (this.#busy.get(key) ?? 1) - 1;
    if (left === 0) this.#busy.delete(key);
    else this.#busy.set(key, left);
    this.#startNext();
  }

  /** The slot is given away here, so that nobody who comes later takes it first. */
  #startNext(): void {
    const next = this.#waiting.findIndex(({ key }) => this.#isFree(key));
    if (next < 0) return;
    const [chosen] = this.#waiting.splice(next, 1);
    if (chosen === undefined) return;
    this.#occupy(chosen.key);
    chosen.start();
  }
}
