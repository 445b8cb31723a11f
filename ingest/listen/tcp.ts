/**
 * Syslog over TCP (RFC 6587) and TLS (RFC 5425): `tcp://` without, `tls://` with a key.
 *
 * Promise: while the inlet is full nothing is read, so that senders wait; a message whose end never came is
 * put as `cut`. There are no answers in this protocol: what a sender wrote into a connection that broke may
 * be lost on the way, which RELP is for.
 */
import type { InternetAddress } from './address.ts';
import type { StreamSession, Wire } from './connection.ts';
import { type StreamFrameKind, StreamFramer } from './framing.ts';
import { LineOfMessage } from './line-of-message.ts';
import type { ListenContext, Listener, ListenerCounters } from './listener.ts';
import { StreamServer, type TlsIdentity } from './stream-server.ts';

export class TcpListener implements Listener {
  readonly #server: StreamServer;
  readonly #context: ListenContext;
  readonly #lines = new LineOfMessage();

  constructor(address: InternetAddress, context: ListenContext, tls?: TlsIdentity) {
    this.#context = context;
    this.#server = new StreamServer(address, tls, context, (wire) => this.#open(wire));
  }

  start(): Promise<InternetAddress> {
    return this.#server.start();
  }

  renewTls(identity: TlsIdentity): void {
    this.#server.renewTls(identity);
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  counters(): ListenerCounters {
    return this.#server.tally.snapshot();
  }

  #open(wire: Wire): StreamSession {
    const { inlet, limits } = this.#context;
    const framer = new StreamFramer(limits.maxLine);
    const take = (kind: StreamFrameKind, bytes: Uint8Array, length: number): boolean => {
      this.#put(kind, { bytes, length, peer: wire.peer });
      return !inlet.isFull;
    };
    return {
      push: (chunk, from) => {
        if (inlet.isFull) return from;
        const at = framer.push(chunk, from, take);
        this.#server.tally.bytes += at - from;
        return at;
      },
      get openFrame() {
        return framer.openFrame;
      },
      ended: (unread) => {
        framer.end(take);
        if (unread === 0) return;
        this.#server.tally.dropped += 1;
        this.#server.events.report(
          'dropped',
          `${wire.peer}: no room for ${unread} bytes at the end`,
        );
      },
      wrapUp: () => wire.quiet(limits.stopGraceMs),
    };
  }

  #put(kind: StreamFrameKind, message: Message): void {
    const { tally } = this.#server;
    tally.frames += 1;
    if (kind !== 'line') tally[kind] += 1;
    const bytes = this.#lines.read(message.bytes, message.peer);
    if (bytes.length > 0) this.#context.inlet.put({ kind, bytes, length: message.length }, 0);
  }
}

interface Message {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly peer: string;
}
