/**
 * Frames of the control socket: u32 LE length of what follows, u32 LE length of the JSON, the JSON (UTF-8),
 * the payloads one after another; the JSON's `lengths` tells them apart. A request is
 * `{ id, method, params }`, a reply `{ id, ok: true, result }` or `{ id, ok: false, error }`.
 *
 * Promise: a frame is whole or an error, never held beyond the limit; each payload has memory of its own,
 * so that it can be handed to another thread. After an error a stream is of no more use.
 */

/** What a frame may hold: an answer is refused where it would be larger, not cut. */
export const MAX_REQUEST = 64 * 1024 * 1024;
export const MAX_REPLY = 1024 * 1024 * 1024;
/** The JSON of a frame: rows and batches go into payloads. */
const MAX_JSON = 16 * 1024 * 1024;
const MAX_PAYLOADS = 65_536;
const HEADER = 8;
const WORD = 4;

export interface WireRequest {
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
  readonly payloads: readonly Uint8Array[];
}

export interface WireFailure {
  readonly code: string;
  readonly message: string;
  readonly details?: unknown;
}

export type WireOutcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: WireFailure };

export type WireReply = WireOutcome & {
  readonly id: number;
  readonly payloads: readonly Uint8Array[];
};

/** Whoever answers requests. A session is a client's connection; requests of one may run at once. */
export interface RequestHandler {
  /** Never rejects: what went wrong is in the reply. */
  handle(session: string, request: WireRequest): Promise<WireReply>;
  /** The client has gone: what it holds is given back, what it waits for is ended. */
  endSession(session: string): Promise<void>;
}

export interface Frame {
  readonly head: Readonly<Record<string, unknown>>;
  readonly payloads: readonly Uint8Array[];
}

/** The bytes are no frame, or one that is too large. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

export function encodeRequest({ id, method, params, payloads }: WireRequest): Uint8Array[] {
  return encodeFrame({ id, method, params }, payloads);
}

export function encodeReply(reply: WireReply): Uint8Array[] {
  const { id, payloads } = reply;
  const outcome = reply.ok ? { result: reply.result } : { error: reply.error };
  return encodeFrame({ id, ok: reply.ok, ...outcome }, payloads);
}

/** The parts of a frame, to be written in order; payloads are not copied. */
function encodeFrame(head: object, payloads: readonly Uint8Array[]): Uint8Array[] {
  const lengths = payloads.map(({ byteLength }) => byteLength);
  const json = Buffer.from(JSON.stringify({ ...head, lengths }), 'utf8');
  const start = Buffer.alloc(HEADER);
  const total = lengths.reduce((sum, length) => sum + length, WORD + json.length);
  if (json.length > MAX_JSON || total > MAX_REPLY) throw new WireError('the message is too large');
  start.writeUInt32LE(total, 0);
  start.writeUInt32LE(json.length, WORD);
  return [start, json, ...payloads.filter(({ byteLength }) => byteLength > 0)];
}

export function toRequest({ head, payloads }: Frame): WireRequest {
  const { id, method, params } = head;
  if (!isId(id) || typeof method !== 'string') throw new WireError('this is no request');
  return { id, method, params, payloads };
}

export function toReply({ head, payloads }: Frame): WireReply {
  const { id, ok, result, error } = head;
  if (!isId(id)) throw new WireError('this is no reply');
  if (ok === true) return { id, ok, result, payloads };
  const failure = error as Partial<WireFailure> | null | undefined;
  if (typeof failure?.code !== 'string' || typeof failure.message !== 'string') {
    throw new WireError('this is no reply');
  }
  return { id, ok: false, error: failure as WireFailure, payloads };
}

function isId(id: unknown): id is number {
  return Number.isSafeInteger(id);
}

/** A place to be filled from the stream. */
interface Target {
  readonly bytes: Uint8Array;
  filled: number;
}

const target = (length: number): Target => ({ bytes: new Uint8Array(length), filled: 0 });

/** Puts frames together from the pieces of a stream. */
export class FrameDecoder {
  readonly #limit: number;
  #header = target(HEADER);
  #total = 0;
  #json: Target | undefined;
  #head: Readonly<Record<string, unknown>> = {};
  #payloads: readonly Target[] | undefined;
  #at = 0;

  /** `limit`: bytes of a frame. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether the stream could end here. */
  get isBetween(): boolean {
    return this.#header.filled === 0;
  }

  /** The frames that these bytes complete. Throws WireError. */
  push(bytes: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let rest = bytes;
    while (rest.length > 0) {
      rest = this.#fill(rest);
      const frame = this.#finish();
      if (frame !== undefined) frames.push(frame);
    }
    return frames;
  }

  /** Takes what the next place needs; what is left over. */
  #fill(bytes: Uint8Array): Uint8Array {
    const place = this.#place();
    const count = Math.min(bytes.length, place.bytes.length - place.filled);
    place.bytes.set(bytes.subarray(0, count), place.filled);
    place.filled += count;
    if (isFull(this.#header) && this.#json === undefined) this.#readHeader();
    else if (this.#json !== undefined && isFull(this.#json) && this.#payloads === undefined) {
      this.#readJson(this.#json.bytes);
    }
    return bytes.subarray(count);
  }

  #place(): Target {
    if (this.#json === undefined) return this.#header;
    if (this.#payloads === undefined) return this.#json;
    return this.#payloads[this.#at] ?? this.#header;
  }

  #readHeader(): void {
    const view = new DataView(this.#header.bytes.buffer);
    this.#total = view.getUint32(0, true);
    const length = view.getUint32(WORD, true);
    if (this.#total > this.#limit) throw new WireError('the message is too large');
    if (length < 2 || length > MAX_JSON || length + WORD > this.#total) {
      throw new WireError('this is no message');
    }
    this.#json = target(length);
  }

  #readJson(json: Uint8Array): void {
    const head = parseObject(json);
    const lengths = head.lengths ?? [];
    if (!Array.isArray(lengths) || lengths.length > MAX_PAYLOADS || !lengths.every(isLength)) {
      throw new WireError('this is no message');
    }
    const sum = lengths.reduce((all: number, length: number) => all + length, WORD + json.length);
    if (sum !== this.#total) throw new WireError('the lengths of a message disagree');
    this.#head = head;
    this.#payloads = lengths.map(target);
  }

  /** The frame, if it is whole. */
  #finish(): Frame | undefined {
    const payloads = this.#payloads;
    if (payloads === undefined) return undefined;
    for (let next = payloads[this.#at]; next !== undefined && isFull(next); ) {
      this.#at += 1;
      next = payloads[this.#at];
    }
    if (this.#at < payloads.length) return undefined;
    const frame = { head: this.#head, payloads: payloads.map(({ bytes }) => bytes) };
    this.#header = target(HEADER);
    this.#json = undefined;
    this.#payloads = undefined;
    this.#at = 0;
    return frame;
  }
}

function isFull({ bytes, filled }: Target): boolean {
  return filled === bytes.length;
}

function isLength(length: unknown): length is number {
  return Number.isSafeInteger(length) && (length as number) >= 0;
}

function parseObject(json: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8'));
  } catch (error) {
    throw new WireError('this is no message', { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WireError('this is no message');
  }
  return value as Readonly<Record<string, unknown>>;
}
