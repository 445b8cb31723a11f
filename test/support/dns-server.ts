/**
 * A real DNS server (BIND's named out of Debian's packages) that answers for a test's own zones, on a loopback
 * port of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianEnvironment } from './debian-package.ts';

export const DNS_PACKAGES = ['bind9'];
/** No server takes as long to start or to end. */
const PATIENCE_MS = 20_000;
const MOST_PORTS_TRIED = 5;
const RUNNING = /\srunning\n/;
/** It runs all the same, and nobody can ask it. */
const CANNOT_LISTEN = /address in use|could not listen/i;

export interface DnsServerOptions {
  /** The folder of the unpacked packages (debian-package.ts). */
  readonly root: string;
  /** Records of each zone as in a zone file (RFC 1035 5), without SOA and NS; reverse ones alike. */
  readonly zones: Readonly<Record<string, string>>;
  /** Zones of which the server must answer that it failed. */
  readonly broken?: readonly string[];
}

export interface DnsServer {
  readonly port: number;
  /** As resolvers are told of it: `127.0.0.1:5353`. */
  readonly address: string;
  stop(): Promise<void>;
}

export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'maillog-named-'));
  try {
    await writeZones(folder, options);
    for (let tries = 1; ; tries += 1) {
      const port = await freePort();
      const started = await start(folder, options, port);
      if (typeof started !== 'string') return server(started, folder, port);
      if (tries === MOST_PORTS_TRIED) throw new Error(`named did not start: ${started}`);
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** A port where questions are taken and never answered. */
export async function startSilentDns(): Promise<DnsServer> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  const stop = async () => {
    socket.close();
    await once(socket, 'close');
  };
  return { port, address: `127.0.0.1:${port}`, stop };
}

function server(child: ChildProcess, folder: string, port: number): DnsServer {
  const stop = async () => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  return { port, address: `127.0.0.1:${port}`, stop };
}

async function writeZones(folder: string, { zones, broken = [] }: DnsServerOptions): Promise<void> {
  const head = '$TTL 300\n@ SOA ns.dns-server.test. root.dns-server.test. 1 600 600 600 30\n';
  for (const [zone, records] of Object.entries(zones)) {
    const text = `${head}@ NS ns.dns-server.test.\n${records}\n`;
    await writeFile(join(folder, `${zone}.zone`), text);
  }
  const statements = [...Object.keys(zones), ...broken].map(
    (zone) =>
      `zone "${zone}" { type primary; file "${zone}.zone"; check-names ignore; check-mx ignore; check-integrity no; };`,
  );
  await writeFile(join(folder, 'zones.conf'), `${statements.join('\n')}\n`);
}

/** What it said, where it did not start. */
async function start(
  folder: string,
  { root }: DnsServerOptions,
  port: number,
): Promise<ChildProcess | string> {
  const config = join(folder, 'named.conf');
  await writeFile(config, configuration(folder, port));
  const child = spawn(join(root, 'usr/sbin/named'), ['-g', '-n', '1', '-c', config], {
    env: await debianEnvironment(root),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const patience = AbortSignal.timeout(PATIENCE_MS);
  await new Promise<void>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (RUNNING.test(said)) resolve();
    });
    child.on('exit', () => resolve()).on('error', () => resolve());
    patience.addEventListener('abort', () => resolve());
  });
  child.stderr.resume();
  if (RUNNING.test(said) && !CANNOT_LISTEN.test(said)) return child;
  await end(child);
  return said;
}

function configuration(folder: string, port: number): string {
  return `options {
  directory "${folder}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; allow-query { any; }; notify no; dnssec-validation no; minimal-responses yes;
  pid-file none; session-keyfile none; empty-zones-enable no;
};
controls { };
include "${folder}/zones.conf";
`;
}

/** Free for UDP now; named says if it is not for TCP. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const over = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  await over;
  clearTimeout(late);
}
