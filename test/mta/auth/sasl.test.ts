/** SASL exchanges, those of the real sendmail's transcripts among them. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { PasswordFile } from '../../../src/mta/auth/password-file.ts';
import { findMechanism, MECHANISMS, SaslExchange } from '../../../src/mta/auth/sasl.ts';
import { randomSource } from '../../support/random.ts';

const users = new PasswordFile('alice:{PLAIN}wonder\nbob:{PLAIN}builder\n');
const server = { users, realm: 'mx1.corp.example', now: () => 341_231_000 };
const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64');

test('PLAIN', async () => {
  const exchange = () => new SaslExchange('PLAIN', server);
  assert.deepEqual(await exchange().start('AGFsaWNlAHdvbmRlcg=='), {
    kind: 'success',
    user: 'alice',
  });
  assert.deepEqual(await exchange().start('AGFsaWNlAHdyb25n'), {
    kind: 'failure',
    user: 'alice',
    isKnown: true,
  });
  assert.deepEqual(await exchange().start('AG5vYm9keQB4'), {
    kind: 'failure',
    user: 'nobody',
    isKnown: false,
  });
  assert.deepEqual(await exchange().start('AGV2aWwsIHJlbGF5PXggWzEuMi4zLjRdAHg='), {
    kind: 'failure',
    user: 'evil, relay=x [1.2.3.4]',
    isKnown: false,
  });
  assert.deepEqual(await exchange().start('!!!notbase64!!!'), {
    kind: 'malformed',
    input: '!!!notbase64!!!',
  });
  const late = exchange();
  assert.deepEqual(await late.start(null), { kind: 'challenge', text: '' });
  assert.equal((await late.respond(base64('\0alice@mx1.corp.example\0wonder'))).kind, 'success');
  assert.equal((await exchange().start(base64('alice\0alice\0wonder'))).kind, 'success');
  for (const other of ['bob\0alice\0wonder', '\0alice\0wonder\0', 'alice', '', '\0\0', '\0alice']) {
    assert.equal((await exchange().start(base64(other) || '=')).kind, 'failure', other);
  }
});

test('LOGIN', async () => {
  const exchange = new SaslExchange('LOGIN', server);
  assert.deepEqual(await exchange.start(null), { kind: 'challenge', text: 'VXNlcm5hbWU6' });
  assert.deepEqual(await exchange.respond('YWxpY2U='), { kind: 'challenge', text: 'UGFzc3dvcmQ6' });
  assert.deepEqual(await exchange.respond('d29uZGVy'), { kind: 'success', user: 'alice' });
  const initial = new SaslExchange('LOGIN', server);
  assert.equal((await initial.start('YWxpY2U=')).kind, 'challenge');
  assert.deepEqual(await initial.respond('*'), { kind: 'cancelled' });
});

test('CRAM-MD5', async () => {
  const answer = async (user: string, password: string) => {
    const exchange = new SaslExchange('CRAM-MD5', server);
    const step = await exchange.start(null);
    assert.ok(step.kind === 'challenge');
    const challenge = Buffer.from(step.text, 'base64').toString('latin1');
    assert.match(challenge, /^<\d+\.341231@mx1\.corp\.example>$/);
    const digest = createHmac('md5', password).update(challenge).digest('hex');
    return exchange.respond(base64(`${user} ${digest}`));
  };
  assert.deepEqual(await answer('alice', 'wonder'), { kind: 'success', user: 'alice' });
  assert.deepEqual(await answer('alice', 'x'), { kind: 'failure', user: 'alice', isKnown: true });
  assert.deepEqual(await answer('nobody', 'nobody'), {
    kind: 'failure',
    user: 'nobody',
    isKnown: false,
  });
});

test('any lines end in an outcome', async () => {
  const random = randomSource(11);
  for (let i = 0; i < 60; i++) {
    const exchange = new SaslExchange(random.pick(MECHANISMS), server);
    let step = await exchange.start(random.chance(0.5) ? null : '=');
    for (let j = 0; j < 3 && step.kind === 'challenge'; j++) {
      let text = '';
      for (let k = random.below(12); k > 0; k--)
        text += random.pick(['\0', ' ', 'alice', 'a', '\xff', '=']);
      step = await exchange.respond(random.chance(0.8) ? base64(text) : text);
    }
    assert.notEqual(step.kind, 'challenge');
    assert.notEqual(step.kind, 'success');
  }
});

test('names of mechanisms', () => {
  assert.equal(findMechanism('cram-md5'), 'CRAM-MD5');
  assert.equal(findMechanism('GSSAPI'), undefined);
});
