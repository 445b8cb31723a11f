/** A sendmail.cf as an mta.toml: of old, as m4 makes it, and as nobody would write it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mtaConfigOf, mtaValues } from '../../src/config/mta-config.ts';
import { cfLines } from '../../src/config/sendmail-cf-lines.ts';
import { importSendmailCf } from '../../src/config/sendmail-cf-options.ts';
import { debianEnvironment, debianPackagesOrSkip } from '../support/debian-package.ts';
import { randomSource } from '../support/random.ts';

/** What is set, and the whole text; our own reader takes it. */
function imported(cf: string): { values: Readonly<Record<string, unknown>>; text: string } {
  const text = importSendmailCf(cf, 'sendmail.cf');
  const values = mtaValues(text, 'mta.toml');
  mtaConfigOf(values, 'mta.toml', '/etc/maillog');
  return { values, text };
}

test('lines go on, and comments end, as in readcf.c', () => {
  const text = 'O A=1 # x\n#none\n\nMlocal, P=/bin/mail,\n\tA=mail $u # y\nFw/x %[^\\#]\nR$# a\n';
  assert.deepEqual(
    cfLines(text).map(({ number, text: line }) => [number, line]),
    [
      [1, 'O A=1'],
      [4, 'Mlocal, P=/bin/mail, \tA=mail $u'],
      [6, 'Fw/x %[^\\#]'],
      [7, 'R$# a'],
    ],
  );
});

test('a cf of sendmail 8.9', () => {
  const { values, text } = imported(`V8/Berkeley
Cwlocalhost mail.ntu.edu.tw
Fw/etc/mail/sendmail.cw
FR-o /etc/mail/relay-domains
DSsmtp.ntu.edu.tw
Djccms.ntu.edu.tw
DMntu.edu.tw
O AliasFile=/etc/mail/aliases
O QueueDirectory=/var/spool/mqueue
O StatusFile=/etc/sendmail/sendmail.st
O MaxMessageSize=3000000
O SmtpGreetingMessage=$j Sendmail $v/$Z; $b
O PrivacyOptions=authwarnings,goaway
O DaemonPortOptions=Port=25
`);
  assert.deepEqual(values, {
    Hostname: 'ccms.ntu.edu.tw',
    DaemonPortOptions: ['Port=25'],
    SmtpGreetingMessage: '$j ESMTP Sendmail $v/$Z; $b',
    Wording: '8.9',
    Fw: '/etc/mail/sendmail.cw',
    Cw: ['mail.ntu.edu.tw'],
    FR: '/etc/mail/relay-domains',
    DS: 'smtp.ntu.edu.tw',
    AliasFile: ['/etc/mail/aliases'],
    MaxMessageSize: 3_000_000,
    PrivacyOptions: [
      'authwarnings',
      'needmailhelo',
      'needexpnhelo',
      'needvrfyhelo',
      'noexpn',
      'novrfy',
      'noverb',
    ],
    QueueDirectory: '/var/spool/mqueue',
    StatusFile: '/etc/sendmail/sendmail.st',
  });
  assert.match(text, /^# line 7: DMntu\.edu\.tw: From: is not rewritten/m);
});

test('options of one letter', () => {
  const { values } = imported(
    'OA/etc/aliases\nOQ/var/spool/mqueue\nOS/etc/sendmail.st\nOr15m\nOT5d/4h\nOL12\nOdq\nOh30\nOb4/1000\nOpneedmailhelo\nOo\n',
  );
  assert.deepEqual(values, {
    DaemonPortOptions: ['Name=MTA, Port=smtp'],
    AliasFile: ['/etc/aliases'],
    QueueDirectory: '/var/spool/mqueue',
    StatusFile: '/etc/sendmail.st',
    'Timeout.command': '15m',
    'Timeout.datablock': '15m',
    'Timeout.datafinal': '15m',
    'Timeout.queuereturn': '5d',
    'Timeout.queuewarn': '4h',
    LogLevel: 12,
    DeliveryMode: 'queueonly',
    MaxHopCount: 30,
    MinFreeBlocks: 4,
    MaxMessageSize: 1000,
    PrivacyOptions: ['needmailhelo'],
  });
});

test('milters in their order, and those that nobody asks', () => {
  const { values, text } = imported(
    'Xone, S=inet:8891@localhost, F=T\nXtwo, S=local:/run/two.sock\nXold, S=inet:1@localhost\nO InputMailFilters=two, one, gone\n',
  );
  assert.deepEqual(values.InputMailFilters, [
    'two, S=local:/run/two.sock',
    'one, S=inet:8891@localhost, F=T',
  ]);
  assert.match(text, /there is no X line of gone/);
  assert.match(text, /Xold: InputMailFilters does not name it/);
});

test('what is left out says so: programs, maps of other kinds, names with macros, rules of the site', () => {
  const { text, values } = imported(
    'Fw|/usr/bin/names\nKaccess ldap -k x\nDj$w.example.org\nO AliasFile=ldap:, hash:/etc/aliases\nSLocal_check_rcpt\nR$*\t$#error $: no\nMlocal, P=/usr/bin/procmail, A=procmail -Y -a $h -d $u\nZwhat\n',
  );
  assert.deepEqual(values.AliasFile, ['/etc/aliases']);
  for (const part of [
    'Fw|/usr/bin/names: a class comes from a file only',
    'a map of type ldap cannot be read',
    'Hostname is $w.example.org in the cf',
    'aliases come from files only',
    'rule of Local_check_rcpt',
    'LocalMailer = ["/usr/bin/procmail", "-Y", "-a", "$h", "-d", "$u"]',
    'Zwhat: not understood',
  ]) {
    assert.ok(text.includes(part), part);
  }
});

test("a cf that sendmail's own m4 files make", async (t) => {
  const packages = await debianPackagesOrSkip(t, ['sendmail-bin', 'sendmail-cf', 'm4']);
  if (packages === undefined) return;
  const folder = mkdtempSync(join(tmpdir(), 'maillog-cf-'));
  try {
    const source = [
      "OSTYPE(`linux')",
      "define(`confDOMAIN_NAME', `mx1.corp.example')",
      "define(`confMAX_MESSAGE_SIZE', `20000000')",
      "define(`SMART_HOST', `smtp.corp.example')",
      "define(`confAUTH_MECHANISMS', `GSSAPI LOGIN PLAIN')",
      "FEATURE(`no_default_msa')",
      "DAEMON_OPTIONS(`Family=inet, Name=MTA-v4, Port=smtp, Addr=127.0.0.1')",
      "FEATURE(`use_cw_file')",
      "FEATURE(`access_db', `hash -T<TMPF> -o /etc/mail/access.db')",
      "FEATURE(`virtusertable')",
      "FEATURE(`mailertable')",
      "FEATURE(`dnsbl', `zen.example.org')",
      "LOCAL_DOMAIN(`other.example')",
      "RELAY_DOMAIN(`10.1')",
      "INPUT_MAIL_FILTER(`clamav', `S=local:/run/clamav.sock, F=T')",
      "MAILER(`local')",
      "MAILER(`smtp')",
    ];
    const file = join(folder, 'sendmail.mc');
    writeFileSync(file, `${source.join('\n')}\n`);
    const m4 = join(packages, 'usr/share/sendmail/cf');
    const env = await debianEnvironment(packages);
    const args = [`-D_CF_DIR_=${m4}/`, join(m4, 'm4/cf.m4'), file];
    const { values, text } = imported(execFileSync('m4', args, { env, encoding: 'utf8' }));
    const expected = {
      Hostname: 'mx1.corp.example',
      DaemonPortOptions: ['Family=inet, Name=MTA-v4, Port=smtp, Addr=127.0.0.1'],
      Fw: '/etc/mail/local-host-names',
      Cw: ['other.example'],
      CR: ['10.1'],
      AccessMap: '/etc/mail/access',
      VirtUserTable: '/etc/mail/virtusertable',
      MailerTable: '/etc/mail/mailertable',
      Dnsbl: ['zen.example.org'],
      InputMailFilters: ['clamav, S=local:/run/clamav.sock, F=T'],
      DS: 'smtp.corp.example',
      MaxMessageSize: 20_000_000,
      AuthMechanisms: ['LOGIN', 'PLAIN'],
      'Timeout.queuereturn': '5d',
    };
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(values[key], value, key);
    assert.doesNotMatch(text, /not understood|there is no such setting/);
    assert.match(text, /there is no GSSAPI/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('any bytes give a file that is read', () => {
  const random = randomSource(20_261_124);
  const starts = [
    'O ',
    'O AliasFile=',
    'O Timeout.',
    'O PrivacyOptions=',
    'OT',
    'Or',
    'D{',
    'DS',
    'Cw',
  ];
  const more = [
    'Fw',
    'FR-o ',
    'Kaccess hash ',
    'X',
    'Mlocal, P=',
    'R',
    'S',
    'V',
    '\t',
    '#',
    'O LogLevel=',
  ];
  for (let round = 0; round < 400; round += 1) {
    const lines = Array.from({ length: random.below(12) }, () => {
      const start = random.pick([...starts, ...more] as [string, ...string[]]);
      const rest = Array.from({ length: random.below(30) }, () =>
        String.fromCharCode(random.chance(0.7) ? 32 + random.below(95) : random.below(256)),
      );
      return start + rest.join('');
    });
    imported(lines.join('\n'));
  }
});
