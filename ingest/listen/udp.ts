/**
 * Syslog over UDP (RFC 5426): a datagram is a message.
 *
 * Promise: what is lost is counted: datagrams that came while the inlet was full, and where the system tells,
 * those the kernel dropped before they could be read. UDP itself promises nothing.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import type { InternetAddress } from './address.ts';
import { explainBindError } from './bind-error.ts';
import { kernelDrops } from './kernel-drops.ts';
import { LineOfMessage } from './line-of-message.ts';
import {
  EventGate,
  HEAD_LENGTH,
  type ListenContext,
  type Listener,
  type ListenerCounters,
  plainAddress,
  Tally,
  untilQuiet,
} from './listener.ts';

/** A burst waits here while we are busy; the system may give less (net.core.rmem_max). */
const RECEIVE_BUFFER = 8 * 1024 * 1024;
const LEAST_RECEIVE_BUFFER = 256 * 1024;
/** A sender that never pauses is not waited for longer than this. */
const MOST_ARRIVAL_MS = 250;

export class UdpListener implements Listener {
  readonly #address: InternetAddress;
  readonly #context: ListenContext;
  readonly #events: EventGate;
  readonly #tally = new Tally();
  readonly #lines = new LineOfMessage();
  #bound: InternetAddress;
  #socket: Socket | undefined;
  #kernelDrops: number | undefined;
  #lastActivity = 0;

  constructor(address: InternetAddress, context: ListenContext) {
    this.#address = address;
    this.#bound = address;
    this.#context = context;
    this.#events = new EventGate(context.onEvent);
  }

  async start(): Promise<InternetAddress> {
    try {
      const { address } = await lookup(this.#address.host);
      const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
      this.#socket = socket;
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind({ address, port: this.#address.port }, resolve);
      });
      socket.removeAllListeners('error');
      this.#listen(socket);
    } catch (error) {
      this.#socket?.close();
      this.#socket = undefined;
      throw explainBindError(error as Error, this.#address);
    }
    return this.#bound;
  }

  async stop(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#lastActivity = performance.now();
    await untilQuiet(() => this.#lastActivity, MOST_ARRIVAL_MS);
    this.counters();
    this.#socket = undefined;
    await new Promise<void>((resolve) => socket.close(resolve));
  }

  counters(): ListenerCounters {
    if (this.#socket !== undefined) {
      this.#kernelDrops = kernelDrops(this.#bound.host, this.#bound.port) ?? this.#kernelDrops;
    }
    const counters = this.#tally.snapshot();
    return this.#kernelDrops === undefined
      ? counters
      : { ...counters, kernelDrops: this.#kernelDrops };
  }

  #listen(socket: Socket): void {
    const { address, port } = socket.address();
    this.#bound = { transport: this.#address.transport, host: address, port };
    enlargeBuffer(socket);
    socket.on('message', (message, from) => this.#take(message, from));
    socket.on('error', (error) => {
      this.#tally.errors += 1;
      this.#events.report('error', error.message);
    });
  }

  #take(message: Buffer, from: RemoteInfo): void {
    const { inlet, limits } = this.#context;
    this.#lastActivity = performance.now();
    this.#tally.frames += 1;
    this.#tally.bytes += message.length;
    if (inlet.isFull) {
      this.#drop('the rest of the program is too slow');
      return;
    }
    const isOverlong = message.length > limits.maxLine;
    if (isOverlong) this.#tally.overlong += 1;
    const head = isOverlong ? message.subarray(0, HEAD_LENGTH) : message;
    const bytes = this.#lines.read(head, plainAddress(from.address));
    if (bytes.length === 0) return;
    try {
      inlet.put({ kind: isOverlong ? 'overlong' : 'line', bytes, length: message.length }, 0);
    } catch (error) {
      this.#tally.errors += 1;
      this.#drop(String(error));
    }
  }

  #drop(why: string): void {
    this.#tally.dropped += 1;
    this.#events.report('dropped', `a datagram was dropped: ${why}`);
  }
}

/** Linux takes any size and gives what it may; others refuse what is too large. */
function enlargeBuffer(socket: Socket): void {
  for (let size = RECEIVE_BUFFER; size >= LEAST_RECEIVE_BUFFER; size /= 2) {
    try {
      socket.setRecvBufferSize(size);
      return;
    } catch {
      // The next smaller one.
    }
  }
}
