import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { formatListenAddress, parseListenAddress } from '../../../ingest/listen/address.ts';
import { randomSource } from '../../support/random.ts';

const GOOD = [
  'udp://127.0.0.1:514',
  'tcp://[::1]:514',
  'tls://0.0.0.0:6514',
  'relp://0.0.0.0:0',
  'relps://[fe80::1%eth0]:2514',
  'tcp://localhost:65535',
  'udp://log-1.example.org:514',
  'unix:///run/maillog/log',
  'unix:///a path with blanks/and:colons',
];

const BAD = [
  '',
  'udp://127.0.0.1',
  'udp://127.0.0.1:65536',
  'udp://127.0.0.1:-1',
  'udp://1.2.3:514',
  'udp://1.2.3.256:514',
  'udp://::1:514',
  'udp://[::g]:514',
  'udp://[127.0.0.1]:514',
  'udp://:514',
  'http://127.0.0.1:80',
  'UDP://127.0.0.1:514',
  'udp://user@127.0.0.1:514',
  'udp://127.0.0.1:514/path',
  'unix://run/log',
  'unix://',
  'unix:///',
  'unix:///run/',
  'unix:///run/a\0b',
  '-x://a:1',
];

suite('listen addresses', () => {
  for (const text of GOOD) {
    test(`${text} is read and written`, () => {
      const parsed = parseListenAddress(text);
      assert.ok(parsed.ok);
      assert.equal(formatListenAddress(parsed.address), text);
    });
  }

  test('the parts', () => {
    assert.deepEqual(parseListenAddress('relps://[::1]:2514'), {
      ok: true,
      address: { transport: 'relps', host: '::1', port: 2514 },
    });
    assert.deepEqual(parseListenAddress('unix:///run/log'), {
      ok: true,
      address: { transport: 'unix', path: '/run/log' },
    });
  });

  for (const text of BAD) {
    test(`${JSON.stringify(text)} is refused with what is allowed`, () => {
      const parsed = parseListenAddress(text);
      assert.ok(!parsed.ok);
      assert.match(parsed.error, /TRANSPORT:\/\/HOST:PORT .*unix:\/\/\/PATH/);
    });
  }

  test('any text is read or refused', () => {
    const random = randomSource(11);
    for (let i = 0; i < 5000; i += 1) {
      const base = random.pick(GOOD as [string, ...string[]]);
      const at = random.below(base.length + 1);
      const text = base.slice(0, at) + String.fromCharCode(random.below(128)) + base.slice(at + 1);
      const parsed = parseListenAddress(text);
      if (parsed.ok) assert.equal(typeof formatListenAddress(parsed.address), 'string');
    }
  });
});
