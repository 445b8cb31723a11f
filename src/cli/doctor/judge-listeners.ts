/** Each listener: does anything come in, does anything get lost on the way, is somebody turned away? */
import { formatBytes, formatCount, formatDuration } from '../../../reports/render/numbers.ts';
import type { ListenerHealth } from '../serve/health.ts';
import { doubtful, type Finding, fine, wrong } from './finding.ts';

export interface ListenerView {
  /** The setting `serve.listen`. */
  readonly configured: readonly string[];
  readonly listeners: readonly ListenerHealth[];
  /** Seconds since the daemon began. */
  readonly uptime: number;
  /** Bytes at which a spool is full. */
  readonly spoolLimit: number;
  /** Seconds since something of the listener was last stored; undefined where nothing was since the start. */
  readonly quietFor: (address: string) => number | undefined;
  /** Of Linux, net.core.rmem_max; undefined elsewhere. */
  readonly receiveLimit: number | undefined;
}

const CHECK = 'listener';
/** Some hosts send now and then only. */
const PATIENCE_S = 600;
const DAY_S = 86_400;
const HALF = 0.5;
/** What the listener asks for; the system gives no more than net.core.rmem_max. */
const RECEIVE_BUFFER = 8 * 1024 * 1024;

export function judgeListeners(view: ListenerView): readonly Finding[] {
  const known = new Set(view.listeners.map(({ address }) => address));
  const missing = view.configured
    .filter((address) => !known.has(address))
    .map((address) =>
      wrong(
        CHECK,
        `${address}: the daemon does not listen there, though it is configured`,
        'other listeners need a restart: systemctl restart maillog',
      ),
    );
  return [...missing, ...view.listeners.flatMap((listener) => judgeListener(listener, view))];
}

function judgeListener(listener: ListenerHealth, view: ListenerView): readonly Finding[] {
  const findings = [
    judgeSpool(listener, view.spoolLimit),
    judgeDropped(listener),
    judgeKernelDrops(listener, view.receiveLimit),
    judgeRefused(listener),
    judgeQuiet(listener, view),
  ].filter((finding) => finding !== undefined);
  return findings.length > 0 ? findings : [fine(CHECK, describe(listener, view))];
}

function describe(listener: ListenerHealth, { quietFor }: ListenerView): string {
  const { connectionsOpen = 0, frames = 0 } = listener.counters;
  const quiet = quietFor(listener.address);
  const last =
    quiet === undefined
      ? ''
      : `, the last ${quiet < 60 ? 'just now' : `${formatDuration(quiet)} ago`}`;
  const open = connectionsOpen > 0 ? `, ${formatCount(connectionsOpen)} connections open` : '';
  const came = frames === 0 ? 'no message yet' : `${formatCount(frames)} messages since the start`;
  return `${name(listener)}: ${came}${last}${open}`;
}

/** With the port the system chose. */
function name({ address, bound }: ListenerHealth): string {
  return address === bound ? address : `${address} (${bound})`;
}

function judgeSpool(listener: ListenerHealth, limit: number): Finding | undefined {
  const { spoolBytes, isFull } = listener;
  const held = `${name(listener)}: ${formatBytes(spoolBytes)} of ${formatBytes(limit)} wait in its spool`;
  const advice =
    'the store does not keep up or is blocked: see the finding on the daemon, disk and processor; a larger serve.spool_megabytes bridges longer';
  if (isFull) return wrong(CHECK, `${held}: it is full, senders are held up or lose lines`, advice);
  return spoolBytes > limit * HALF ? doubtful(CHECK, held, advice) : undefined;
}

function judgeDropped(listener: ListenerHealth): Finding | undefined {
  const { dropped = 0 } = listener.counters;
  if (dropped === 0) return undefined;
  return doubtful(
    CHECK,
    `${name(listener)}: ${formatCount(dropped)} datagrams were dropped since the start, while its spool was full`,
    'let senders use TCP or RELP (relp://), which wait instead; a larger serve.spool_megabytes bridges longer',
  );
}

function judgeKernelDrops(
  listener: ListenerHealth,
  limit: number | undefined,
): Finding | undefined {
  const { kernelDrops = 0, frames = 0 } = listener.counters;
  if (kernelDrops === 0) return undefined;
  const finding = `${name(listener)}: since the start the kernel dropped ${formatCount(kernelDrops)} datagrams (${formatCount(frames)} came in): bursts were larger than the socket's buffer`;
  const isSmall = limit !== undefined && limit < RECEIVE_BUFFER;
  const now = limit === undefined ? '' : ` (now ${limit})`;
  const advice = isSmall
    ? `sysctl -w net.core.rmem_max=${RECEIVE_BUFFER}${now}, keep it in /etc/sysctl.d, restart the daemon; or let senders use TCP or RELP (relp://), which lose nothing`
    : 'let senders use TCP or RELP (relp://), which lose nothing; the buffer is as large as the daemon asks for';
  return doubtful(CHECK, finding, advice);
}

function judgeRefused(listener: ListenerHealth): Finding | undefined {
  const { connectionsRefused = 0, connectionsOpen = 0 } = listener.counters;
  if (connectionsRefused === 0) return undefined;
  return doubtful(
    CHECK,
    `${name(listener)}: ${formatCount(connectionsRefused)} connections were refused since the start, for a limit (${formatCount(connectionsOpen)} are open now)`,
    'if these are your hosts, raise serve.max_connections, or serve.max_per_peer where many are behind one address; else keep others out by a firewall',
  );
}

function judgeQuiet(listener: ListenerHealth, view: ListenerView): Finding | undefined {
  const { frames = 0 } = listener.counters;
  const quiet = view.quietFor(listener.address);
  if (frames === 0 && view.uptime >= PATIENCE_S) {
    const finding = `${name(listener)}: nothing has come in since the daemon began, ${formatDuration(view.uptime)} ago`;
    return doubtful(CHECK, finding, howToSend(listener.bound));
  }
  if (quiet === undefined || quiet < DAY_S) return undefined;
  const finding = `${name(listener)}: nothing has come in for ${formatDuration(quiet)}`;
  return doubtful(CHECK, finding, howToSend(listener.bound));
}

/** Something to try from a sender, for the address it is to reach. */
function howToSend(bound: string): string {
  const [, transport = '', host = '', port = ''] = /^(\w+):\/\/(.*?)(?::(\d+))?$/.exec(bound) ?? [];
  if (transport === 'unix') return `try: logger -u ${host} -p mail.info test`;
  if (/^(?:127\.|\[::1\]|localhost)/.test(host)) {
    return `it is reached from this machine alone: listen on 0.0.0.0 or [::] if others are to send; try here: ${loggerLine(transport, host, port)}`;
  }
  return `on a sender try: ${loggerLine(transport, 'THIS-HOST', port)}; then see its syslog configuration and the firewalls between`;
}

function loggerLine(transport: string, host: string, port: string): string {
  if (transport === 'udp' || transport === 'tcp') {
    const bare = host.replace(/^\[|\]$/g, '');
    return `logger -n ${bare} -P ${port} ${transport === 'udp' ? '-d' : '-T'} -p mail.info test`;
  }
  return `logger -p mail.info test, with ${transport.startsWith('relp') ? 'omrelp' : 'omfwd and TLS'} to ${host}:${port} in rsyslog`;
}
