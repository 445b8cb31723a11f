/**
 * The store of a daemon, over its control socket: the same answers, the same failures, as if the file were
 * opened here. Loads nothing of DuckDB.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { RowBatch } from '../../model/columns.ts';
import { fileError } from '../../model/errors.ts';
import type { RetentionMark } from '../retention-mark.ts';
import type {
  Bindings,
  Checkpoint,
  ExportFormat,
  LineKey,
  Progress,
  QueryResult,
  ReadStore,
  SourceIdentity,
  WriteStore,
} from '../store.ts';
import { encodeBatch } from './batch-codec.ts';
import type { Channel } from './channel.ts';
import { SocketChannel } from './channel.ts';
import { encodeBindings, objectOf, textOf, wholeOf } from './params.ts';
import type { Answer, Hello } from './protocol.ts';
import { decodeJson, decodeLineKeys, decodeRows } from './protocol.ts';

export class RemoteStore implements ReadStore, WriteStore {
  readonly isShared = true;
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Rejects with the system's error when nobody listens there (ENOENT, ECONNREFUSED) or it may not. */
  static async connect(socketPath: string): Promise<RemoteStore> {
    return new RemoteStore(await SocketChannel.connect(socketPath));
  }

  /** Calls a method by name: for those that others register. */
  call(method: string, params: object = {}, payloads: readonly Uint8Array[] = []): Promise<Answer> {
    return this.#channel.call(method, params, payloads);
  }

  async hello(): Promise<Hello> {
    const { protocol, version, pid, since, db } = objectOf((await this.call('hello')).result);
    return {
      protocol: wholeOf(protocol, 'protocol'),
      version: textOf(version, 'version'),
      pid: wholeOf(pid, 'pid'),
      since: textOf(since, 'since'),
      db: textOf(db, 'db'),
    };
  }

  /** The daemon did it when it opened the store. */
  async migrate(): Promise<void> {}

  async checkpoints(): Promise<readonly Checkpoint[]> {
    const { payloads } = await this.call('checkpoints');
    return decodeJson(payloads?.[0]) as readonly Checkpoint[];
  }

  async checkpointOf(headDigest: string): Promise<Checkpoint | undefined> {
    const { result } = await this.call('checkpointOf', { headDigest });
    return (result ?? undefined) as Checkpoint | undefined;
  }

  async begin(): Promise<void> {
    await this.call('begin');
  }

  async enter(source: SourceIdentity, known?: Checkpoint): Promise<number> {
    const { result } = await this.call('enter', { source, known });
    return wholeOf(result, 'sourceId');
  }

  async append(batch: RowBatch): Promise<void> {
    const { params, payloads } = encodeBatch(batch);
    await this.call('append', params, payloads);
  }

  async hasOtherSources(sourceId: number): Promise<boolean> {
    return (await this.call('hasOtherSources', { sourceId })).result === true;
  }

  async keepFrom(): Promise<RetentionMark | undefined> {
    const { result } = await this.call('keepFrom');
    return (result ?? undefined) as RetentionMark | undefined;
  }

  async linesSeen(sourceId: number, from: number, to: number): Promise<readonly LineKey[]> {
    const { payloads } = await this.call('linesSeen', { sourceId, from, to });
    return decodeLineKeys(payloads?.[0] ?? new Uint8Array(0));
  }

  async advance(sourceId: number, progress: Progress): Promise<void> {
    await this.call('advance', { sourceId, progress });
  }

  async commit(): Promise<void> {
    await this.call('commit');
  }

  async rollback(): Promise<void> {
    await this.call('rollback');
  }

  async correlate(): Promise<void> {
    await this.call('correlate');
  }

  async refreshRollups(): Promise<void> {
    await this.call('refreshRollups');
  }

  async query(sql: string, bindings: Bindings = {}): Promise<QueryResult> {
    const params = { sql, bindings: encodeBindings(bindings) };
    const { result, payloads = [] } = await this.call('query', params);
    return decodeRows(result, payloads);
  }

  async userQuery(sql: string): Promise<QueryResult> {
    const { result, payloads = [] } = await this.call('userQuery', { sql });
    return decodeRows(result, payloads);
  }

  /** The daemon may write to its own folder only; the file is fetched from there. */
  async exportTo(select: string, path: string, format: ExportFormat): Promise<number> {
    const { result } = await this.call('exportTo', { select, format });
    const exported = objectOf(result, 'export');
    const from = textOf(exported.path, 'path');
    try {
      await pipeline(createReadStream(from), createWriteStream(path));
    } catch (error) {
      throw fileError(error, isAbout(error, from) ? from : path);
    } finally {
      await this.call('dropExport', { path: from });
    }
    return wholeOf(exported.rows, 'rows');
  }

  async checkpoint(): Promise<void> {
    await this.call('checkpoint');
  }

  close(): Promise<void> {
    return this.#channel.close();
  }
}

function isAbout(error: unknown, path: string): boolean {
  return error instanceof Error && 'path' in error && error.path === path;
}
