/** Paths of MAIL and RCPT: what is shown, what is left for the parameters, what sendmail refuses, in its words. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { canonify } from '../../../src/mta/route/canonify.ts';
import { joinTokens, prescan } from '../../../src/mta/route/prescan.ts';
import { parseSmtpPath, replyAbout, shortened } from '../../../src/mta/route/smtp-path.ts';
import { randomSource } from '../../support/random.ts';

/** `shown | address | local | domain | rest`, or the reply. */
function read(text: string, side: 'sender' | 'recipient' = 'recipient'): string {
  const outcome = parseSmtpPath(text, side);
  if (outcome.kind === 'refused') {
    const { code, status, text: said } = replyAbout(outcome.shown, outcome.reply);
    return `${code} ${status} ${said}`;
  }
  const { shown, address, local, domain, rest } = outcome.path;
  return [shown, address, local, domain, rest].join(' | ');
}

suite('a path', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['<a@Partner.Example>', '<a@Partner.Example> | a@Partner.Example | a | partner.example | '],
    [
      ' a@partner.example  SIZE=5',
      'a@partner.example | a@partner.example | a | partner.example | SIZE=5',
    ],
    ['<>', '<> |  |  |  | '],
    ['<> RET=FULL', '<> |  |  |  | RET=FULL'],
    ['<postmaster>', '<postmaster> | postmaster | postmaster |  | '],
    ['<a@b.example>x', '<a@b.example>x | a@b.example | a | b.example | '],
    ['<a@b.example>, b', '<a@b.example>, | a@b.example | a | b.example | b'],
    ['<a@b.example>\tRET=FULL', '<a@b.example> | a@b.example | a | b.example | RET=FULL'],
    ['Foo <a@b.example>', 'Foo | Foo | Foo |  | <a@b.example>'],
    ['<Foo Bar <a@b.example>>', '<Foo Bar <a@b.example>> | a@b.example | a | b.example | '],
    ['<(c (d) e)a@b.example>', '<(c (d) e)a@b.example> | a@b.example | a | b.example | '],
    ['<"a b"@c.example> X', '<"a b"@c.example> | "a b"@c.example | "a b" | c.example | X'],
    ['<a b@c.example>', '<a b@c.example> | a.b@c.example | a.b | c.example | '],
    [
      '<@a.example,@b.example:c@d.example>',
      '<@a.example,@b.example:c@d.example> | c@d.example | c | d.example | ',
    ],
    ['<a@b.example.>', '<a@b.example.> | a@b.example | a | b.example | '],
    ['<x%b.example>', '<x%b.example> | x@b.example | x | b.example | '],
    ['<x%y@b.example>', '<x%y@b.example> | x%y@b.example | x%y | b.example | '],
    ['<a!b>', '<a!b> | a!b | b | a.uucp | '],
    ['<a.example!b>', '<a.example!b> | b@a.example | b | a.example | '],
    ['<a@[1.2.3.4]>', '<a@[1.2.3.4]> | a@[1.2.3.4] | a | [1.2.3.4] | '],
    ['<a@[IPv6:::1]>', '<a@[IPv6:::1]> | a@[IPv6:::1] | a | [ipv6:::1] | '],
    ['<a\tb@x.example>', '<a\tb@x.example> | a.b@x.example | a.b | x.example | '],
    ['<', "553 5.0.0 <... Unbalanced '<'"],
    ['>', "553 5.0.0 >... Unbalanced '>'"],
    ['<a\\>', "553 5.0.0 <a\\>... Unbalanced '<'"],
    ['<a@b@c>', '553 5.1.3 <a@b@c>... Invalid route address'],
    ['<@>', '553 5.1.3 <@>... List:; syntax illegal for recipient addresses'],
    ['<a\x85b@x.example> SIZE=1', '501 5.1.3 8-bit character in mailbox address "<a?b@x.example>"'],
    [
      '<a\x01b@x.example>',
      '501 5.1.3 Syntax error in mailbox address "a?b@x.example" (non-printable character)',
    ],
  ];
  for (const [text, expected] of cases) {
    test(JSON.stringify(text), () => assert.equal(read(text), expected));
  }

  test('a sender is refused with codes of its own', () => {
    const text = 'Syntax error in mailbox address "a?b" (non-printable character)';
    assert.equal(read('a\x7fb', 'sender'), `501 5.1.7 ${text}`);
    assert.equal(read('\x80', 'sender'), '501 5.1.7 8-bit character in mailbox address "?"');
  });

  test('too long', () => {
    const fits = `<${'y.'.repeat(121)}@x.example>`;
    assert.equal(fits.length, 254);
    assert.match(read(fits), /^<y\./);
    const long = `<${'z'.repeat(245)}@x.example>`;
    const said = `553 5.1.0 ${shortened(long)}... Address "${long.slice(0, 255)}" too long (255 bytes max)`;
    assert.equal(read(long), said);
    assert.match(
      read(`<${'z'.repeat(257)}@x.example>`),
      /^553 5\.1\.0 .*\.\.\. prescan: token too long$/,
    );
    assert.match(read(`<${'a.'.repeat(700)}b>`), /^553 5\.1\.1 .*\.\.\. Address too long$/);
    assert.equal(shortened(long).length, 203);
  });

  test('551, 552 and 554 do not name the address', () => {
    const reply = { code: 552, status: '5.2.2', text: 'over quota' };
    assert.deepEqual(replyAbout('<a@b>', reply), reply);
  });
});

const PIECES = [
  'a',
  'b.example',
  '@',
  '%',
  '!',
  '"',
  '\\',
  '<',
  '>',
  '(',
  ')',
  '[',
  ']',
  ':',
  ';',
  ',',
  '.',
  ' ',
  '\t',
  '\r',
  '\n',
  '\x00',
  '\x9f',
  '\xe9',
  '\u20ac',
  'SIZE=1',
] as const;

test('any text is taken or refused, and nothing in a reply can break its line', () => {
  const random = randomSource(42);
  for (let round = 0; round < 20_000; round += 1) {
    let text = '';
    for (let count = random.below(16); count > 0; count -= 1) text += random.pick([...PIECES, 'x']);
    const outcome = parseSmtpPath(text, random.chance(0.5) ? 'sender' : 'recipient');
    if (outcome.kind === 'refused') {
      assert.doesNotMatch(outcome.reply.text, /[\r\n\0]/);
      assert.match(String(outcome.reply.code), /^5\d\d$/);
    } else {
      const { shown, rest, address } = outcome.path;
      assert.ok(text.includes(shown) && text.includes(rest));
      assert.doesNotMatch(address, /[\r\n\0]/);
    }
  }
});

test('tokens joined and cut again are the same tokens', () => {
  const random = randomSource(43);
  for (let round = 0; round < 5000; round += 1) {
    let text = '';
    for (let count = random.below(10); count > 0; count -= 1) text += random.pick([...PIECES, 'y']);
    const scan = prescan(text);
    if (scan.kind === 'refused') continue;
    const again = prescan(joinTokens(scan.tokens, ' '));
    assert.deepEqual(again.kind === 'tokens' && again.tokens, scan.tokens);
    canonify(scan.tokens);
  }
});

test('an address beyond ASCII is one where that was agreed on, if its bytes are UTF-8', () => {
  const bytes = (text: string) => Buffer.from(text).toString('latin1');
  const taken = ['<j\u00f6rg@x.example>', '<\u5f20\u4e09@\u4f8b\u3048.example>', '<\u00c0@x>'];
  for (const text of taken) {
    assert.equal(parseSmtpPath(bytes(text), 'recipient', true).kind, 'path', text);
    assert.equal(parseSmtpPath(bytes(text), 'recipient').kind, 'refused', text);
  }
  for (const text of ['<\xff@x>', '<a\xc3@x>', '<\xc2\x85@x>', '<\xe2\x80\xa8@x>']) {
    assert.equal(parseSmtpPath(text, 'recipient', true).kind, 'refused');
  }
});
