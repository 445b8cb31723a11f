/** Health, figures, and nothing else, asked without a socket. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildServer } from '../../web/server.ts';

function serverOf(state: string, metrics: () => Promise<string> = async () => 'x 1\n') {
  return buildServer({ health: async () => ({ state, sources: [] }), metrics });
}

test('health is 200 while all is well and 503 while it is not', async () => {
  for (const [state, code] of [
    ['ok', 200],
    ['blocked', 503],
  ] as const) {
    const answer = await serverOf(state).inject('/health');
    assert.deepEqual([answer.statusCode, answer.json()], [code, { state, sources: [] }]);
  }
});

test('metrics are text of their version', async () => {
  const answer = await serverOf('ok').inject('/metrics');
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(answer.body, 'x 1\n');
});

test('all else is JSON with its status, and tells nothing of the inside', async () => {
  const failing = serverOf('ok', async () => {
    throw new Error('secret');
  });
  const asked = [
    ['GET', '/', 404],
    ['POST', '/health', 404],
    ['GET', '/%zz', 400],
    ['GET', '/metrics', 500],
  ] as const;
  for (const [method, url, code] of asked) {
    const answer = await failing.inject({ method, url });
    assert.equal(answer.statusCode, code, url);
    assert.match(String(answer.headers['content-type']), /^application\/json/);
    assert.doesNotMatch(answer.body, /secret/);
  }
});
