/** The figures as Prometheus reads them: names, types, one sample a name and labels, whatever a path is called. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noCounts } from '../../../ingest/pipeline/source-writer.ts';
import type { Health } from '../../../src/cli/serve/health.ts';
import { Metrics } from '../../../src/cli/serve/metrics.ts';

const HOSTILE = 'a"b\\c\nd{e="f"} 1\n# TYPE x counter\u2028é';
const source = (name: string, read: number): Health['sources'][number] => ({
  source: name,
  backlog: 3,
  lag: 1.5,
  offset: 0,
  newest: null,
  committedAt: null,
  counts: { ...noCounts(), read, parsed: read },
});
const HEALTH: Health = {
  state: 'blocked',
  blocked: 'the disk is full',
  version: '1',
  pid: 1,
  db: '/db',
  startedAt: '',
  uptime: 1,
  memory: 1,
  // A log just rotated: for a moment two bear one name.
  sources: [source(HOSTILE, 5), source('/var/log/mail.log', 1), source('/var/log/mail.log', 2)],
  listeners: [
    { address: HOSTILE, bound: '', counters: { frames: 7 }, spoolBytes: 0, isFull: false },
  ],
};

const META = /^# (?:HELP|TYPE) ([a-z_]+) (.+)$/;
const SAMPLE =
  /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (?:[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?|\+Inf|NaN)$/;

test('each line is one of the format, each name has a type, no sample is there twice', async () => {
  const metrics = new Metrics();
  metrics.batch(20, 3);
  await metrics.text(HEALTH);
  const text = await metrics.text(HEALTH);
  assert.ok(text.endsWith('\n'));
  const types = new Map<string, string>();
  const seen = new Set<string>();
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, name = '', rest = ''] = META.exec(line) ?? [];
    if (line.startsWith('# TYPE')) {
      assert.equal(types.has(name), false, line);
      types.set(name, rest);
    } else if (line.startsWith('#')) assert.notEqual(name, '', line);
    else {
      const sample = SAMPLE.exec(line);
      assert.ok(sample !== null, line);
      const [, of = '', labels = ''] = sample;
      const type = types.get(of) ?? types.get(of.replace(/_(?:bucket|sum|count)$/, ''));
      assert.ok(type !== undefined, line);
      assert.equal(of.endsWith('_total'), type === 'counter', line);
      assert.equal(seen.has(of + labels), false, line);
      seen.add(of + labels);
    }
  }
  assert.match(text, /^maillog_lines_total\{source="\/var\/log\/mail\.log",outcome="parsed"\} 3$/m);
  assert.match(text, /^maillog_blocked 1$/m);
  assert.match(text, /^maillog_batch_lines_count 1$/m);
});
