/** One source by itself as its own provider: there from the beginning, gone when it is over. */
import type { LiveSource, LiveSources } from './live-source.ts';

export class SingleSource implements LiveSources {
  readonly #source: LiveSource;
  #sources: readonly LiveSource[];

  constructor(source: LiveSource) {
    this.#source = source;
    this.#sources = [source];
  }

  async refresh(): Promise<readonly LiveSource[]> {
    return this.#sources;
  }

  async ended(source: LiveSource): Promise<void> {
    if (source !== this.#source) return;
    this.#sources = [];
    await source.close();
  }

  async close(): Promise<void> {
    await this.#source.close();
  }
}
