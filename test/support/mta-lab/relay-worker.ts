/**
 * Inside the lab's namespaces: starts sendmail, Postfix and ours, sends the mails of a job, waits until what is
 * expected has arrived, and prints what is where as one line of JSON. Arguments: `{"file": ...}`, where the job is.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnixDatagramListener } from '../../../ingest/listen/unix-datagram.ts';
import { context, MemoryInlet } from '../../ingest/listen/memory-inlet.ts';
import { makeCertificates } from '../certificates.ts';
import { MtaHost } from '../mta-host.ts';
import { shortened } from '../odd-message.ts';
import { play } from './play.ts';
import { PostfixServer } from './postfix-server.ts';
import { LAB_HOST, RealServer } from './real-server.ts';
import {
  RELAYS,
  type Relay,
  type RelayJob,
  type RelayMail,
  type RelaysPlayed,
  SEVEN_BIT,
} from './relay-lab.ts';
import { LAB_USERS } from './users.ts';

const job = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as RelayJob;
const CLIENT = '203.0.113.20';
const NETWORKS = ['192.0.2.0/24', '203.0.113.0/24'];
const PATIENCE_MS = 30_000;
/** Each message in a file of its own. */
const DELIVER = '#!/bin/sh\nfor user; do :; done\nexec cat >"/var/mail/$user.$$"\n';
const IDENTITY = `define(\`confCACERT', \`/etc/mail/ca.pem')
define(\`confCACERT_PATH', \`/etc/mail')
define(\`confSERVER_CERT', \`/etc/mail/cert.pem')
define(\`confSERVER_KEY', \`/etc/mail/key.pem')
define(\`confCLIENT_CERT', \`/etc/mail/cert.pem')
define(\`confCLIENT_KEY', \`/etc/mail/key.pem')`;

function network(): void {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  for (const net of NETWORKS) execFileSync('ip', ['route', 'add', 'local', net, 'dev', 'lo']);
  writeFileSync('/proc/sys/kernel/hostname', LAB_HOST);
  const lines = [...Object.values(RELAYS), SEVEN_BIT].flatMap(({ name, domain, address }) => [
    `mx-host=${domain},${name},10`,
    `host-record=${name},${address}`,
  ]);
  const file = join(job.folder, 'dnsmasq.conf');
  const base = ['port=53', 'listen-address=127.0.0.1', 'bind-interfaces', 'no-resolv', 'no-hosts'];
  writeFileSync(
    file,
    `${[...base, 'no-poll', 'user=root', 'local=/example/', 'local=/arpa/', ...lines].join('\n')}\n`,
  );
  spawn(job.dnsmasq, ['--keep-in-foreground', `--conf-file=${file}`, '--log-facility=/dev/null'], {
    stdio: 'inherit',
    env: { ...process.env, LD_LIBRARY_PATH: job.libraries },
  });
}

const keys = makeCertificates(job.folder);

function sendmail(): RealServer {
  const root = join(job.folder, 'root');
  const server = new RealServer(root, job.sendmail, {
    relayDomains: '192.0.2\n203.0.113\n',
    mc: [IDENTITY],
  });
  server.fill();
  writeFileSync(join(root, 'opt/deliver'), DELIVER);
  for (const [from, name] of [
    [keys.ca, 'ca.pem'],
    [keys.server.cert, 'cert.pem'],
    [keys.server.key, 'key.pem'],
  ] as const) {
    copyFileSync(from, join(root, 'etc/mail', name));
    chmodSync(join(root, 'etc/mail', name), 0o600);
  }
  return server;
}

function postfix(): PostfixServer {
  const root = join(job.folder, 'postfix');
  mkdirSync(root);
  const { name: hostname, domain, address } = RELAYS.postfix;
  const server = new PostfixServer({
    ...{ root, packages: job.postfix, hostname, domain, address },
    ...{ users: LAB_USERS, identity: keys.server, sevenBit: SEVEN_BIT },
  });
  server.fill();
  return server;
}

function ours(): Promise<MtaHost> {
  const { name, domain, address } = RELAYS.ours;
  return MtaHost.start({
    hasTls: true,
    users: LAB_USERS.filter((user) => /^user/.test(user)),
    settings: {
      ...{ Hostname: name, Cw: [domain], CR: ['192.0.2', '203.0.113'] },
      DaemonPortOptions: [`Name=MTA, Addr=${address}, Port=25`],
      ...{ DnsServers: ['127.0.0.1'], SourceAddress: address, AcceptUnresolvableDomains: false },
      PrivacyOptions: ['needmailhelo'],
    },
  });
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<boolean> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (Date.now() > end) return false;
    await sleep(50);
  }
  return true;
}

function listens(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(25, address, () => resolve(true));
    socket.on('error', () => resolve(false)).unref();
    socket.once('connect', () => socket.destroy());
  });
}

function send(mail: RelayMail): Promise<readonly string[]> {
  const { parameters = '', wishes = '', message } = mail;
  const wire = message.replaceAll('\n', '\r\n').replaceAll(/^\./gm, '..');
  const say = (line: string) => ({ send: `${line}\r\n`, replies: 1 });
  const steps = [
    say('EHLO client.example'),
    say(`MAIL FROM:<${mail.from}>${parameters}`),
    ...mail.to.map((one) => say(`RCPT TO:<${one}>${wishes}`)),
    say('DATA'),
    { send: `${wire}.\r\n`, replies: 1 },
    say('QUIT'),
  ];
  return play({ from: CLIENT, steps }, { host: RELAYS[mail.via].address, port: 25 });
}

type Messages = Record<string, string[]>;

function sendmailMessages(): Messages {
  const folder = join(job.folder, 'root/var/mail');
  const all: Messages = {};
  for (const name of readdirSync(folder)) {
    const user = name.split('.')[0] ?? '';
    all[user] = [...(all[user] ?? []), readFileSync(join(folder, name), 'latin1')];
  }
  return all;
}

async function main(): Promise<void> {
  network();
  const servers = { sendmail: sendmail(), postfix: postfix(), ours: await ours() };
  const inlet = new MemoryInlet();
  const socket = { transport: 'unix' as const, path: servers.sendmail.logSocket };
  const log = new UnixDatagramListener(socket, context(inlet), { hostName: 'mx1' });
  await log.start();
  servers.sendmail.start();
  servers.postfix.start();
  for (const { address } of Object.values(RELAYS)) await until(() => listens(address));
  const transcripts = await Promise.all(job.mails.map(send));
  const messages = (): Record<Relay, Messages> => ({
    sendmail: sendmailMessages(),
    postfix: Object.fromEntries(
      LAB_USERS.map((user) => [user, [...servers.postfix.messages(user)]]),
    ),
    ours: Object.fromEntries(LAB_USERS.map((user) => [user, [...servers.ours.messages(user)]])),
  });
  const count = () =>
    Object.values(messages()).flatMap((host) => Object.values(host).flat()).length;
  await until(async () => {
    if (count() < job.expected) await sleep(200);
    return count() >= job.expected;
  });
  const logs = () => ({
    sendmail: inlet.texts,
    postfix: servers.postfix.log,
    ours: servers.ours.log,
  });
  await sleep(300);
  await servers.sendmail.stop();
  servers.postfix.stop();
  const { queued } = servers.ours;
  const played: RelaysPlayed = { transcripts, messages: messages(), logs: logs(), queued };
  await servers.ours.remove();
  const text = JSON.stringify(played, (_, value) =>
    typeof value === 'string' ? shortened(value) : value,
  );
  process.stdout.write(`\n@@${text}\n`, () => process.exit(0));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
});
