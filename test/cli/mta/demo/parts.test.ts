/** The parts of the play: its time, its chance, its DNS, its moody hosts. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { Chance } from '../../../../src/cli/mta/demo/chance.ts';
import { sendMail } from '../../../../src/cli/mta/demo/client.ts';
import { MoodyHost } from '../../../../src/cli/mta/demo/moody-host.ts';
import { NameServer } from '../../../../src/cli/mta/demo/name-server.ts';
import { PlayedClock } from '../../../../src/cli/mta/demo/played-clock.ts';
import { Dns } from '../../../../src/mta/route/dns.ts';
import { randomSource } from '../../../support/random.ts';

test('time stands, is taken, and goes on from alarm to alarm', () => {
  const clock = new PlayedClock(1000);
  assert.ok(clock.now() >= 1000);
  clock.stand();
  const start = clock.now();
  assert.equal(clock.now(), start);
  const rung: string[] = [];
  clock.timers.set(() => rung.push('late'), 500);
  clock.timers.set(() => rung.push('early'), 200);
  const cancel = clock.timers.set(() => rung.push('never'), 100);
  cancel();
  assert.equal(clock.nextAlarm, start + 200);
  clock.take(50);
  clock.goTo(start + 300);
  assert.deepEqual(rung, ['early']);
  clock.goTo(start);
  assert.equal(clock.now(), start + 300);
  clock.goTo(start + 500);
  assert.deepEqual(rung, ['early', 'late']);
  assert.equal(clock.nextAlarm, Number.POSITIVE_INFINITY);
});

test('one seed is one chance', () => {
  const draw = (seed: number) => {
    const chance = new Chance(seed);
    return [chance.next(), chance.below(10), chance.between(5, 6), chance.some([1, 2, 3], 5)];
  };
  assert.deepEqual(draw(3), draw(3));
  assert.notDeepEqual(draw(3), draw(4));
  assert.deepEqual([...new Chance(1).some([1, 2, 3], 5)].sort(), [1, 2, 3]);
});

test('the DNS of the play answers a real resolver', async () => {
  const server = new NameServer({
    hosts: new Map([
      ['mx.a.example', '127.9.0.1'],
      ['bare.example', '127.9.0.2'],
    ]),
    exchangers: new Map([['a.example', 'mx.a.example']]),
  });
  const dns = new Dns({ servers: [await server.start()] });
  try {
    assert.deepEqual(await dns.addresses('MX.a.example'), { kind: 'found', value: ['127.9.0.1'] });
    assert.deepEqual(await dns.mx('a.example'), {
      kind: 'found',
      value: [{ preference: 10, host: 'mx.a.example' }],
    });
    assert.deepEqual(await dns.names('127.9.0.2'), { kind: 'found', value: ['bare.example'] });
    assert.equal((await dns.mx('bare.example')).kind, 'nodata');
    assert.equal((await dns.addresses('none.example')).kind, 'nxdomain');
    assert.equal((await dns.names('127.9.0.9')).kind, 'nxdomain');
  } finally {
    dns.close();
    await server.stop();
  }
});

test('bytes that are no question do the DNS of the play no harm', async () => {
  const server = new NameServer({
    hosts: new Map([['a.example', '127.9.0.1']]),
    exchangers: new Map(),
  });
  const address = await server.start();
  const socket = createSocket('udp4');
  const random = randomSource(53);
  try {
    for (let round = 0; round < 300; round += 1) {
      const bytes = Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256)));
      await new Promise((resolve) => {
        socket.send(bytes, Number(address.split(':')[1]), '127.0.0.1', resolve);
      });
    }
    const dns = new Dns({ servers: [address] });
    assert.equal((await dns.addresses('a.example')).kind, 'found');
    dns.close();
  } finally {
    socket.close();
    await once(socket, 'close');
    await server.stop();
  }
});

test('a greylisting host takes mail the second time', async () => {
  let now = 0;
  const host = new MoodyHost({
    name: 'g.example',
    address: '127.0.0.1',
    now: () => now,
    greylistMs: 10,
  });
  const port = await host.start(0);
  const mail = {
    client: '127.0.0.1',
    helo: 'x',
    to: { address: '127.0.0.1', port },
    sender: 'a@x.example',
    recipients: ['b@g.example', 'c@g.example'],
    text: 'Subject: x\n\nhi\n',
  };
  try {
    const first = await sendMail(mail, () => undefined);
    assert.deepEqual([first.recipientsRefused, first.isAccepted, host.taken], [2, false, 0]);
    now = 10;
    const second = await sendMail(mail, () => undefined);
    assert.deepEqual([second.recipientsAccepted, second.isAccepted, host.taken], [2, true, 2]);
  } finally {
    await host.stop();
  }
});
