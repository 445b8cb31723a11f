import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { defaultMtaConfig, durationOf, readMtaConfig } from '../../src/config/mta-config.ts';
import { MTA_SETTINGS } from '../../src/config/mta-settings.ts';

const read = (text: string) => readMtaConfig(text, '/etc/maillog/mta.toml', '/etc/maillog');

suite("the MTA's configuration", () => {
  test('has defaults that are allowed', () => {
    const config = defaultMtaConfig();
    assert.deepEqual(Object.keys(config), Object.keys(MTA_SETTINGS));
    assert.equal(config['Timeout.queuereturn'], 5 * 86_400_000);
    assert.ok(Object.isFrozen(config));
  });

  test('is read under the names of a sendmail.cf', () => {
    const config = read(`
AliasFile = ["aliases", "/srv/aliases"]
DS = "smtp.ntu.edu.tw"
MaxMessageSize = 1000
SMTPUTF8 = false
Mailbox = "maildir"
[Timeout]
queuewarn = "1h30m"
`);
    assert.deepEqual(config.AliasFile, ['/etc/maillog/aliases', '/srv/aliases']);
    assert.equal(config.DS, 'smtp.ntu.edu.tw');
    assert.deepEqual(
      [config.MaxMessageSize, config.SMTPUTF8, config.Mailbox],
      [1000, false, 'maildir'],
    );
    assert.equal(config['Timeout.queuewarn'], 5_400_000);
  });

  test('says which setting is wrong and what it may be', () => {
    const cases = [
      ['AliasFiles = "x"', /there is no setting AliasFiles: did you mean AliasFile\?/],
      ['MaxHopCount = -1', /mta\.toml: MaxHopCount is -1, but must be a whole number/],
      ['Mailbox = "pigeon"', /must be one of mbox, maildir, lmtp, program/],
      ['Timeout = { command = "soon" }', /Timeout\.command is soon, but must be a time such as/],
      ['DS = ""', /a text that is not empty/],
      ['SMTPUTF8 = "yes"', /true or false/],
      ['Dnsbl = [1]', /texts: an array/],
      ['x = ', /line 1/],
    ] as const;
    for (const [text, expected] of cases) assert.throws(() => read(text), expected, text);
  });

  test('times', () => {
    const cases = { '0s': 0, '90s': 90_000, '1w': 604_800_000, '1d1h': 90_000_000 };
    for (const [text, expected] of Object.entries(cases)) assert.equal(durationOf(text), expected);
    for (const text of ['', '5', '5x', 's', '-1s']) assert.equal(durationOf(text), null);
  });
});
