/** Transactions of sample lines into a sink, as an ingest makes them. */
import { BlockParser } from '../../ingest/pipeline/block-parser.ts';
import { SourceWriter } from '../../ingest/pipeline/source-writer.ts';
import { SendmailDialect } from '../../ingest/sendmail/sendmail-dialect.ts';
import type { RowBatch } from '../../src/model/columns.ts';
import type { Checkpoint, Sink } from '../../src/store/store.ts';
import { sampleLog } from '../e2e/sample-log.ts';
import { TEST_CLOCK } from './load-log.ts';

export function sampleParser(): BlockParser {
  const parser = new BlockParser({ dialects: [(block) => new SendmailDialect(block)] }, TEST_CLOCK);
  parser.startSource(TEST_CLOCK);
  return parser;
}

/** One source, written a block a transaction. */
export class SampleSource {
  #writer: SourceWriter;
  readonly #name: string;
  #blocks = 0;
  #offset = 0;
  #last: Buffer = Buffer.alloc(0);

  constructor(name: string) {
    this.#name = name;
    this.#writer = this.#newWriter(undefined);
  }

  #newWriter(known: Checkpoint | undefined): SourceWriter {
    const identity = { name: this.#name, headLength: 3, headDigest: this.#name };
    return new SourceWriter(identity, known, sampleParser(), {
      keepUnparsed: 100,
      checkDuplicates: false,
    });
  }

  /** Reads the next lines, without writing them. */
  parse(lines: number): void {
    this.#blocks += 1;
    this.#last = sampleLog({ lines, seed: this.#blocks });
    this.#parseLast();
    this.#offset += this.#last.length;
  }

  /** Writes what was parsed last once more, from the checkpoint before it. */
  async again(sink: Sink): Promise<void> {
    this.#writer = this.#newWriter((await sink.checkpoints())[0]);
    this.#offset -= this.#last.length;
    this.#parseLast();
    this.#offset += this.#last.length;
    await this.begin(sink);
    await this.commit(sink);
  }

  #parseLast(): void {
    const bytes = this.#last;
    this.#writer.parse({ kind: 'lines', bytes, offset: this.#offset, unterminated: false });
  }

  /** Begins a transaction with what was parsed. */
  async begin(sink: Sink): Promise<void> {
    await sink.begin();
    await this.#writer.write(sink);
  }

  async commit(sink: Sink): Promise<void> {
    await this.#writer.settle(sink);
    await sink.commit();
    this.#writer.committed();
  }

  async write(sink: Sink, lines: number): Promise<void> {
    this.parse(lines);
    await this.begin(sink);
    await this.commit(sink);
  }
}

/** A batch of these many sample lines. */
export function sampleBatch(lines: number, seed = 5): RowBatch {
  const parser = sampleParser();
  parser.parse(sampleLog({ lines, seed }), 0);
  return parser.block.toBatch(1, 100);
}
