/** A folder of logs, a store and the live ingester over them, driven round by round. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Follower } from '../../ingest/follow/follower.ts';
import { LiveIngester } from '../../ingest/live/live-ingester.ts';
import type { LiveSources } from '../../ingest/live/live-source.ts';
import { BlockParser } from '../../ingest/pipeline/block-parser.ts';
import { SendmailDialect } from '../../ingest/sendmail/sendmail-dialect.ts';
import { DuckDbStore } from '../../src/store/duckdb/duckdb-store.ts';
import type { Row } from '../../src/store/store.ts';
import { TEST_CLOCK } from './load-log.ts';

export class LiveSite {
  readonly folder = mkdtempSync(join(tmpdir(), 'maillog-live-'));
  readonly db = join(this.folder, 'store.duckdb');
  #store: DuckDbStore | undefined;
  #ingester: LiveIngester | undefined;
  #sources: LiveSources | undefined;

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Opens the store and follows the patterns, as a daemon does at its start. */
  async start(patterns: readonly string[], closeAfter = 0): Promise<void> {
    const follower = new Follower({
      patterns: patterns.map((name) => this.path(name)),
      lookEvery: 0,
      closeAfter,
    });
    await this.startWith(follower);
  }

  async startWith(sources: LiveSources): Promise<void> {
    this.#store = await DuckDbStore.open({ path: this.db });
    await this.#store.migrate();
    this.#sources = sources;
    const clock = TEST_CLOCK;
    this.#ingester = new LiveIngester({
      sink: this.#store,
      makeParser: () => new BlockParser({ dialects: [(b) => new SendmailDialect(b)] }, clock),
      clockOf: () => clock,
      keepUnparsed: 1000,
    });
    this.#ingester.add(this.#sources);
  }

  get ingester(): LiveIngester {
    if (this.#ingester === undefined) throw new Error('not started');
    return this.#ingester;
  }

  /** Rounds until several in a row have found nothing. */
  async settle(): Promise<void> {
    let quiet = 0;
    for (let rounds = 0; quiet < 4 && rounds < 1000; rounds += 1) {
      quiet = (await this.ingester.round()) ? 0 : quiet + 1;
    }
  }

  async rows(sql: string): Promise<readonly Row[]> {
    return (await this.#store?.query(sql))?.rows ?? [];
  }

  /** As after a kill: nothing is finished, the store is only closed. */
  async stop(): Promise<void> {
    await this.#sources?.close();
    await this.#store?.close();
    this.#store = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
