/** The commands about the mail server, over a site in a folder: its queue with and without it, tables, addresses. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { CommandsSite } from '../../support/mta-commands-site.ts';

suite('the queue', () => {
  const site = new CommandsSite();
  let ids: readonly string[] = [];
  const mta = (...args: string[]) => site.run(['mta', ...args]);

  before(async () => {
    assert.match((await mta('queue')).stdout, /is empty\n\t\tTotal requests: 0\n$/);
    await site.start();
    for (const to of ['x@partner.example', 'y@isp.example']) {
      const letter = { stdin: 'Subject: hi\n\nhello\n' };
      const sent = await site.run(['mta', 'sendmail', '-f', 'ann@campus.example', to], letter);
      assert.equal(sent.code, 0, sent.stderr);
    }
    await site.quiet();
    const { stdout } = await mta('queue', '--format', 'json');
    const rows = JSON.parse(stdout) as { id: string; recipients: string[]; status: string }[];
    assert.deepEqual(rows.map(({ recipients }) => recipients).sort(), [
      ['<x@partner.example>'],
      ['<y@isp.example>'],
    ]);
    ids = rows.map(({ id }) => id);
  });
  after(() => site.remove());

  const [held, others] = [/\? .*\n {5}QUARANTINE: for a look\n/, /Total requests: 2/];

  test('of a server that runs: it is told, and does it', async () => {
    const [id = ''] = ids;
    const hold = await mta('hold', id, '--reason', 'for a look');
    assert.deepEqual([hold.code, hold.stdout], [0, 'the MTA was told: held\n']);
    const { stdout } = await mta('queue');
    assert.match(stdout, held);
    assert.match(stdout, others);
    assert.equal((await mta('release', id)).code, 0);
    assert.doesNotMatch((await mta('queue')).stdout, /QUARANTINE/);
    assert.equal((await mta('flush', '--recipient', 'isp.example')).code, 0);
    await site.quiet();
  });

  test('what is not there is named, and is exit 1', async () => {
    const [id = ''] = ids;
    const { code, stderr } = await mta('release', '6AOFBWr3013349', id);
    assert.equal(code, 1);
    assert.match(stderr, /^maillog: 6AOFBWr3013349 is not in the queue .*mqueue\n$/);
    assert.equal((await mta('delete', '6AOFBWr3013349')).code, 1);
  });

  test('of a server that does not run: it is done here', async () => {
    await site.stop();
    const [one = '', two = ''] = ids;
    assert.equal((await mta('hold', one, '--reason', 'for a look')).stdout, `held: ${one}\n`);
    assert.match((await mta('queue')).stdout, held);
    assert.equal((await mta('release', one, two)).stdout, `released: ${one}\n`);
    assert.match(
      (await mta('flush')).stdout,
      /^tried next: \S+, \S+ \(no MTA runs: when it does\)\n$/,
    );
    assert.equal((await mta('delete', one, two)).stdout, `deleted: ${one}, ${two}\n`);
    assert.equal((await mta('queue', '--format', 'json')).stdout, '[]\n');
    assert.equal((await mta('flush')).stdout, 'the queue is empty\n');
    assert.match(site.read('maillog'), new RegExp(`${one}: quarantine=for a look`));
  });
});

suite('tables and addresses', () => {
  const site = new CommandsSite('AuthFile = "passwords"\nAccessMap = "access"\n');
  before(() => site.write('access', 'To:bob@campus.example\tERROR:5.1.6:550 gone\n'));
  after(() => site.remove());
  const mta = (...args: string[]) => site.run(['mta', ...args]);

  test('newaliases says and logs what there is, and what is wrong, by its line', async () => {
    const { code, stdout } = await mta('newaliases');
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^alias database \S+aliases rebuilt by \S+\n\S+aliases: 2 aliases, longest 8 bytes, 26 bytes total\n$/,
    );
    assert.match(site.read('maillog'), /sendmail\[\d+\]: alias database \S+ rebuilt by/);
    site.write('aliases', 'postmaster: root\nteam: ann, bob\nwrong\n: x\n');
    const wrong = await mta('newaliases');
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /aliases: line 3: missing colon\n.*aliases: line 4: /);
    site.write('aliases', 'postmaster: root\nteam: ann, bob\n');
  });

  test('test tells in words what becomes of an address', async () => {
    const { code, stdout } = await mta('test', 'team@campus.example', '--client', '10.1.1.1');
    assert.equal(code, 0);
    assert.match(stdout, /^client \[10\.1\.1\.1\]\n {2}connect: accepted\n/);
    for (const line of [
      'RCPT TO:<team@campus.example>: accepted',
      'leads to local: team',
      'deliver by local: ann',
      'deliver by local: bob',
    ]) {
      assert.ok(stdout.includes(`  ${line}\n`), stdout);
    }
    const no = await mta(
      'test',
      'nobody@campus.example',
      'bob@campus.example',
      'x@far.example',
      '<',
      '--client',
      '10.1.1.1',
    );
    assert.equal(no.code, 1);
    assert.match(no.stdout, /nobody@campus\.example>: 550 5\.1\.1 User unknown/);
    assert.match(no.stdout, /bob@campus\.example>: refused: 550 5\.1\.6 .*gone/);
    assert.match(no.stdout, /x@far\.example>: refused: 550 5\.7\.1 .*Relaying denied/);
    assert.equal((await mta('test', 'ann', '--client', 'here')).code, 2);
  });

  test('makemap says what it writes, and what it leaves out', async () => {
    const made = await site.run(['mta', 'makemap', 'hash', 'map.db'], {
      stdin: 'a.example RELAY\nlonely\na.example OK\n',
    });
    assert.equal(made.code, 65);
    assert.match(made.stdout, /map\.cdb written, 1 entries: hash is not written here/);
    assert.match(made.stderr, /line 2/);
    assert.match(made.stderr, /line 3: key a\.example: duplicate key/);
    assert.ok(existsSync(site.path('map.cdb')));
    assert.equal((await mta('makemap', 'ldap', 'x')).code, 2);
  });

  test('passwd sets a password, and sets it again', async () => {
    const first = await site.run(['mta', 'passwd', 'ann'], { stdin: 'first secret\n' });
    assert.equal(first.code, 0, first.stderr);
    await site.run(['mta', 'passwd', 'bob', '--plain'], { stdin: 'second' });
    await site.run(['mta', 'passwd', 'ann'], { stdin: 'third\n' });
    assert.match(site.read('passwords'), /^ann:\{SCRYPT\}\S+\nbob:\{PLAIN\}second\n$/);
    assert.equal((await site.run(['mta', 'passwd', 'a:b'], { stdin: 'x\n' })).code, 2);
    assert.equal((await site.run(['mta', 'passwd', 'ann'], { stdin: '\n' })).code, 2);
  });

  test('config tells all settings and who set them; a wrong one is named', async () => {
    const rows = JSON.parse((await mta('config', '--format', 'json')).stdout) as {
      setting: string;
      value: unknown;
      from: string;
    }[];
    const of = (name: string) => rows.find(({ setting }) => setting === name);
    assert.equal(of('Hostname')?.value, 'mx.campus.example');
    assert.equal(of('Hostname')?.from, site.path('mta.toml'));
    assert.deepEqual(
      [of('Timeout.queuereturn')?.value, of('Timeout.queuereturn')?.from],
      ['5d', 'default'],
    );
    site.write('bad.toml', 'Hostnam = "x"\n');
    const wrong = await mta('config', '--mta-config', 'bad.toml');
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /there is no setting Hostnam: did you mean Hostname\?/);
    assert.equal((await mta('config', '--mta-config', 'none.toml')).code, 1);
  });

  test('without a configuration it is a try-out on the loopback', async () => {
    const env = { HOME: site.folder, MAILLOG_TIMEZONE: 'UTC', XDG_CONFIG_HOME: site.path('none') };
    const { stdout } = await site.run(['mta', 'config', '--format', 'csv'], { env });
    // Whoever runs the tests as root on a machine with a mail server has one.
    if (!existsSync('/etc/maillog/mta.toml')) {
      assert.match(stdout, /DaemonPortOptions,.*Port=2525.*Port=2587.*,try-out,/);
    }
  });

  test('import reads a file or standard input and can write a file', async () => {
    const stdin = 'O AliasFile=/etc/aliases\n';
    const { code, stdout } = await site.run(['mta', 'import', '-'], { stdin });
    assert.equal(code, 0);
    assert.match(stdout, /AliasFile = \["\/etc\/aliases"\] # line 1/);
    site.write('sendmail.cf', stdin);
    assert.equal((await mta('import', 'sendmail.cf', '--out', 'new.toml')).code, 0);
    assert.match(site.read('new.toml'), /out of sendmail\.cf/);
    assert.equal((await mta('import', 'none.cf')).code, 1);
  });

  test('help lists the commands, and completion knows them', async () => {
    const { stdout } = await mta('--help');
    for (const name of ['start', 'queue', 'flush', 'hold', 'import', 'sendmail', 'newaliases']) {
      assert.match(stdout, new RegExp(`^ {2}${name} `, 'm'));
    }
    assert.match((await site.run(['completion'])).stdout, /"mta import"\) words="--config .*--out/);
  });
});
