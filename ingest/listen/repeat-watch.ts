/**
 * Which frames of a RELP session are sent again. After a broken connection a sender sends every frame it had
 * no answer for once more, in order, at the start of its next session; we may have stored them, and only the
 * answer was lost, with the connection or with us.
 *
 * So the tail of each session that did not end cleanly is kept as hashes. The first frame of a new session
 * of the same peer may match anywhere in a tail, each further one must match the next of it; as soon as none
 * does or the tail is over, the rest of the session is new. A line that merely equals an old one is thus no
 * repeat.
 *
 * Where a tail has equal lines, its frame that was next to be answered decides: what was never answered is
 * sent again, so a sender begins there or before, and hardly ever long before. What cannot be told apart is
 * taken for new. Memory is bounded; a tail that was given up costs duplicates, never lines.
 */
import type { FrameKind } from './inlet.ts';

/** What recovery found, in order; `opened` carries the peer in its bytes, as UTF-8. */
export interface SessionNote {
  readonly kind: FrameKind | 'opened' | 'closed';
  readonly session: number;
  readonly bytes: Uint8Array;
}

/** Frames of a session that are kept; no sender has more without an answer. */
const TAIL_LENGTH = 4096;
const MOST_SESSIONS_OF_PEER = 64;
const MOST_SESSIONS = 4096;
const MOST_HASHES = 2 ** 21;
const KEPT_MS = 24 * 3600 * 1000;
/** Places a session may go on from at once; more arise only where a tail repeats one line. */
const MOST_ALIGNMENTS = 1024;

/** The hashes of the last frames: a ring of pairs that grows to its full size. */
class Tail {
  readonly peer: string;
  readonly session: number;
  seenAt: number;
  isOpen = true;
  /** Frames ever put; frame n is in the ring if n >= first. */
  count = 0;
  /** So many of them may have been answered, the others were not; undefined where that is not known. */
  answered: number | undefined;
  /** All were in the store when the process ended, so most likely all were answered. */
  isSettled = false;
  #ring = new Uint32Array(2 * 16);

  constructor(peer: string, session: number, seenAt: number) {
    this.peer = peer;
    this.session = session;
    this.seenAt = seenAt;
  }

  get capacity(): number {
    return this.#ring.length / 2;
  }

  get first(): number {
    return Math.max(0, this.count - TAIL_LENGTH);
  }

  add(high: number, low: number): void {
    if (this.count === this.capacity && this.count < TAIL_LENGTH) this.#grow();
    const at = 2 * (this.count % this.capacity);
    this.#ring[at] = high;
    this.#ring[at + 1] = low;
    this.count += 1;
  }

  holds(frame: number, high: number, low: number): boolean {
    if (frame < this.first || frame >= this.count) return false;
    const at = 2 * (frame % this.capacity);
    return this.#ring[at] === high && this.#ring[at + 1] === low;
  }

  /** Frames like this one, the likeliest to be sent again first. */
  *placesOf(high: number, low: number): Generator<number> {
    // Nothing is sent again here, but a burst of equal lines goes on.
    if (this.isSettled && this.holds(this.count - 1, high, low)) return;
    const likeliest = Math.min(this.answered ?? -1, this.count - 1);
    for (let frame = likeliest; frame >= this.first; frame -= 1) {
      if (this.holds(frame, high, low)) yield frame;
    }
    for (let frame = Math.max(this.first, likeliest + 1); frame < this.count; frame += 1) {
      if (this.holds(frame, high, low)) yield frame;
    }
  }

  /** Only before the ring goes round, so that places stay. */
  #grow(): void {
    const ring = new Uint32Array(Math.min(2 * this.#ring.length, 2 * TAIL_LENGTH));
    ring.set(this.#ring);
    this.#ring = ring;
  }
}

/** Where a new session may go on: the next frame must equal frame `next` of the tail. */
interface Alignment {
  readonly tail: Tail;
  next: number;
}

export class RepeatWatch {
  readonly #now: () => number;
  /** By session number, the oldest first. */
  readonly #tails = new Map<number, Tail>();
  readonly #byPeer = new Map<string, Set<Tail>>();
  /** Sessions that may still repeat; undefined before their first frame. */
  readonly #following = new Map<number, Alignment[] | undefined>();
  readonly #hash = new Uint32Array(2);
  #lastSession = 0;
  /** Room of all tails together. */
  #hashes = 0;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Takes what the spool holds from before the start; `isStored` when the store has it. */
  recover(note: SessionNote, isStored?: boolean): void {
    if (note.session <= 0) return;
    this.#lastSession = Math.max(this.#lastSession, note.session);
    if (note.kind === 'opened') {
      this.#keep(new Tail(Buffer.from(note.bytes).toString('utf8'), note.session, this.#now()));
      this.broke(note.session);
    } else if (note.kind === 'closed') this.closed(note.session);
    else if (note.kind !== 'cut') {
      this.#remember(note.session, note.bytes);
      if (isStored !== undefined) this.#settle(note.session, isStored);
    }
  }

  #settle(session: number, isStored: boolean): void {
    const tail = this.#tails.get(session);
    if (tail === undefined) return;
    tail.answered = isStored ? tail.count : (tail.answered ?? 0);
    tail.isSettled = isStored;
  }

  /** The number of a new session of this peer. */
  opened(peer: string): number {
    this.#lastSession += 1;
    const session = this.#lastSession;
    this.#keep(new Tail(peer, session, this.#now()));
    this.#following.set(session, undefined);
    return session;
  }

  /** Whether the next frame of the session is one sent again; it is remembered in any case. */
  isRepeat(session: number, bytes: Uint8Array): boolean {
    this.#remember(session, bytes);
    if (!this.#following.has(session)) return false;
    const alive = this.#follow(session);
    if (alive.length > 0) this.#following.set(session, alive);
    else this.#following.delete(session);
    return alive.length > 0;
  }

  /** Nothing of the session is sent again. */
  closed(session: number): void {
    this.#following.delete(session);
    const tail = this.#tails.get(session);
    if (tail !== undefined) this.#forget(tail);
  }

  /** The session has ended, and what was not answered is sent again: so many of its last frames, if known. */
  broke(session: number, unanswered?: number): void {
    this.#following.delete(session);
    const tail = this.#tails.get(session);
    if (tail === undefined) return;
    tail.isOpen = false;
    if (unanswered !== undefined) tail.answered = tail.count - unanswered;
    tail.seenAt = this.#now();
  }

  #remember(session: number, bytes: Uint8Array): void {
    hashInto(this.#hash, bytes);
    const tail = this.#tails.get(session);
    if (tail === undefined) return;
    const { capacity } = tail;
    tail.add(this.#hash[0] ?? 0, this.#hash[1] ?? 0);
    if (tail.capacity === capacity) return;
    this.#hashes += tail.capacity - capacity;
    this.#bound();
  }

  #follow(session: number): Alignment[] {
    const high = this.#hash[0] ?? 0;
    const low = this.#hash[1] ?? 0;
    const alignments = this.#following.get(session);
    if (alignments === undefined) return this.#align(session, high, low);
    const over = new Set<Tail>();
    const alive = new Set<Tail>();
    const left = alignments.filter(({ tail, next }) => {
      const isOver = next >= tail.count;
      // The likeliest place in a tail that is left decides; when that has come to the end, all is new.
      if (isOver && !alive.has(tail)) over.add(tail);
      if (isOver || over.has(tail) || !tail.holds(next, high, low)) return false;
      alive.add(tail);
      return true;
    });
    for (const one of left) one.next += 1;
    return left;
  }

  /** All places of the peer's other tails at which the frame stands, the newest session's first. */
  #align(session: number, high: number, low: number): Alignment[] {
    const own = this.#tails.get(session);
    const found: Alignment[] = [];
    if (own === undefined) return found;
    for (const tail of [...(this.#byPeer.get(own.peer) ?? [])].reverse()) {
      if (tail === own || this.#isOld(tail)) continue;
      for (const frame of tail.placesOf(high, low)) {
        found.push({ tail, next: frame + 1 });
        if (found.length === MOST_ALIGNMENTS) return found;
      }
    }
    return found;
  }

  #isOld(tail: Tail): boolean {
    return !tail.isOpen && this.#now() - tail.seenAt > KEPT_MS;
  }

  #keep(tail: Tail): void {
    this.closed(tail.session);
    this.#tails.set(tail.session, tail);
    this.#hashes += tail.capacity;
    const ofPeer = this.#byPeer.get(tail.peer) ?? new Set();
    ofPeer.add(tail);
    this.#byPeer.set(tail.peer, ofPeer);
    for (const one of ofPeer) {
      if (this.#isOld(one) || ofPeer.size > MOST_SESSIONS_OF_PEER) this.#forget(one);
    }
    this.#bound();
  }

  /** The oldest tails go first, whoever's they are. */
  #bound(): void {
    for (const tail of this.#tails.values()) {
      if (this.#tails.size <= MOST_SESSIONS && this.#hashes <= MOST_HASHES) return;
      this.#forget(tail);
    }
  }

  #forget(tail: Tail): void {
    if (this.#tails.delete(tail.session)) this.#hashes -= tail.capacity;
    const ofPeer = this.#byPeer.get(tail.peer);
    ofPeer?.delete(tail);
    if (ofPeer?.size === 0) this.#byPeer.delete(tail.peer);
  }
}

/** 64 bits in two lanes with multipliers and seeds of their own. */
function hashInto(target: Uint32Array, bytes: Uint8Array): void {
  let high = bytes.length ^ 0x5bd1e995;
  let low = bytes.length ^ 0x2545f491;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    high = Math.imul(high ^ byte, 0x9e3779b1);
    high ^= high >>> 15;
    low = Math.imul(low ^ byte, 0x85ebca77);
    low ^= low >>> 13;
  }
  target[0] = finish(high);
  target[1] = finish(low);
}

function finish(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97);
  return hash ^ (hash >>> 15);
}
