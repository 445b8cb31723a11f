/**
 * Ours finds its way by a real DNS server (BIND): every kind of answer, with what the log says, what the other end
 * gets and what comes back to the sender (RFC 5321 5, RFC 7505).
 */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { after, suite, type TestContext, test } from 'node:test';
import { debianPackagesOrSkip } from '../../support/debian-package.ts';
import { DNS_PACKAGES, type DnsServer, startDnsServer } from '../../support/dns-server.ts';
import { MailSink, type SunkMail } from '../../support/mail-sink.ts';
import { MTA_NAME, MtaHost, type MtaHostOptions } from '../../support/mta-host.ts';
import { sendMail } from '../../support/send-mail.ts';

const [A, B, SMART] = ['127.1.0.1', '127.1.0.2', '127.1.0.5'];
const HOSTS = `a A ${A}
b A ${B}
dead A 127.1.0.9
smart A ${SMART}
six AAAA ::1
alias CNAME b
pref MX 20 b
pref MX 10 a
down MX 10 dead
down MX 20 b
equal MX 10 a
equal MX 10 b
cname MX 10 alias
plain A ${A}
null MX 0 .
*.wild MX 10 a
v6 MX 10 six
self MX 10 dead
self MX 20 ${MTA_NAME}.
self MX 30 b
loop MX 10 ${MTA_NAME}.
addressless TXT "neither MX nor A"
later MX 10 gone.broken.example.`;
const ZONES = { 'hosts.example': HOSTS };
const MAILERTABLE = `table.example esmtp:[b.hosts.example]
.table.example smtp:pref.hosts.example
port.example esmtp:[a.hosts.example]
refused.example error:5.7.1:550 not here
`;

/** Answers as one server does, and later as another: one that was repaired. */
class Relay {
  readonly #socket: Socket;
  #target: number;

  private constructor(target: number) {
    this.#target = target;
    this.#socket = createSocket('udp4');
    this.#socket.on('message', (question, { port }) => {
      const asking = createSocket('udp4');
      asking.on('message', (answer) => {
        asking.close();
        this.#socket.send(answer, port, '127.0.0.1');
      });
      asking.on('error', () => asking.close());
      asking.send(question, this.#target, '127.0.0.1');
    });
  }

  static async start(target: number): Promise<Relay> {
    const relay = new Relay(target);
    relay.#socket.bind(0, '127.0.0.1');
    await once(relay.#socket, 'listening');
    return relay;
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  turnTo(target: number): void {
    this.#target = target;
  }

  stop(): void {
    this.#socket.close();
  }
}

interface World {
  readonly broken: DnsServer;
  readonly repaired: DnsServer;
  readonly relay: Relay;
  readonly sink: MailSink;
  readonly ours: MtaHost;
  readonly withSmartHost: MtaHost;
}

let world: World | undefined;

async function worldOrSkip(t: TestContext): Promise<World | undefined> {
  if (world !== undefined) return world;
  const root = await debianPackagesOrSkip(t, DNS_PACKAGES);
  if (root === undefined) return undefined;
  const broken = await startDnsServer({ root, zones: ZONES, broken: ['broken.example'] });
  const repaired = await startDnsServer({
    root,
    zones: { ...ZONES, 'broken.example': `@ MX 10 a.hosts.example.\ngone A ${B}` },
  });
  const relay = await Relay.start(broken.port);
  const sink = await MailSink.start([A, B, SMART, '::1']);
  const start = (more: MtaHostOptions['settings']) =>
    MtaHost.start({
      files: { mailertable: MAILERTABLE },
      settings: {
        ...{ DnsServers: [relay.address], SmtpPort: sink.port, MailerTable: 'mailertable' },
        ...{ CR: ['127.0.0.1'], 'Timeout.connect': '2s', ...more },
      },
    });
  const [ours, withSmartHost] = await Promise.all([
    start({}),
    start({ DS: 'smart.hosts.example' }),
  ]);
  world = { broken, repaired, relay, sink, ours, withSmartHost };
  return world;
}

after(async () => {
  await world?.ours.remove();
  await world?.withSmartHost.remove();
  await world?.sink.stop();
  world?.relay.stop();
  await world?.broken.stop();
  await world?.repaired.stop();
});

interface Sent {
  /** The line of the log that tells of the recipient. */
  readonly line: string;
  readonly taken: readonly SunkMail[];
}

async function send(ours: MtaHost, recipient: string): Promise<Sent> {
  const since = ours.log.length;
  const message = `From: alice@corp.example\nTo: ${recipient}\nSubject: to ${recipient}\n\nhi\n`;
  await sendMail(ours.port, { from: 'alice@corp.example', to: [recipient], message });
  const lines = () =>
    ours.logged(/to=<.*stat=/, since).filter((l) => l.includes(`to=<${recipient}>`));
  await ours.until(() => lines().length > 0, recipient);
  await ours.quiet();
  const { sink } = world as World;
  return { line: lines().at(-1) ?? '', taken: sink.to(recipient) };
}

interface Case {
  readonly name: string;
  readonly domain: string;
  readonly line: RegExp;
  /** Who gets it, if anybody does. */
  readonly at?: string;
  /** What is in the bounce, if it comes back. */
  readonly bounce?: RegExp;
}

const sent = (host: string, address: string) =>
  new RegExp(
    `mailer=e?smtp, pri=\\d+, relay=${host.replaceAll('.', '\\.')}\\. \\[${address.replaceAll('.', '\\.')}\\], dsn=2\\.0\\.0, stat=Sent \\(2\\.0\\.0 taken\\)$`,
  );

const CASES: readonly Case[] = [
  {
    name: 'the best preference',
    domain: 'pref.hosts.example',
    line: sent('a.hosts.example', A),
    at: A,
  },
  {
    name: 'a backup, when the first is down',
    domain: 'down.hosts.example',
    line: sent('b.hosts.example', B),
    at: B,
  },
  {
    name: 'an MX that is an alias',
    domain: 'cname.hosts.example',
    line: /dsn=2\.0\.0, stat=Sent/,
    at: B,
  },
  {
    name: 'no MX but an address',
    domain: 'plain.hosts.example',
    line: sent('plain.hosts.example', A),
    at: A,
  },
  {
    name: 'a wildcard',
    domain: 'any.thing.wild.hosts.example',
    line: sent('a.hosts.example', A),
    at: A,
  },
  {
    name: 'a host of IPv6 alone',
    domain: 'v6.hosts.example',
    line: sent('six.hosts.example', 'IPv6:0:0:0:0:0:0:0:1'),
    at: '::1',
  },
  {
    name: 'a host by its address',
    domain: `[${B}]`,
    line: /relay=\[127\.1\.0\.2\] \[127\.1\.0\.2\], dsn=2\.0\.0, stat=Sent/,
    at: B,
  },
  {
    name: 'the mailertable: a host',
    domain: 'table.example',
    line: sent('b.hosts.example', B),
    at: B,
  },
  {
    name: 'the mailertable: MX of another domain',
    domain: 'x.table.example',
    line: sent('a.hosts.example', A),
    at: A,
  },
  {
    name: 'no mail at all (null MX)',
    domain: 'null.hosts.example',
    line: /dsn=5\.1\.\d+, stat=/,
    bounce: /^Action: failed$/m,
  },
  {
    name: 'a domain that is not there',
    domain: 'nothere.hosts.example',
    line: /dsn=5\.1\.2, stat=Host unknown \(Name server: nothere\.hosts\.example: host not found\)$/,
    bounce: /^550 5\.1\.2 .*Host unknown/m,
  },
  {
    name: 'neither MX nor address',
    domain: 'addressless.hosts.example',
    line: /dsn=5\.1\.2, stat=Host unknown/,
    bounce: /^Status: 5\.1\.2$/m,
  },
  {
    name: 'ourselves as the best',
    domain: 'loop.hosts.example',
    line: /dsn=5\.3\.5, stat=Local configuration error$/,
    bounce: /^Status: 5\.3\.5$/m,
  },
  {
    name: 'nobody worse than ourselves',
    domain: 'self.hosts.example',
    line: /relay=dead\.hosts\.example\. \[127\.1\.0\.9\], dsn=4\.\d\.\d, stat=Deferred: Connection refused by dead\.hosts\.example\.$/,
  },
];

suite('ours finds its way', () => {
  for (const one of CASES) {
    test(one.name, async (t) => {
      const all = await worldOrSkip(t);
      if (all === undefined) return;
      const { ours } = all;
      const old = ours.messages('alice').length;
      const { line, taken } = await send(ours, `u@${one.domain}`);
      assert.match(line, one.line);
      assert.deepEqual(
        taken.map(({ address }) => address),
        one.at === undefined ? [] : [one.at],
      );
      for (const { text } of taken) assert.match(text, /^Received: from client\.example /);
      const returned = ours.messages('alice').slice(old);
      assert.equal(returned.length, one.bounce === undefined ? 0 : 1);
      for (const text of returned) assert.match(text, one.bounce as RegExp);
    });
  }

  test('a way back to ourselves is told to the postmaster', async (t) => {
    const all = await worldOrSkip(t);
    if (all === undefined) return;
    const text = `MX list for loop.hosts.example. points back to ${MTA_NAME}`;
    const lines = all.ours.log.filter((line) => line.includes(`SYSERR(root): ${text}`));
    assert.equal(lines.length, 1);
  });

  test('both of equal preference', async (t) => {
    const all = await worldOrSkip(t);
    if (all === undefined) return;
    for (let at = 0; at < 24; at += 1) await send(all.ours, `u${at}@equal.hosts.example`);
    const took = all.sink.mails.filter(({ to }) => /@equal\.hosts/.test(to[0] ?? ''));
    assert.equal(took.length, 24);
    assert.deepEqual([...new Set(took.map(({ address }) => address))].sort(), [A, B]);
  });

  test('the mailertable can refuse', async (t) => {
    const all = await worldOrSkip(t);
    if (all === undefined) return;
    const said = await sendMail(all.ours.port, {
      to: ['u@refused.example'],
      message: 'Subject: x\n\nx\n',
    });
    assert.ok(said.includes('S: 550 5.7.1 <u@refused.example>... not here'), said.join('\n'));
  });

  test('a smart host gets what is not ours', async (t) => {
    const all = await worldOrSkip(t);
    if (all === undefined) return;
    const { withSmartHost } = all;
    const { line, taken } = await send(withSmartHost, 'smart@pref.hosts.example');
    assert.match(
      line,
      /mailer=relay, .*relay=smart\.hosts\.example\. \[127\.1\.0\.5\], dsn=2\.0\.0/,
    );
    assert.deepEqual(
      taken.map(({ address }) => address),
      [SMART],
    );
    await sendMail(withSmartHost.port, { to: ['bob@corp.example'], message: 'Subject: b\n\nb\n' });
    await withSmartHost.until(() => withSmartHost.messages('bob').length === 1, "bob's mail");
  });

  test('a name server that fails is waited for', async (t) => {
    const all = await worldOrSkip(t);
    if (all === undefined) return;
    const { ours, relay, broken, repaired } = all;
    const first = await send(ours, 'u@broken.example');
    assert.match(first.line, /dsn=4\.4\.3, stat=queued$/);
    const queued = ours.queued.length;
    relay.turnTo(repaired.port);
    await ours.flush();
    relay.turnTo(broken.port);
    const [then = ''] = ours.logged(/to=<u@broken\.example>.*stat=Sent/);
    assert.match(then, /relay=a\.hosts\.example\. \[127\.1\.0\.1\], dsn=2\.0\.0, stat=Sent/);
    assert.equal(ours.queued.length, queued - 1);
  });
});
