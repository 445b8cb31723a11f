import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { InternetAddress } from '../../../ingest/listen/address.ts';
import { RelpListener } from '../../../ingest/listen/relp.ts';
import { RepeatWatch } from '../../../ingest/listen/repeat-watch.ts';
import { randomSource } from '../../support/random.ts';
import { Client } from './client.ts';
import { context, MemoryInlet, type TestContext, waitFor } from './memory-inlet.ts';

const ANY: InternetAddress = { transport: 'relp', host: '127.0.0.1', port: 0 };
const STAMP = 'Nov 24 11:00:00 h a[1]: ';
const OPEN = frame(1, 'open', 'relp_version=0\nrelp_software=test\ncommands=syslog');

function frame(txnr: number, command: string, data = ''): string {
  return data === '' ? `${txnr} ${command} 0\n` : `${txnr} ${command} ${data.length} ${data}\n`;
}

const line = (txnr: number, text: string): string => frame(txnr, 'syslog', `<22>${STAMP}${text}`);

interface Running {
  readonly inlet: MemoryInlet;
  readonly listener: RelpListener;
  readonly address: InternetAddress;
  readonly context: TestContext;
  readonly opened: () => Promise<Client>;
}

async function listening(
  limits: Partial<TestContext['limits']>,
  use: (running: Running) => Promise<void>,
): Promise<void> {
  const inlet = new MemoryInlet();
  inlet.isAutomatic = false;
  const own = context(inlet, limits);
  const listener = new RelpListener(ANY, own, new RepeatWatch());
  const address = await listener.start();
  const opened = async (): Promise<Client> => {
    const client = await Client.plain(address);
    client.write(OPEN);
    await client.receives(/^1 rsp \d+ 200 OK\n/);
    return client;
  };
  try {
    await use({ inlet, listener, address, context: own, opened });
  } finally {
    inlet.commit();
    await listener.stop();
  }
}

/** The numbers and codes of the answers so far. */
function answers(client: Client): string[] {
  return [...client.received.matchAll(/^(\d+) rsp \d+ (\d+)/gm)].map(
    ([, txnr, code]) => `${txnr}:${code}`,
  );
}

const kinds = (inlet: MemoryInlet): string =>
  inlet.frames.map(({ kind, text }) => `${kind} ${text.slice(STAMP.length)}`).join(', ');

suite('RELP', () => {
  test('a session: offers, answers once stored and in order, a clean end', () =>
    listening({}, async ({ inlet, opened, listener }) => {
      const client = await opened();
      assert.match(
        client.received,
        /^1 rsp \d+ 200 OK\nrelp_version=0\nrelp_software=maillog\ncommands=syslog\n$/,
      );
      client.write(line(2, 'a') + line(3, 'b') + frame(4, 'close'));
      await inlet.until(2);
      assert.deepEqual(answers(client), ['1:200']);
      inlet.commit();
      await client.closes();
      assert.deepEqual(answers(client), ['1:200', '2:200', '3:200', '4:200']);
      assert.match(client.received, /\n0 serverclose 0\n$/);
      assert.equal(kinds(inlet), 'line a, line b');
      assert.deepEqual(
        inlet.frames.map(({ session }) => session),
        [1, 1],
      );
      assert.deepEqual(inlet.notes, ['opened 1 127.0.0.1', 'closed 1']);
      assert.equal(listener.counters().frames, 2);
      await waitFor(
        () => listener.counters().connectionsOpen === 0,
        () => 'all closed',
      );
    }));

  test('what is sent again is put as a repeat, and answered', () =>
    listening({}, async ({ inlet, opened, listener }) => {
      const first = await opened();
      first.write(line(2, 'a') + line(3, 'b') + line(4, 'c'));
      await inlet.until(3);
      first.socket.resetAndDestroy();
      const second = await opened();
      second.write(line(2, 'b') + line(3, 'c') + line(4, 'b'));
      await inlet.until(6);
      inlet.commit();
      await second.receives(/\n4 rsp 6 200 OK\n/);
      assert.equal(kinds(inlet), 'line a, line b, line c, repeat b, repeat c, line b');
      assert.equal(listener.counters().repeated, 2);
      assert.deepEqual(inlet.notes, ['opened 1 127.0.0.1', 'opened 2 127.0.0.1']);
      second.socket.destroy();
    }));

  test('a session that sent nothing needs no memory', () =>
    listening({}, async ({ inlet, opened }) => {
      (await opened()).socket.destroy();
      await waitFor(
        () => inlet.notes.includes('closed 1'),
        () => inlet.notes.join(),
      );
    }));

  test('a frame cut off is not put: it comes again', () =>
    listening({}, async ({ inlet, opened, listener }) => {
      const client = await opened();
      client.write(line(2, 'a') + line(3, 'half').slice(0, -3));
      await inlet.until(1);
      client.socket.end();
      await waitFor(
        () => listener.counters().cut === 1,
        () => 'the cut frame',
      );
      assert.equal(kinds(inlet), 'line a');
    }));

  test('unanswered frames are bounded, reading goes on as they are answered', () =>
    listening({ relpWindow: 10 }, async ({ inlet, opened }) => {
      const client = await opened();
      for (let txnr = 2; txnr < 102; txnr += 1) client.write(line(txnr, `${txnr}`));
      for (let turn = 0; inlet.frames.length < 100 && turn < 20_000; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        if (inlet.uncommitted === 10) inlet.commit();
      }
      inlet.commit();
      await client.receives(/\n101 rsp 6 200 OK\n/);
      assert.equal(inlet.mostUncommitted, 10);
      assert.deepEqual(
        answers(client),
        Array.from({ length: 101 }, (_, index) => `${index + 1}:200`),
      );
      client.socket.destroy();
    }));

  test('a full inlet makes senders wait', () =>
    listening({}, async ({ inlet, opened }) => {
      inlet.capacity = 5;
      const clients = [await opened(), await opened()];
      const lines = (client: number): string[] =>
        Array.from({ length: 50 }, (_, index) => line(index + 2, `${client}.${index}`));
      for (const [index, client] of clients.entries()) client.write(lines(index).join(''));
      await inlet.commitUntil(100);
      for (const client of clients) await client.receives(/\n51 rsp 6 200 OK\n/);
      assert.equal(inlet.mostUncommitted, 5);
      assert.equal(new Set(inlet.texts).size, 100);
      for (const client of clients) client.socket.destroy();
    }));

  test('many empty messages at once do not fill the window for ever', () =>
    listening({ relpWindow: 3 }, async ({ opened }) => {
      const client = await opened();
      client.write(Array.from({ length: 100 }, (_, index) => frame(index + 2, 'syslog')).join(''));
      await client.receives(/\n101 rsp 6 200 OK\n/);
      client.socket.destroy();
    }));

  test('an overlong message is kept by its beginning and answered with 500', () =>
    listening({ maxLine: 5000 }, async ({ inlet, opened }) => {
      const client = await opened();
      client.write(line(2, 'x'.repeat(6000)) + line(3, 'a'));
      await inlet.until(2);
      inlet.commit();
      await client.receives(/\n3 rsp 6 200 OK\n/);
      assert.deepEqual(answers(client), ['1:200', '2:500', '3:200']);
      assert.equal(inlet.frames[0]?.kind, 'overlong');
      assert.equal(inlet.frames[0]?.length, 6000 + STAMP.length + 4);
      assert.equal(inlet.texts[0]?.length, 4096 - 4);
      client.socket.destroy();
    }));

  test('empty messages and unknown commands are answered', () =>
    listening({}, async ({ inlet, opened }) => {
      const client = await opened();
      client.write(
        frame(2, 'syslog') +
          frame(3, 'syslog', '<22>') +
          frame(4, 'starttls', 'x') +
          frame(5, 'open', 'x'),
      );
      await client.receives(/\n3 rsp 6 200 OK\n/);
      assert.deepEqual(answers(client).sort(), ['1:200', '2:200', '3:200', '4:500', '5:500']);
      assert.equal(inlet.frames.length, 0);
      client.socket.destroy();
    }));

  test('what is no RELP, and syslog before open, ends the connection', () =>
    listening({}, async ({ address, inlet, context: own }) => {
      for (const text of ['<22>Nov 24 11:00:00 h a: b\n', line(1, 'a'), 'GET / HTTP/1.0\r\n\r\n']) {
        const client = await Client.plain(address);
        client.write(text);
        await client.closes();
      }
      assert.equal(inlet.frames.length, 0);
      assert.match(own.events[0] ?? '', /^protocol: 127.0.0.1: what came is no RELP/);
    }));

  test('at the stop, what was taken is answered and the client is told', async () => {
    const inlet = new MemoryInlet();
    inlet.isAutomatic = false;
    const listener = new RelpListener(ANY, context(inlet), new RepeatWatch());
    const client = await Client.plain(await listener.start());
    client.write(OPEN + line(2, 'a'));
    await inlet.until(1);
    const stopped = listener.stop();
    client.write(line(3, 'too late'));
    setTimeout(() => inlet.commit(), 20);
    await stopped;
    await client.closes();
    assert.deepEqual(answers(client), ['1:200', '2:200']);
    assert.match(client.received, /0 serverclose 0\n$/);
    assert.equal(kinds(inlet), 'line a');
  });

  test('mutated sessions leave it up', () =>
    listening({ maxLine: 200, frameTimeoutMs: 50 }, async ({ address, inlet, opened }) => {
      inlet.isAutomatic = true;
      const random = randomSource(51);
      const whole = OPEN + line(2, 'a') + line(3, 'b'.repeat(300)) + frame(4, 'close');
      for (let i = 0; i < 200; i += 1) {
        const bytes = Buffer.from(whole, 'latin1');
        bytes[random.below(bytes.length)] = random.below(256);
        const client = await Client.plain(address);
        client.write(bytes.subarray(0, 1 + random.below(bytes.length)));
        if (random.chance(0.5)) client.socket.end();
        else client.socket.destroy();
      }
      const client = await opened();
      client.write(line(2, 'still here'));
      await client.receives(/\n2 rsp 6 200 OK\n/);
      client.socket.destroy();
    }));
});
