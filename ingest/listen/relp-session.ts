/**
 * One RELP session, the server's side: `open`, `syslog`, `close`.
 *
 * Promise: a `syslog` frame is answered only once its line is in the store, in the order of the frames; what is not answered is sent again by the client, and a line of it that is in the store is put as
 * `repeat`. Unanswered frames are bounded: then the socket is paused.
 */
import type { StreamSession, Wire } from './connection.ts';
import type { LineOfMessage } from './line-of-message.ts';
import type { EventGate, ListenContext, Tally } from './listener.ts';
import { type RelpFrame, RelpFramer } from './relp-frames.ts';
import type { RepeatWatch } from './repeat-watch.ts';

/** What the sessions of a listener share. */
export interface RelpHouse extends ListenContext {
  readonly watch: RepeatWatch;
  readonly lines: LineOfMessage;
  readonly tally: Tally;
  readonly events: EventGate;
  /** The position up to which everything is in the store. */
  committed(): number;
  left(session: RelpSession): void;
}

interface Unanswered {
  readonly txnr: number;
  readonly position: number;
  readonly text: string;
  /** A line of it was put. */
  readonly isPut?: boolean;
  readonly isClose?: true;
}

/** A client that does not read its answers is not read either. */
const MOST_UNSENT = 64 * 1024;
const OK = '200 OK';
/** The hint that the server ends the session; its number is 0 since it answers nothing. */
const SERVER_CLOSE = '0 serverclose 0\n';
const SOFTWARE = 'relp_software=maillog\ncommands=syslog';

export class RelpSession implements StreamSession {
  readonly #house: RelpHouse;
  readonly #wire: Wire;
  readonly #framer: RelpFramer;
  /** Its number once it is open, 0 before. */
  #session = 0;
  #state: 'reading' | 'closing' | 'stopping' | 'over' = 'reading';
  readonly #unanswered: Unanswered[] = [];
  #lastPosition = 0;
  #hasPut = false;
  #isClean = false;
  #answered: () => void = () => undefined;

  constructor(wire: Wire, house: RelpHouse) {
    this.#wire = wire;
    this.#house = house;
    this.#framer = new RelpFramer(house.limits.maxLine);
  }

  get openFrame(): number {
    return this.#framer.openFrame;
  }

  push(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length && this.#wantsMore()) {
      at = this.#framer.push(chunk, at, (frame) => this.#take(frame));
      if (this.#framer.isBroken) this.#refuse('what came is no RELP');
      // May make room in the window at once, since not every frame waits for the store.
      this.answer();
    }
    this.#house.tally.bytes += at - from;
    return at;
  }

  ended(): void {
    this.#house.left(this);
    if (this.#framer.openFrame > 0) this.#house.tally.cut += 1;
    this.#state = 'over';
    this.#answered();
    if (this.#session === 0 || this.#isClean) return;
    const unanswered = this.#unanswered.filter(({ isPut }) => isPut).length;
    if (this.#hasPut) this.#house.watch.broke(this.#session, unanswered);
    else this.#forget();
  }

  async wrapUp(): Promise<void> {
    if (this.#state === 'reading') this.#state = 'stopping';
    if (this.#unanswered.length > 0) await this.#untilAnswered();
    this.#wire.write(SERVER_CLOSE);
  }

  /** Answers what is in the store by now, and reads on if it was the answers that were missing. */
  answer(): void {
    const committed = this.#house.committed();
    let text = '';
    let count = 0;
    for (const one of this.#unanswered) {
      if (one.position > committed) break;
      text += response(one.txnr, one.text);
      count += 1;
      if (one.isClose) this.#closeCleanly();
    }
    if (count === 0) return;
    this.#unanswered.splice(0, count);
    this.#wire.write(this.#isClean ? text + SERVER_CLOSE : text);
    if (this.#unanswered.length === 0) this.#answered();
    if (this.#isClean) this.#wire.end();
    else this.#wire.resume();
  }

  #wantsMore(): boolean {
    return (
      this.#state === 'reading' &&
      !this.#house.inlet.isFull &&
      this.#unanswered.length < this.#house.limits.relpWindow &&
      this.#wire.unsent < MOST_UNSENT
    );
  }

  #take(frame: RelpFrame): boolean {
    switch (frame.command) {
      case 'open':
        this.#open(frame);
        break;
      case 'syslog':
        this.#putLine(frame);
        break;
      case 'close':
        this.#state = 'closing';
        this.#unanswered.push({
          txnr: frame.txnr,
          position: this.#lastPosition,
          text: OK,
          isClose: true,
        });
        break;
      default:
        this.#wire.write(response(frame.txnr, `500 unknown command ${frame.command}`));
    }
    return this.#wantsMore();
  }

  #open({ txnr, data }: RelpFrame): void {
    if (this.#session > 0) {
      this.#wire.write(response(txnr, '500 the session is open already'));
      return;
    }
    const version = /^relp_version=(\d+)/m.exec(Buffer.from(data).toString('latin1'))?.[1] ?? '0';
    this.#session = this.#house.watch.opened(this.#wire.peer);
    this.#house.inlet.opened(this.#session, this.#wire.peer);
    const offers = `relp_version=${version === '0' ? 0 : 1}\n${SOFTWARE}`;
    this.#wire.write(response(txnr, `${OK}\n${offers}`));
  }

  #putLine({ txnr, data, length }: RelpFrame): void {
    const { tally, inlet, limits, lines, watch } = this.#house;
    if (this.#session === 0) {
      this.#wire.write(response(txnr, '500 open the session first'));
      this.#refuse('syslog before open');
      return;
    }
    tally.frames += 1;
    const isOverlong = length > limits.maxLine;
    if (isOverlong) tally.overlong += 1;
    const bytes = lines.read(data, this.#wire.peer);
    if (bytes.length > 0) {
      const isRepeat = watch.isRepeat(this.#session, bytes);
      if (isRepeat) tally.repeated += 1;
      const kind = isOverlong ? 'overlong' : 'line';
      this.#lastPosition = inlet.put(
        { kind: isRepeat ? 'repeat' : kind, bytes, length },
        this.#session,
      );
      this.#hasPut = true;
    }
    // librelp goes on after a 500, and tells its administrator.
    const text = isOverlong ? `500 longer than ${limits.maxLine} bytes, the rest was cut off` : OK;
    const isPut = bytes.length > 0;
    this.#unanswered.push({ txnr, position: this.#lastPosition, text, isPut });
  }

  #refuse(why: string): void {
    this.#house.tally.errors += 1;
    this.#house.events.report('protocol', `${this.#wire.peer}: ${why}`);
    this.#state = 'over';
    this.#wire.end();
  }

  #closeCleanly(): void {
    this.#isClean = true;
    if (this.#session > 0) this.#forget();
  }

  /** Nothing of the session is sent again. */
  #forget(): void {
    this.#house.watch.closed(this.#session);
    this.#house.inlet.closed(this.#session);
  }

  #untilAnswered(): Promise<void> {
    return new Promise((resolve) => {
      const patience = setTimeout(resolve, this.#house.limits.stopGraceMs);
      this.#answered = () => {
        clearTimeout(patience);
        resolve();
      };
    });
  }
}

function response(txnr: number, text: string): string {
  return `${txnr} rsp ${Buffer.byteLength(text, 'latin1')} ${text}\n`;
}
