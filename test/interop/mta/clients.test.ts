/**
 * Real SMTP clients send through ours (swaks, openssl, curl, Python's smtplib, Postfix's smtp-source), with TLS and
 * AUTH: what arrives is what was sent, byte for byte, and the log tells how it came.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { SERVER_NAME } from '../../support/certificates.ts';
import { debianEnvironment, debianPackagesOrSkip } from '../../support/debian-package.ts';
import { asSent, MtaHost } from '../../support/mta-host.ts';
import { oddMessage, toCrLf } from '../../support/odd-message.ts';
import { type ClientRun, runClient } from '../../support/run-client.ts';

const SWAKS = ['swaks', 'libnet-ssleay-perl'];
const PASSWORD = 'let me in';
let site: MtaHost;

before(async () => {
  site = await MtaHost.start({
    hasTls: true,
    files: { users: `alice:{PLAIN}${PASSWORD}\n` },
    daemons: ['Name=TLSMTA, Addr=127.0.0.1, Port=0, M=s', 'Name=MSA, Addr=127.0.0.1, Port=0, M=a'],
    settings: { AuthFile: 'users', AuthWithoutTls: true },
  });
});
after(() => site.remove());

/** Sends by `send` and gives what arrived for alice and the lines of its log. */
async function arrives(message: string, send: () => Promise<ClientRun>): Promise<string> {
  const since = site.log.length;
  const old = site.messages('alice').length;
  const { code, output, errors } = await send();
  assert.equal(code, 0, `${output}\n${errors}`);
  await site.until(() => site.messages('alice').length > old, 'the message');
  assert.equal(asSent(site.messages('alice').at(-1) ?? ''), message);
  await site.until(() => site.logged(/stat=Sent$/, since).length === 1, 'its line in the log');
  return site.log.slice(since).join('\n');
}

interface SwaksCase {
  readonly name: string;
  readonly daemon?: string;
  readonly args: readonly string[];
  readonly said: readonly RegExp[];
  readonly log: readonly RegExp[];
}

const LOGIN = ['--auth-user', 'alice', '--auth-password', PASSWORD];
const authLine = (mechanism: string) =>
  new RegExp(`^AUTH=server, relay=.*, authid=alice.*, mech=${mechanism}, bits=0$`, 'm');

const SWAKS_CASES: readonly SwaksCase[] = [
  {
    name: 'plain',
    args: [],
    said: [/^<- {2}220 mx\.corp\.example ESMTP Sendmail/m, /^<- {2}221 2\.0\.0 /m],
    log: [/proto=ESMTP, daemon=MTA, /],
  },
  { name: 'HELO', args: ['--protocol', 'SMTP'], said: [/^ -> HELO /m], log: [/proto=SMTP, /] },
  {
    name: 'pipelined',
    args: ['--pipeline'],
    said: [/^<- {2}354 /m],
    log: [/nrcpts=1, .*proto=ESMTP, /],
  },
  {
    name: 'STARTTLS',
    args: ['--tls'],
    said: [/^<- {2}220 2\.0\.0 Ready to start TLS/m, /^=== TLS started with cipher TLSv1\.3/m],
    log: [/^STARTTLS=server, relay=.*, version=TLSv1\.3, verify=NO, /m, /proto=ESMTPS, /],
  },
  {
    name: 'TLS at once',
    daemon: 'TLSMTA',
    args: ['--tls-on-connect'],
    said: [/^<~ {2}220 mx\.corp\.example/m],
    log: [/proto=ESMTPS, daemon=TLSMTA, /],
  },
  ...['PLAIN', 'LOGIN', 'CRAM-MD5'].map((mechanism) => ({
    name: `AUTH ${mechanism}`,
    daemon: 'MSA',
    args: ['--auth', mechanism, ...LOGIN],
    said: [/^<- {2}235 2\.0\.0 OK Authenticated/m],
    log: [authLine(mechanism), /proto=ESMTPA, daemon=MSA, /],
  })),
  {
    name: 'STARTTLS and AUTH',
    daemon: 'MSA',
    args: ['--tls', '--auth', 'PLAIN', ...LOGIN],
    said: [/^<~ {2}235 2\.0\.0 /m],
    log: [authLine('PLAIN'), /proto=ESMTPSA, daemon=MSA, /],
  },
];

suite('swaks', () => {
  for (const { name, daemon = 'MTA', args, said, log } of SWAKS_CASES) {
    test(name, async (t) => {
      const root = await debianPackagesOrSkip(t, SWAKS);
      if (root === undefined) return;
      const message = oddMessage({ id: `swaks.${name.replaceAll(' ', '-')}` });
      let run: ClientRun | undefined;
      const lines = await arrives(message, async () => {
        // It puts a line end behind whatever it is given.
        const input = message.replace(/\n$/, '');
        run = await swaks(root, [...to(daemon), ...args, '--data', '-'], input);
        return run;
      });
      for (const pattern of said) assert.match(run?.output ?? '', pattern);
      for (const pattern of log) assert.match(lines, pattern);
      assert.match(lines, new RegExp(`size=${message.length}, class=0, nrcpts=1, msgid=<swaks`));
    });
  }

  test('is refused by reply and exit code', async (t) => {
    const root = await debianPackagesOrSkip(t, SWAKS);
    if (root === undefined) return;
    const bad = await swaks(root, [...to('MSA'), '--auth', 'LOGIN', ...LOGIN.with(-1, 'wrong')]);
    assert.match(bad.output, /^<\*\* 535 5\.7\.0 authentication failed/m);
    assert.equal(bad.code, 28);
    assert.equal(site.logged(/^\w{14}: AUTH failure \(LOGIN\): .*, user=alice, /).length, 1);
    const without = await swaks(root, to('MSA'));
    assert.match(without.output, /^<\*\* 530 5\.7\.0 Authentication required/m);
    assert.equal(without.code, 23);
    const unknown = await swaks(root, [...to('MTA'), '--to', 'nobody@corp.example']);
    assert.match(unknown.output, /^<\*\* 550 5\.1\.1 <nobody@corp\.example>\.\.\. User unknown/m);
    assert.equal(unknown.code, 24);
  });
});

const to = (daemon: string): string[] => ['--port', String(site.portOf(daemon))];

function swaks(root: string, args: readonly string[], input = ''): Promise<ClientRun> {
  const libraries = ['usr/share/perl5', 'usr/lib/x86_64-linux-gnu/perl5/5.36'];
  const envelope = ['--from', 'ann@partner.example', '--helo', 'client.example'];
  const wanted = args.includes('--to') ? [] : ['--to', 'alice@corp.example'];
  return runClient(
    join(root, 'usr/bin/swaks'),
    ['--server', '127.0.0.1', ...envelope, ...wanted, ...args],
    {
      input: Buffer.from(input, 'latin1'),
      env: { PERL5LIB: libraries.map((one) => join(root, one)).join(':') },
    },
  );
}

suite('openssl s_client', () => {
  test('STARTTLS, and QUIT over TLS', async () => {
    const since = site.log.length;
    const args = ['-starttls', 'smtp', '-connect', `127.0.0.1:${site.port}`, '-quiet'];
    const trust = ['-CAfile', site.ca, '-verify_hostname', SERVER_NAME, '-verify_return_error'];
    const { code, output, errors } = await runClient('openssl', ['s_client', ...args, ...trust], {
      input: 'NOOP\r\nQUIT\r\n',
    });
    assert.equal(code, 0, errors);
    assert.match(output, /^250 2\.0\.0 OK\r$/m);
    assert.match(output, /^221 2\.0\.0 mx\.corp\.example closing connection\r$/m);
    const done = () => site.logged(/did not issue MAIL/, since).length === 1;
    await site.until(done, 'the end of the session');
    assert.equal(site.logged(/^STARTTLS=server, relay=\[127\.0\.0\.1\], /, since).length, 1);
  });

  test('a client that trusts nobody goes away, and the log says so', async () => {
    const since = site.log.length;
    const args = ['-starttls', 'smtp', '-connect', `127.0.0.1:${site.port}`];
    const strict = [
      '-verify_return_error',
      '-verify_hostname',
      'other.example',
      '-CAfile',
      site.ca,
    ];
    const { code } = await runClient('openssl', ['s_client', ...args, ...strict]);
    assert.notEqual(code, 0);
    await site.until(() => site.logged(/^STARTTLS=server, error/, since).length > 0, 'the failure');
  });
});

suite('curl', () => {
  const url = (scheme: string, daemon: string) => [
    '--url',
    `${scheme}://${SERVER_NAME}:${site.portOf(daemon)}/client.example`,
    '--resolve',
    `${SERVER_NAME}:${site.portOf(daemon)}:127.0.0.1`,
    ...['--silent', '--show-error', '--cacert', site.ca],
  ];

  for (const [name, scheme, daemon, more] of [
    ['plain', 'smtp', 'MTA', []],
    ['STARTTLS', 'smtp', 'MTA', ['--ssl-reqd']],
    ['TLS at once', 'smtps', 'TLSMTA', []],
    ['AUTH', 'smtp', 'MSA', ['--ssl-reqd', '--user', `alice:${PASSWORD}`]],
  ] as const) {
    test(name, async (t) => {
      if ((await runClient('curl', ['--version']).catch(() => null)) === null) {
        t.skip('no curl on this machine');
        return;
      }
      const message = oddMessage({ id: `curl.${name.replaceAll(' ', '-')}` });
      const envelope = ['--mail-from', 'ann@partner.example', '--mail-rcpt', 'alice@corp.example'];
      const args = [...url(scheme, daemon), ...more, ...envelope, '--upload-file', '-'];
      await arrives(message, () => runClient('curl', args, { input: toCrLf(message) }));
    });
  }
});

/** Sends its standard input as it stands; its arguments tell how. */
const SMTPLIB = `
import smtplib, ssl, sys
port, way, authority, password = sys.argv[1:]
context = ssl.create_default_context(cafile=authority)
context.check_hostname = False
if way == "tls":
    server = smtplib.SMTP_SSL("127.0.0.1", int(port), local_hostname="client.example", context=context)
else:
    server = smtplib.SMTP("127.0.0.1", int(port), local_hostname="client.example")
if way == "starttls":
    print(server.starttls(context=context)[0])
if password:
    print(server.login("alice", password)[0])
server.ehlo()
print(server.verify("alice")[0], server.noop()[0], server.rset()[0])
message = sys.stdin.buffer.read()
refused = server.sendmail("ann@partner.example", ["alice@corp.example", "nobody@corp.example"],
    message, mail_options=["BODY=8BITMIME", "RET=HDRS", "ENVID=e1"], rcpt_options=["NOTIFY=NEVER"])
print(refused)
print(server.quit()[0])
`;

suite("Python's smtplib", () => {
  for (const [way, daemon, password] of [
    ['plain', 'MTA', ''],
    ['starttls', 'MSA', PASSWORD],
    ['tls', 'TLSMTA', PASSWORD],
  ] as const) {
    test(way, async (t) => {
      if ((await runClient('python3', ['-c', 'import ssl']).catch(() => null))?.code !== 0) {
        t.skip('no python3 on this machine');
        return;
      }
      const message = oddMessage({ id: `smtplib.${way}` });
      const args = ['-c', SMTPLIB, String(site.portOf(daemon)), way, site.ca, password];
      let output = '';
      const log = await arrives(message, async () => {
        const run = await runClient('python3', args, { input: toCrLf(message) });
        output = run.output;
        return run;
      });
      assert.match(output, /^250 250 250$/m);
      assert.match(output, /^\{'nobody@corp\.example': \(550, b'5\.1\.1 .*User unknown'\)\}$/m);
      assert.match(output, /^221$/m);
      assert.match(log, /nrcpts=1, .*bodytype=8BITMIME, /);
    });
  }
});

suite("Postfix's smtp-source", () => {
  test('many messages over ten connections at a time', async (t) => {
    const root = await debianPackagesOrSkip(t, ['postfix']);
    if (root === undefined) return;
    const since = site.log.length;
    const env = await debianEnvironment(root);
    const libraries = [env.LD_LIBRARY_PATH, join(root, 'usr/lib/postfix')].join(':');
    const envelope = [
      '-f',
      'ann@partner.example',
      '-t',
      'bob@corp.example',
      '-M',
      'client.example',
    ];
    const load = ['-m', '200', '-s', '10', '-l', '5000', '-d'];
    const run = await runClient(
      join(root, 'usr/sbin/smtp-source'),
      [...envelope, ...load, `inet:127.0.0.1:${site.port}`],
      { env: { LD_LIBRARY_PATH: libraries } },
    );
    assert.equal(run.code, 0, run.errors);
    await site.quiet();
    assert.equal(site.messages('bob').length, 200);
    assert.equal(new Set(site.messages('bob').map((one) => one.length)).size < 8, true);
    assert.equal(site.logged(/to=<bob@corp\.example>, .*stat=Sent$/, since).length, 200);
    assert.equal(new Set(site.logged(/: from=/, since).map((one) => one.slice(0, 14))).size, 200);
    assert.deepEqual(site.queued, []);
  });
});
