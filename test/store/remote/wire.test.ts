import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame, WireRequest } from '../../../src/store/remote/wire.ts';
import {
  encodeReply,
  encodeRequest,
  FrameDecoder,
  toReply,
  toRequest,
  WireError,
} from '../../../src/store/remote/wire.ts';
import type { RandomSource } from '../../support/random.ts';
import { randomSource } from '../../support/random.ts';

const LIMIT = 1 << 20;

function randomRequest(random: RandomSource, id: number): WireRequest {
  const payloads = Array.from({ length: random.below(4) }, () =>
    Uint8Array.from({ length: random.pick([0, 1, 7, 300]) }, () => random.below(256)),
  );
  return { id, method: random.pick(['query', 'append']), params: { text: 'é\u0000"' }, payloads };
}

/** Cuts bytes at random places. */
function pieces(random: RandomSource, bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + random.below(random.pick([1, 5, 400]));
    parts.push(bytes.subarray(at, at + length));
    at += length;
  }
  return parts;
}

test('requests come out as they went in, however the stream is cut', () => {
  const random = randomSource(1);
  for (let round = 0; round < 200; round += 1) {
    const requests = Array.from({ length: 3 }, (_, id) => randomRequest(random, id));
    const bytes = Buffer.concat(requests.flatMap(encodeRequest));
    const decoder = new FrameDecoder(LIMIT);
    const frames = pieces(random, bytes).flatMap((part) => decoder.push(part));
    assert.deepEqual(frames.map(toRequest), requests);
    assert.ok(decoder.isBetween);
    for (const { buffer, byteLength } of frames.flatMap(({ payloads }) => payloads)) {
      assert.equal(buffer.byteLength, byteLength);
    }
  }
});

test('replies come out as they went in', () => {
  const payloads = [new Uint8Array([1, 2]), new Uint8Array(0)];
  for (const reply of [
    { id: 1, ok: true as const, result: ['a', 'b'], payloads },
    { id: 2, ok: false as const, error: { code: 'E_BAD_SQL', message: 'no' }, payloads: [] },
  ]) {
    const [frame] = new FrameDecoder(LIMIT).push(Buffer.concat(encodeReply(reply)));
    assert.deepEqual(toReply(frame as Frame), reply);
  }
});

test('garbage and damaged messages are errors or messages, and bounded', () => {
  const random = randomSource(2);
  const outcomes = { frames: 0, errors: 0 };
  for (let round = 0; round < 5000; round += 1) {
    const bytes = Buffer.concat(encodeRequest(randomRequest(random, round)));
    const hits = random.below(4);
    for (let i = 0; i < hits; i += 1) bytes[random.below(bytes.length)] = random.below(256);
    const decoder = new FrameDecoder(LIMIT);
    try {
      outcomes.frames += decoder.push(bytes).map(toRequest).length;
    } catch (error) {
      assert.ok(error instanceof WireError, String(error));
      outcomes.errors += 1;
    }
  }
  assert.ok(outcomes.frames > 100 && outcomes.errors > 100, JSON.stringify(outcomes));
});

test('what is too large, empty or contradicts itself is refused at once', () => {
  const frame = (total: number, json: string, jsonLength = json.length) => {
    const start = Buffer.alloc(8);
    start.writeUInt32LE(total, 0);
    start.writeUInt32LE(jsonLength, 4);
    return Buffer.concat([start, Buffer.from(json)]);
  };
  for (const bytes of [
    frame(LIMIT + 1, '{}'),
    frame(4, '', 0),
    frame(6, '[]'),
    frame(6, '{x'),
    frame(5, '{}'),
    frame(900, '{"lengths":[1]}'),
    frame(19, '{"lengths":[-1]}', 15),
    frame(20, '{"lengths":["1"]}', 16),
    frame(0xffffffff, '{}', 0xffffffff),
  ]) {
    assert.throws(() => new FrameDecoder(LIMIT).push(bytes), WireError, bytes.toString('latin1'));
  }
  const none = new FrameDecoder(LIMIT).push(frame(6, '{}'));
  assert.throws(() => none.map(toRequest), WireError);
  assert.throws(() => none.map(toReply), WireError);
});
