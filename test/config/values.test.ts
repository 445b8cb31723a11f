/** What each type of setting takes, from files and from text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SETTINGS, type SettingName } from '../../src/config/settings.ts';
import { checkValue } from '../../src/config/values.ts';

function value(name: SettingName, raw: unknown): unknown {
  const checked = checkValue(SETTINGS[name], raw);
  return checked.ok ? checked.value : `must be ${checked.allowed}`;
}

test('whole numbers', () => {
  assert.equal(value('top', 25), 25);
  assert.equal(value('top', ' 25 '), 25);
  assert.equal(value('unparsedLines', '0'), 0);
  for (const raw of [0, -1, 1.5, 100_001, Number.NaN, '', '1e2', '0x10', '2 5', true, null, [5]]) {
    assert.equal(value('top', raw), 'must be a whole number from 1 to 100,000', String(raw));
  }
  assert.equal(value('top', 5n), 'must be a whole number from 1 to 100,000');
  assert.equal(value('year', 1969), 'must be a whole number from 1970 to 9999');
  assert.equal(value('year', '2026'), 2026);
});

test('zones and choices', () => {
  assert.equal(value('timezone', 'Europe/Berlin'), 'Europe/Berlin');
  for (const raw of ['', 'Berlin', 1, null, {}]) {
    assert.match(String(value('timezone', raw)), /^must be a time zone by its IANA name/);
  }
  assert.equal(value('dialect', 'exim'), 'exim');
  assert.equal(
    value('dialect', 'qmail'),
    'must be one of sendmail, postfix, exim, opensmtpd, dovecot',
  );
});

test('paths', () => {
  assert.equal(value('db', 'a b.duckdb'), 'a b.duckdb');
  for (const raw of ['', 'a\0b', 5, false]) {
    assert.equal(value('db', raw), 'must be a file name');
  }
});

test('names to names, as a table, as text and as a repeated flag', () => {
  const expected = { __proto__: null, mx1: 'mail', 'mx2.example.org': 'mail' };
  assert.deepEqual(value('hostAliases', { mx1: 'mail', 'mx2.example.org': 'mail' }), expected);
  assert.deepEqual(value('hostAliases', ' mx1 = mail , mx2.example.org=mail,'), expected);
  assert.deepEqual(value('hostAliases', ['mx1=mail', 'mx2.example.org=mail']), expected);
  assert.deepEqual(value('hostAliases', ''), { __proto__: null });
  for (const raw of ['mx1', 'mx1=', '=mail', { mx1: '' }, { mx1: 7 }, 7, true, null, [7]]) {
    assert.match(String(value('hostAliases', raw)), /^must be names to names/, String(raw));
  }
});

test('a host may be called anything', () => {
  const map = value('hostAliases', '__proto__=x') as Record<string, string>;
  assert.deepEqual(Object.entries(map), [['__proto__', 'x']]);
  assert.equal(Object.getPrototypeOf(map), null);
});
