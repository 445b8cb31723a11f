import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { MemorySink } from '../../../src/mta/log/log-sink.ts';
import { SendmailLog } from '../../../src/mta/log/sendmail-log.ts';
import { realLine, sayAgain } from './replay.ts';

const FIXTURES = 'test/fixtures';

function fixtureLines(folder: string): string[] {
  return readdirSync(join(FIXTURES, folder))
    .filter((name) => /\.(?:maillog(?:\.gz)?|tsv)$/.test(name))
    .flatMap((name) => {
      const bytes = readFileSync(join(FIXTURES, folder, name));
      const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
      return text
        .split('\n')
        .map((line) => (name.endsWith('.tsv') ? (line.split('\t')[1] ?? '') : line));
    });
}

function makeLog(level = 20): { log: SendmailLog; sink: MemorySink } {
  const sink = new MemorySink();
  const options = { sink, level, tag: 'sm-mta', hostname: 'mx1', pid: 1, now: () => 0 };
  return { log: new SendmailLog(options), sink };
}

/** Every line of the fixtures for which there is an event, said again. */
function replayed(folder: string): { same: number; other: string[]; unknown: string[] } {
  let same = 0;
  const other: string[] = [];
  const unknown = new Set<string>();
  for (const text of fixtureLines(folder)) {
    const line = realLine(text);
    if (line === undefined) continue;
    const { log, sink } = makeLog();
    const whole = line.id === '' ? line.text : `${line.id}: ${line.text}`;
    if (!sayAgain(log, line)) unknown.add(whole);
    else if (sink.lines.length === 1 && sink.lines[0]?.text === whole) same += 1;
    else other.push(`${whole}\n${sink.lines.map((one) => one.text).join('\n')}`);
  }
  return { same, other, unknown: [...unknown] };
}

suite('lines of real sendmails, written again', () => {
  for (const folder of ['sendmail', 'loglevels', 'kinds', 'mailstats']) {
    test(folder, () => {
      const { same, other, unknown } = replayed(folder);
      console.log(folder, same, unknown.length);
      console.log(
        unknown
          .slice(0, 60)
          .map((l) => l.slice(0, 160))
          .join('\n'),
      );
      assert.deepEqual(other.slice(0, 10), []);
    });
  }
});
