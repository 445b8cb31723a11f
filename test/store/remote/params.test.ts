import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maillogError } from '../../../src/model/errors.ts';
import {
  checkpointOf,
  decodeBindings,
  encodeBindings,
  identityOf,
  progressOf,
} from '../../../src/store/remote/params.ts';
import {
  decodeLineKeys,
  decodeRows,
  encodeLineKeys,
  RowEncoder,
  toError,
  toFailure,
} from '../../../src/store/remote/protocol.ts';
import { WireError } from '../../../src/store/remote/wire.ts';
import type { Progress } from '../../../src/store/store.ts';
import { StaleSource, TurnLost } from '../../../src/store/store.ts';

const overJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const PROGRESS: Progress = {
  hours: [494_000, -1],
  offset: 2 ** 40,
  lines: 10,
  tailLength: 3,
  tailDigest: 'abc',
  cursor: null,
  firstLine: 1,
  counts: { read: 1, parsed: 1, foreign: 0, unsupported: 0, malformed: 0, duplicate: 0, bytes: 9 },
};

test('bindings survive: times, whole numbers beyond JSON, and what is no number', () => {
  const bindings = {
    time: new Date(1_700_000_000_123),
    big: 2n ** 62n,
    none: null,
    text: 'x',
    yes: true,
    half: 0.5,
    infinite: Number.POSITIVE_INFINITY,
    nan: Number.NaN,
  };
  assert.deepEqual(decodeBindings(overJson(encodeBindings(bindings))), bindings);
  for (const wrong of [
    {},
    [['x']],
    [['x', 'json', {}]],
    [['x', 'time', 'now']],
    [['x', 'bigint', '1;']],
    [[1, 'json', 1]],
  ]) {
    assert.throws(() => decodeBindings(wrong), WireError, JSON.stringify(wrong));
  }
});

test('a source, its checkpoint and its progress survive; what is wrong in them is refused', () => {
  const source = { name: 'x', headLength: 1, headDigest: 'a' };
  assert.deepEqual(identityOf(overJson(source)), source);
  assert.deepEqual(progressOf(overJson(PROGRESS)), PROGRESS);
  const { hours: _, firstLine: __, ...place } = PROGRESS;
  const known = { sourceId: 4, headLength: 1, headDigest: 'a', ...place };
  const { name: ___, ...checkpoint } = { name: '', ...checkpointOf(overJson(known)) };
  assert.deepEqual(checkpoint, known);
  assert.equal(checkpointOf(undefined), undefined);
  for (const wrong of [
    { ...PROGRESS, hours: ['1]); DROP TABLE raw.hops; --'] },
    { ...PROGRESS, hours: [0.5] },
    { ...PROGRESS, offset: -1 },
    { ...PROGRESS, counts: {} },
    { ...PROGRESS, cursor: 7 },
    null,
    [],
  ]) {
    assert.throws(() => progressOf(wrong), WireError);
  }
});

test('errors come out as they went in', () => {
  for (const error of [
    maillogError('E_BAD_SQL', { problem: 'x' }),
    new StaleSource('stale'),
    new TurnLost('lost'),
    new WireError('wire'),
    new Error('Binder Error: x'),
  ]) {
    const again = toError(toFailure(error));
    assert.deepEqual([again.name, again.message], [error.name, error.message]);
    assert.deepEqual(toFailure(again), toFailure(error));
  }
  assert.deepEqual(toFailure('text'), { code: 'Error', message: 'text' });
  assert.equal(toError({ code: '__proto__', message: 'x' }).name, 'Error');
});

test('rows come out by chunks within a bound; keys of lines as numbers', () => {
  const rows = new RowEncoder(100);
  rows.add([['a', null]]);
  rows.add([['b', { c: [1] }]]);
  assert.deepEqual(decodeRows(['x', 'y'], rows.payloads), {
    columns: ['x', 'y'],
    rows: [
      { x: 'a', y: null },
      { x: 'b', y: { c: [1] } },
    ],
  });
  assert.throws(() => rows.add([['x'.repeat(100)]]), { code: 'E_STORE_FAILED' });
  const keys = [{ second: 1_700_000_000, hash: 2 ** 24 - 1, count: 2, own: 0 }];
  assert.deepEqual(decodeLineKeys(encodeLineKeys(keys)), keys);
});
