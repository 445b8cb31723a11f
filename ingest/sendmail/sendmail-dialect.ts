/**
 * The sendmail dialect: one line text of sendmail 8.8 to 8.18 to its events. `from=` and `to=` lines, most
 * of any log, are read as bytes; all other kinds as strings, by the first reader that knows them.
 *
 * Whether a line is sendmail's is told by its shape, not by its tag: `-L` may set any tag.
 */

import { queueIdLength } from '../../src/format/queue-id.ts';
import { ascii, NumberReader, standsAt } from '../bytes.ts';
import type { Dialect, Verdict } from '../dialect.ts';
import { foreign, malformed, unsupported } from '../dialect.ts';
import type { LogBlock } from '../pipeline/log-block.ts';
import { ATTACK_READERS, CONNECTION_READERS } from './connection-lines.ts';
import { DAEMON_READERS } from './daemon-lines.ts';
import type { LineReader } from './event-writer.ts';
import { EventWriter } from './event-writer.ts';
import { Fields } from './fields.ts';
import { FrequentLines } from './frequent-lines.ts';
import type { QueueIdRange } from './from-line.ts';
import { FromLine } from './from-line.ts';
import { QUEUE_READERS } from './queue-lines.ts';
import { ADDRESS_READERS, REFUSAL_READERS } from './refusal-lines.ts';
import { Sessions } from './sessions.ts';
import { SplitLines } from './split-lines.ts';
import { ToLine } from './to-line.ts';

const FROM = ascii('from=');
const TO = ascii('to=');
const NOQUEUE = ascii('NOQUEUE: ');
/** An empty queue id, as a broken queue file leaves it. */
const NO_ID = ascii(': ');
const PART_END = ascii(']: ');
const OPEN = 0x5b;
const SPACE = 0x20;
const UNKNOWN_KIND = 'sendmail line of an unknown kind';

/** Order matters: exact shapes first, the loosest last. */
const READERS: readonly LineReader[] = [
  ...REFUSAL_READERS,
  ...CONNECTION_READERS,
  ...QUEUE_READERS,
  ...ATTACK_READERS,
  ...ADDRESS_READERS,
  ...DAEMON_READERS,
];

/** Lines without a queue id that are sendmail's whatever the tag says. */
const WITHOUT_ID =
  /^(?:AUTH=(?:server|client), |STARTTLS=(?:server|client), |ruleset=\w+, arg1=|starting daemon \(8\.|alias database \S+ (?:auto)?rebuilt by )/;

/** smrsh, sendmail's restricted shell, logs under its own name. */
const OWN_TAG = /^(?:sendmail|sm-|sm\.bin|newaliases|smrsh$|mailstats$)/;

export class SendmailDialect implements Dialect {
  readonly mta = 'sendmail' as const;
  readonly #block: LogBlock;
  readonly #sessions = new Sessions();
  readonly #from: FromLine;
  readonly #to: ToLine;
  readonly #frequent: FrequentLines;
  readonly #writer: EventWriter;
  readonly #split = new SplitLines();
  readonly #number = new NumberReader();
  /** Of the current line; one object for all of them, since there are millions. */
  readonly #queueId = { start: 0, end: 0 };
  /** Whether a tag is sendmail's, by its number. */
  readonly #ownTags: boolean[] = [];

  constructor(block: LogBlock) {
    const fields = new Fields(block);
    this.#block = block;
    this.#from = new FromLine(block, fields, this.#sessions);
    this.#to = new ToLine(block, fields);
    this.#frequent = new FrequentLines(block, fields, this.#sessions);
    this.#writer = new EventWriter(block, fields, this.#sessions);
  }

  reset(): void {
    this.#sessions.clear();
    this.#split.clear();
    this.#ownTags.length = 0;
  }

  read(start: number, end: number): Verdict {
    const { bytes } = this.#block;
    const length = queueIdLength(bytes, start, end);
    const queueId = this.#queueId;
    queueId.start = start;
    queueId.end = start + length;
    if (length > 0 && bytes[queueId.end] === OPEN) return this.#readPart(queueId, end);
    if (length > 0 && bytes[queueId.end + 1] === SPACE) {
      return this.#readText(queueId, queueId.end + 2, end);
    }
    queueId.end = start;
    const none = queueId;
    if (standsAt(bytes, start, end, NOQUEUE)) return this.#readOther(none, start + 9, end);
    if (standsAt(bytes, start, end, NO_ID) && this.#isOwnTag()) {
      return this.#readText(none, start + NO_ID.length, end);
    }
    return this.#readWithoutId(none, start, end);
  }

  /** What stands behind a queue id. */
  #readText(queueId: QueueIdRange, start: number, end: number): Verdict {
    const { bytes } = this.#block;
    if (standsAt(bytes, start, end, TO)) return this.#to.read(queueId, start + TO.length, end);
    if (standsAt(bytes, start, end, FROM))
      return this.#from.read(queueId, start + FROM.length, end);
    if (this.#frequent.read(queueId, start, end)) return undefined;
    return this.#readOther(queueId, start, end);
  }

  /** `QID[N]: part`: the last part is read as the whole line, which is put into the arena. */
  #readPart(queueId: QueueIdRange, end: number): Verdict {
    const block = this.#block;
    const { bytes } = block;
    const number = this.#number.read(bytes, queueId.end + 1, end);
    const behind = this.#number.end;
    if (!standsAt(bytes, behind, end, PART_END)) return unsupported(UNKNOWN_KIND);
    const id = bytes.toString('latin1', queueId.start, queueId.end);
    const part = bytes.toString('utf8', behind + PART_END.length, end);
    const taken = this.#split.take(block, id, number, part);
    if (taken === 'open') return undefined;
    if (taken === 'orphan') return malformed('part of a long line whose beginning is missing');
    const start = block.addText(`${id}: ${taken.text}`);
    const whole = { start, end: start + id.length };
    return this.#readText(whole, whole.end + 2, block.textEnd);
  }

  #readWithoutId(none: QueueIdRange, start: number, end: number): Verdict {
    const { bytes } = this.#block;
    if (this.#frequent.read(none, start, end)) return undefined;
    const own =
      this.#isOwnTag() ||
      WITHOUT_ID.test(bytes.toString('latin1', start, Math.min(end, start + 80)));
    if (!own) return foreign('not a mail line');
    return this.#readOther(none, start, end);
  }

  #readOther(queueId: QueueIdRange, start: number, end: number): Verdict {
    const text = this.#block.bytes.toString('utf8', start, end);
    this.#writer.setQueueId(queueId);
    for (const read of READERS) if (read(text, this.#writer)) return undefined;
    return unsupported(UNKNOWN_KIND);
  }

  #isOwnTag(): boolean {
    const { tagId, tags } = this.#block;
    let own = this.#ownTags[tagId];
    if (own === undefined) {
      own = OWN_TAG.test(tags.textOf(tagId));
      this.#ownTags[tagId] = own;
    }
    return own;
  }
}
