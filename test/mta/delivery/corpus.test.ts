/** A day of the real program's, played again: the same lines, in each queue run in the same order. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DeliveryEngine } from '../../../src/mta/delivery/engine.ts';
import type { Envelope, Outcome } from '../../../src/mta/model.ts';
import { byPriority } from '../../../src/mta/queue/schedule.ts';
import type { Fate, QueueSite } from '../../support/mta-queue.ts';
import {
  accepted,
  envelopeOf,
  queueSite,
  refusedBy,
  SENT,
  START,
} from '../../support/mta-queue.ts';

const LOG = join(import.meta.dirname, '../../../../test/fixtures/sendmail/defer_retry.maillog');
const LINE = /^\w+ \d+ \d+:(\d+):(\d+) mx1 sm-mta\[(\d+)\]: (\w+): (.*)$/;
const RECIPIENTS: readonly (readonly string[])[] = [
  ['a@later.example'],
  ['b@later.example', 'c@later.example', 'alice@corp.example'],
  ['grey1@picky.example'],
  ['x@twomx.example'],
  ['x@bothdown.example'],
  ['y@bothdown.example'],
];
/** Seconds after the start, and until when hosts are down or grey. */
const RUNS = [2, 4, 10, 29];
const UP_AT: Readonly<Record<string, number>> = { 'later.example': 4, 'picky.example': 2 };
const GREY = '451 4.7.1 <grey1@picky.example>: Greylisted, please come back in 300 seconds';

interface LogLine {
  readonly at: number;
  readonly pid: string;
  readonly id: string;
  readonly text: string;
}

function realLines(): readonly LogLine[] {
  return readFileSync(LOG, 'latin1')
    .split('\n')
    .flatMap((line) => {
      const [, minute, second, pid = '', id = '', text = ''] = LINE.exec(line) ?? [];
      const at = (Number(minute) - 51) * 60 + Number(second) - 52;
      return id === '' ? [] : [{ at, pid, id, text }];
    });
}

/** Without what the other side or the clock chose. */
function essence(text: string): string {
  return text
    .replace(/stat=Sent \(.*\)$/, 'stat=Sent')
    .replace(/xdelay=[\d:]+/, 'xdelay')
    .replace(/^\w+: (sender|postmaster) notify/, 'NEW: $1 notify')
    .replace('to=sysop', 'to=postmaster');
}

function envelopesOf(lines: readonly LogLine[]): readonly Envelope[] {
  const froms = lines.filter(({ text }) => text.startsWith('from='));
  return froms.map(({ id, text }, index) => {
    const [, shown = '', size = ''] = /^from=(<.*>), size=(\d+)/.exec(text) ?? [];
    const recipients = (RECIPIENTS[index] ?? []).map((address) => accepted(address));
    const stored = id.startsWith('6AO6pqqt') ? 405 : Number(size) + 226;
    const sender = shown.slice(1, -1);
    return envelopeOf(id, {
      senderShown: shown,
      sender,
      size: Number(size),
      storedSize: stored,
      recipients,
    });
  });
}

const relayed = (relay: string): Outcome => ({ ...SENT, relay });

function labAt(clock: { now: number }): Fate {
  const grey: Outcome = {
    ...SENT,
    kind: 'deferred',
    dsn: '4.7.1',
    stat: `Deferred: ${GREY}`,
    reply: GREY,
    relay: 'mail.picky.example. [198.51.100.40]',
  };
  const down: Readonly<Record<string, Outcome>> = {
    'later.example': refusedBy('mail.later.example'),
    'bothdown.example': {
      ...refusedBy('b.bothdown.example'),
      relay: 'b.bothdown.example. [198.51.100.23]',
    },
    'picky.example': grey,
  };
  const up: Readonly<Record<string, Outcome>> = {
    'later.example': relayed('mail.later.example. [198.51.100.25]'),
    'picky.example': relayed('mail.picky.example. [198.51.100.40]'),
    'twomx.example': relayed('up.twomx.example. [198.51.100.21]'),
    'partner.example': relayed('mail.partner.example. [198.51.100.10]'),
  };
  return ({ destination: { host } }) => {
    const second = (clock.now - START) / 1000;
    const isDown = host in down && second < (UP_AT[host] ?? Number.POSITIVE_INFINITY);
    return (isDown ? down[host] : up[host]) ?? SENT;
  };
}

async function play(site: QueueSite, envelopes: readonly Envelope[]): Promise<void> {
  const engine = new DeliveryEngine(site.parts);
  for (const envelope of envelopes) {
    await site.queue(envelope);
    await engine.deliver(envelope.id);
  }
  for (const second of RUNS) {
    site.clock.now = START + second * 1000;
    site.lines.push(`[0]: RUN: ${second}`);
    const run = engine.startRun(true);
    const states = await Promise.all((await site.spool.ids()).map((id) => site.spool.read(id)));
    const sorted = states
      .flatMap((file) => (file.kind === 'message' ? [file.state] : []))
      .sort(byPriority);
    for (const { envelope } of sorted) await engine.deliver(envelope.id, run);
  }
}

test("the lab's defer_retry", async () => {
  const real = realLines();
  const clock = { now: START };
  const timeouts = { queueWarn: 8000, queueReturn: 25_000, bounceReturn: 25_000 };
  const site = await queueSite({ more: { timeouts }, fate: labAt(clock), clock });
  try {
    const envelopes = envelopesOf(real);
    assert.equal(envelopes.length, RECIPIENTS.length);
    await play(site, envelopes);
    const made = site.lines.filter((line) => !line.includes(': done;'));
    const ours = made.map((line) => essence(line.replace(/^\[\d+\]: \w+: /, '')));
    const theirs = real.filter(({ text }) => !text.startsWith('from='));
    const first = theirs.filter(({ at }) => at === 0).map(({ text }) => essence(text));
    const starts = RUNS.map((second) => ours.indexOf(String(second)));
    assert.deepEqual(ours.slice(0, starts[0]).sort(), first.sort());
    for (const [index, second] of RUNS.entries()) {
      const run = theirs.filter(({ at }) => at === second).map(({ text }) => essence(text));
      assert.deepEqual(
        ours.slice((starts[index] ?? 0) + 1, starts[index + 1]),
        run,
        `run ${second}`,
      );
    }
    assert.deepEqual(await site.spool.ids(), []);
  } finally {
    await site.close();
  }
});
