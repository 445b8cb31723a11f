import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { expandedIpv6, relayOf } from '../../../src/mta/courier/smtp-courier.ts';
import { courierTo, deliver, line, lines, NAME } from './courier-lines.ts';
import { fakeServer, jobOf, messageFile, obliging, recipientOf } from './fake-smtp.ts';

suite('several hosts', () => {
  test('the next takes what the first could not', async (t) => {
    const good = await fakeServer(t, obliging());
    const { courier } = courierTo({ 'down.': 1, 'up.': good.port });
    const attempts = await courier.deliver(jobOf(messageFile(t), [recipientOf('a@x.example')]));
    assert.deepEqual(lines(attempts), [line({ relay: 'up. [127.0.0.1]' })]);
  });

  test('none is there: the last is told', async (t) => {
    const { courier } = courierTo({ 'a.': 1, 'b.': 1 });
    const attempts = await courier.deliver(jobOf(messageFile(t), [recipientOf('a@x.example')]));
    const stat = 'Deferred: Connection refused by b.';
    assert.deepEqual(lines(attempts), [line({ relay: 'b. [127.0.0.1]', dsn: '4.4.1', stat })]);
  });

  test('a recipient that is deferred is offered to the next', async (t) => {
    const busy = await fakeServer(t, obliging({ 'RCPT To:<t': '450 4.2.1 busy' }));
    const good = await fakeServer(t, obliging());
    const { courier } = courierTo({ 'a.': busy.port, 'b.': good.port });
    const job = jobOf(messageFile(t), [recipientOf('t@x.example'), recipientOf('a@x.example')]);
    assert.deepEqual(lines(await courier.deliver(job)), [
      line({
        to: '<t@x.example>',
        relay: 'a. [127.0.0.1]',
        dsn: '4.2.1',
        reply: '450 4.2.1 busy',
        stat: 'Deferred: 450 4.2.1 busy',
      }),
      line({ relay: 'a. [127.0.0.1]' }),
      line({ to: '<t@x.example>', relay: 'b. [127.0.0.1]' }),
    ]);
  });

  test('a domain without any has its outcome from the DNS', async (t) => {
    const outcome = {
      kind: 'failed',
      dsn: '5.1.2',
      stat: 'Host unknown (Name server: nx.example: host not found)',
      reply: null,
      relay: 'nx.example',
      isDsnPassedOn: false,
    } as const;
    const { courier } = courierTo({}, { findHosts: async () => ({ kind: 'failed', outcome }) });
    const [attempt] = await courier.deliver(jobOf(messageFile(t), [recipientOf('a@nx.example')]));
    assert.deepEqual(attempt?.outcome, outcome);
  });
});

suite('one queue run', () => {
  test('does not try a host again that is down; there is no address to tell then', async (t) => {
    const { courier } = courierTo({ [NAME]: 1 });
    const run = courier.forRun();
    const job = jobOf(messageFile(t), [recipientOf('a@x.example')]);
    const stat = `Deferred: Connection refused by ${NAME}`;
    const expected = line({ dsn: '4.4.1', stat });
    assert.deepEqual(lines(await run.courier.deliver(job)), [expected]);
    assert.deepEqual(lines(await run.courier.deliver(job)), [{ ...expected, relay: NAME }]);
    assert.deepEqual(lines(await courier.forRun().courier.deliver(job)), [expected]);
    await run.close();
  });

  test('keeps a connection for the next message', async (t) => {
    const server = await fakeServer(t, obliging());
    const { courier } = courierTo({ [NAME]: server.port });
    const run = courier.forRun();
    const job = jobOf(messageFile(t), [recipientOf('a@x.example')]);
    assert.deepEqual(lines(await run.courier.deliver(job)), [line({})]);
    assert.deepEqual(lines(await run.courier.deliver(job)), [line({})]);
    await run.close();
    assert.equal(server.connections, 1);
    assert.equal(server.commands.at(4), 'RSET');
    assert.equal(server.commands.at(-1), 'QUIT');
  });
});

suite('eight bits', () => {
  const MIME =
    'MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\ngr\xc3\xbc\xc3\x9fe\n';

  test('pass unharmed, and unannounced where nobody announced them to us', async (t) => {
    const job = jobOf(messageFile(t, MIME), [recipientOf('a@x.example')]);
    const { server } = await deliver(t, obliging(), job);
    assert.doesNotMatch(server.commands[1] ?? '', /BODY=/);
    assert.equal(server.messages[0], MIME.replaceAll('\n', '\r\n'));
  });

  test('become seven where the server has no 8BITMIME', async (t) => {
    const job = jobOf(messageFile(t, MIME), [recipientOf('a@x.example')]);
    const { server } = await deliver(t, obliging({}, []), job);
    assert.equal(
      server.messages[0],
      'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n' +
        'Content-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BC=C3=9Fe\r\n',
    );
  });

  test('what cannot be converted fails', async (t) => {
    const text = MIME.replace('text/plain; charset=utf-8', 'multipart/mixed');
    const job = jobOf(messageFile(t, text), [recipientOf('a@x.example')]);
    const { attempts, server } = await deliver(t, obliging({}, []), job);
    assert.deepEqual(attempts, [line({ dsn: '5.6.3', stat: 'Data format error' })]);
    assert.ok(!server.commands.includes('DATA'));
  });

  test('an address with UTF-8 needs SMTPUTF8', async (t) => {
    const job = jobOf(messageFile(t), [recipientOf('a@x.example')], { isUtf8: true });
    const { attempts } = await deliver(t, obliging(), job);
    assert.deepEqual(attempts, [line({ dsn: '5.6.7', stat: 'SMTPUTF8 required but not offered' })]);
    const { server } = await deliver(t, obliging({}, ['SMTPUTF8', 'SIZE']), job);
    assert.equal(server.commands[1], 'MAIL From:<ann@partner.example> SIZE=390 SMTPUTF8');
  });
});

test('relays are named as sendmail names them', () => {
  assert.equal(relayOf('v6.', '2001:db8:1::77'), 'v6. [IPv6:2001:db8:1:0:0:0:0:77]');
  assert.equal(expandedIpv6('::1'), '0:0:0:0:0:0:0:1');
});

test('the smtp mailer says EHLO only to a server that says ESMTP', async (t) => {
  const job = jobOf(messageFile(t), [recipientOf('a@x.example', 'smtp', { host: 'x.example' })]);
  const { server: plain } = await deliver(t, obliging({ '<greeting>': '220 fake' }), job);
  assert.equal(plain.commands[0], 'HELO mx1.corp.example');
  const { server: extended } = await deliver(t, obliging(), job);
  assert.equal(extended.commands[0], 'EHLO mx1.corp.example');
});
