/**
 * rsyslog as the sender: whatever way it forwards a log, the store holds the same rows as after reading the
 * log from a file.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import { digestOf, ledgerAddsUp, type StoreDigest } from '../e2e/store-digest.ts';
import {
  type Certificates,
  CLIENT_NAME,
  hasOpenssl,
  makeCertificates,
  SERVER_NAME,
} from '../support/certificates.ts';
import { DaemonProcess, makeSite } from '../support/daemon.ts';
import { debianPackagesOrSkip } from '../support/debian-package.ts';
import { RSYSLOG_PACKAGES, Rsyslog } from '../support/rsyslog.ts';
import { isoLines, realLines, storeOfFile } from './real-lines.ts';

const TRADITIONAL = 'RSYSLOG_TraditionalForwardFormat';
const ISO = 'RSYSLOG_ForwardFormat';
const RFC_5424 = 'RSYSLOG_SyslogProtocol23Format';
const PATIENCE_MS = 20_000;

const site = makeSite('rsyslog');
const known = new Map<
  string,
  { readonly lines: readonly string[]; readonly digest: StoreDigest }
>();
let certificates: Certificates | undefined;
let daemons = 0;

before(async () => {
  if (hasOpenssl()) certificates = makeCertificates(site.folder);
  for (const [name, lines] of [
    ['traditional', realLines()],
    ['iso', isoLines()],
  ] as const) {
    const { digest } = await storeOfFile(site.folder, name, lines);
    known.set(name, { lines, digest });
  }
});
after(() => site.remove());

interface Way {
  readonly what: string;
  readonly listener: string;
  readonly lines: 'traditional' | 'iso';
  /** Clients must show a certificate. */
  readonly clientCa?: true;
  /** Statements of rsyslog.conf(5) that forward to the port. */
  readonly forward: (port: string) => string;
}

interface Sender {
  readonly template: string;
  readonly more?: string;
}

const omfwd = (port: string, { template, more = '' }: Sender): string =>
  `action(type="omfwd" target="127.0.0.1" port="${port}" protocol="tcp" template="${template}"
    action.resumeRetryCount="-1" action.resumeInterval="1" ${more})`;

const omrelp = (port: string, more = ''): string =>
  `module(load="omrelp" tls.tlsLib="openssl")
  action(type="omrelp" target="127.0.0.1" port="${port}" template="${ISO}" ${more})`;

function tlsGlobals(shows: 'client' | 'stranger' | 'nothing'): string {
  const { ca, client, stranger } = theCertificates();
  const own = shows === 'client' ? client : stranger;
  const files =
    shows === 'nothing'
      ? ''
      : `defaultNetstreamDriverCertFile="${own.cert}" defaultNetstreamDriverKeyFile="${own.key}"`;
  return `global(defaultNetstreamDriverCAFile="${ca}" ${files})`;
}

const tlsSender = (driver: 'gtls' | 'ossl'): string =>
  `StreamDriver="${driver}" StreamDriverMode="1" StreamDriverAuthMode="x509/name"
    StreamDriverPermittedPeers="${SERVER_NAME}" TCP_Framing="octet-counted"`;

function relpTls(): string {
  const { ca, client } = theCertificates();
  return `tls="on" tls.caCert="${ca}" tls.myCert="${client.cert}" tls.myPrivKey="${client.key}"
    tls.authMode="name" tls.permittedPeer="${SERVER_NAME}"`;
}

function theCertificates(): Certificates {
  assert.ok(certificates !== undefined);
  return certificates;
}

function tlsArgs(clientCa: boolean): readonly string[] {
  const { ca, server } = theCertificates();
  return [
    '--tls-key',
    server.key,
    '--tls-cert',
    server.cert,
    ...(clientCa ? ['--tls-ca', ca] : []),
  ];
}

const WAYS: readonly Way[] = [
  {
    what: 'TCP, a line a message, traditional stamps',
    listener: 'tcp://127.0.0.1:0',
    lines: 'traditional',
    forward: (port) => omfwd(port, { template: TRADITIONAL }),
  },
  {
    what: 'TCP, octet-counted, stamps of RFC 3339',
    listener: 'tcp://127.0.0.1:0',
    lines: 'iso',
    forward: (port) => omfwd(port, { template: ISO, more: 'TCP_Framing="octet-counted"' }),
  },
  {
    what: 'TCP, a line a message, RFC 5424',
    listener: 'tcp://127.0.0.1:0',
    lines: 'iso',
    forward: (port) => omfwd(port, { template: RFC_5424 }),
  },
  {
    what: 'TLS (GnuTLS), octet-counted RFC 5424 as RFC 5425 says',
    listener: 'tls://127.0.0.1:0',
    lines: 'iso',
    forward: (port) =>
      tlsGlobals('nothing') + omfwd(port, { template: RFC_5424, more: tlsSender('gtls') }),
  },
  {
    what: 'TLS (OpenSSL), with a certificate of its own',
    listener: 'tls://127.0.0.1:0',
    lines: 'traditional',
    clientCa: true,
    forward: (port) =>
      tlsGlobals('client') + omfwd(port, { template: TRADITIONAL, more: tlsSender('ossl') }),
  },
  { what: 'RELP', listener: 'relp://127.0.0.1:0', lines: 'iso', forward: (port) => omrelp(port) },
  {
    what: 'RELP over TLS, with a certificate of its own',
    listener: 'relps://127.0.0.1:0',
    lines: 'iso',
    clientCa: true,
    forward: (port) => omrelp(port, relpTls()),
  },
];

function makeDaemon({ listener, clientCa }: Pick<Way, 'listener' | 'clientCa'>) {
  const tls = /^(?:tls|relps):/.test(listener) ? tlsArgs(clientCa === true) : [];
  daemons += 1;
  const db = join(site.folder, `daemon-${daemons}.duckdb`);
  return new DaemonProcess(db, ['--listen', listener, ...tls]);
}

async function forwardAll(root: string, daemon: DaemonProcess, way: Way): Promise<void> {
  const { lines } = the(way.lines);
  const rsyslog = await Rsyslog.start({
    root,
    folder: `${daemon.db}.rsyslog`,
    config: way.forward(daemon.bound(way.listener).port),
  });
  try {
    await rsyslog.feed(lines.map((line) => `<22>${line}`));
    const sql = 'SELECT coalesce(sum(lines_read), 0) AS n FROM ledger';
    const row = await daemon.until(sql, ({ n }) => Number(n) >= lines.length, PATIENCE_MS);
    assert.equal(Number(row.n), lines.length, rsyslog.said);
  } finally {
    await rsyslog.end();
  }
}

function the(name: Way['lines']) {
  const found = known.get(name);
  assert.ok(found !== undefined);
  return found;
}

async function assertSame(db: string, name: Way['lines']): Promise<void> {
  const { digest } = the(name);
  assert.deepEqual(await digestOf(db), digest);
  assert.ok(await ledgerAddsUp(db));
}

async function rsyslogOrSkip(t: TestContext): Promise<string | undefined> {
  if (certificates === undefined) {
    t.skip('no openssl command to make certificates with');
    return undefined;
  }
  return debianPackagesOrSkip(t, RSYSLOG_PACKAGES);
}

suite('a real rsyslog forwards', () => {
  for (const way of WAYS) {
    test(`over ${way.what}`, async (t) => {
      const root = await rsyslogOrSkip(t);
      if (root === undefined) return;
      const daemon = makeDaemon(way);
      await daemon.start();
      try {
        await forwardAll(root, daemon, way);
      } finally {
        assert.equal(await daemon.end(), 0);
      }
      await assertSame(daemon.db, way.lines);
    });
  }
});

suite('a real rsyslog without a certificate of the right authority', () => {
  for (const shows of ['nothing', 'stranger'] as const) {
    test(`that shows ${shows} is refused, and one with it is served`, async (t) => {
      const root = await rsyslogOrSkip(t);
      if (root === undefined) return;
      const listener = 'tls://127.0.0.1:0';
      const daemon = makeDaemon({ listener, clientCa: true });
      await daemon.start();
      try {
        await assertRefused(root, daemon, { listener, shows });
        const good = WAYS.find(({ clientCa, lines }) => clientCa && lines === 'traditional');
        assert.ok(good !== undefined);
        await forwardAll(root, daemon, good);
      } finally {
        assert.equal(await daemon.end(), 0);
      }
      await assertSame(daemon.db, 'traditional');
    });
  }
});

interface Refused {
  readonly listener: string;
  readonly shows: 'nothing' | 'stranger';
}

async function assertRefused(
  root: string,
  daemon: DaemonProcess,
  { listener, shows }: Refused,
): Promise<void> {
  const { port } = daemon.bound(listener);
  const sender = { template: TRADITIONAL, more: tlsSender('ossl') };
  const config = `${tlsGlobals(shows)}${omfwd(port, sender)}`;
  const rsyslog = await Rsyslog.start({ root, folder: `${daemon.db}.refused`, config });
  try {
    await rsyslog.feed([`<22>Nov 24 10:00:00 ${CLIENT_NAME} sm-mta[1]: let me in`]);
    const deadline = Date.now() + PATIENCE_MS;
    while ((await counters(daemon)).errors === 0 && Date.now() < deadline);
    const { errors, frames } = await counters(daemon);
    assert.ok(Number(errors) > 0, rsyslog.said);
    assert.equal(frames, 0);
  } finally {
    await rsyslog.end();
  }
  assert.ok(daemon.lines.some(({ msg, kind }) => msg === 'listener' && kind === 'tls'));
}

async function counters(daemon: DaemonProcess): Promise<Record<string, number>> {
  const { listeners } = (await daemon.health()) as {
    listeners: readonly { counters: Record<string, number> }[];
  };
  return listeners[0]?.counters ?? {};
}
