/** The tables by themselves; what addresses come to with them is in address-resolver.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withArguments } from '../../../src/mta/route/keyed-map.ts';
import { mailertableRoute, parseMailerRoute } from '../../../src/mta/route/mailertable.ts';
import { virtualUser } from '../../../src/mta/route/virtusertable.ts';

function asking(lines: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  const get = (key: string) => {
    asked.push(key);
    return Promise.resolve(lines[key]);
  };
  return { asked, map: { get } };
}

test('a domain, then its parents, then the dot', async () => {
  const { asked, map } = asking({ '.': 'relay:%1.gw.example' });
  assert.deepEqual(await mailertableRoute(map, 'a.b.example'), {
    kind: 'mailer',
    mailer: 'relay',
    host: 'a.b.example.gw.example',
  });
  assert.deepEqual(asked, ['a.b.example', '.b.example', '.example', '.']);
});

test('a host with an operator in it has no parents behind it', async () => {
  const { asked, map } = asking({});
  assert.equal(await mailertableRoute(map, 'a.b%c.example'), null);
  assert.deepEqual(asked, ['a.b%c.example', '.b%c.example', '.']);
});

test('a name with no end is not asked for without end', async () => {
  const { asked, map } = asking({});
  assert.equal(await mailertableRoute(map, 'a.'.repeat(5000)), null);
  assert.ok(asked.length < 200);
});

test('values of a mailertable', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['esmtp:[10.0.0.1]', { kind: 'mailer', mailer: 'esmtp', host: '[10.0.0.1]' }],
    ['local:', { kind: 'local', user: '' }],
    ['local:bob@x.example', { kind: 'local', user: 'bob' }],
    ['error:5.1.2:550 no  such, host', { kind: 'error', host: '5.1.2', text: '550 no such,host' }],
    ['error:nohost:550 gone', { kind: 'error', host: 'nohost', text: '550 gone' }],
    ['error:gone away', { kind: 'error', host: '', text: 'gone away' }],
    ['host.example', null],
    ['[host.example]:25', null],
    ['esmtp:', null],
  ];
  for (const [text, expected] of cases) assert.deepEqual(parseMailerRoute(text), expected, text);
});

test('keys of a virtusertable, in their order', async () => {
  const { asked, map } = asking({ '@v.example': '%1|%2|%3|%4|%%|%0' });
  assert.deepEqual(await virtualUser(map, 'User+Tag', 'V.example'), {
    kind: 'address',
    address: 'User|Tag|+Tag||%|@v.example',
  });
  assert.deepEqual(asked, [
    'user+tag@v.example',
    'user++@v.example',
    'user+*@v.example',
    'user@v.example',
    '++@v.example',
    '+*@v.example',
    '@v.example',
  ]);
});

test('without a detail there is little to ask', async () => {
  const { asked, map } = asking({});
  assert.equal(await virtualUser(map, '"us\\er"', 'v.example'), null);
  assert.deepEqual(asked, ['user@v.example', '@v.example']);
});

test('arguments', () => {
  assert.equal(withArguments('a%1%9%', ['k', 'x']), 'ax%');
});
