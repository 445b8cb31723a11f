/**
 * Syslog over RELP, in TLS where a key is given: `relp://` and `relps://`. The one protocol here whose
 * senders learn what was stored: see `relp-session.ts`; and whose resends are told from new lines: see
 * `repeat-watch.ts`, one of which serves all RELP listeners.
 */
import type { InternetAddress } from './address.ts';
import { LineOfMessage } from './line-of-message.ts';
import type { ListenContext, Listener, ListenerCounters } from './listener.ts';
import { type RelpHouse, RelpSession } from './relp-session.ts';
import type { RepeatWatch } from './repeat-watch.ts';
import { StreamServer, type TlsIdentity } from './stream-server.ts';

export class RelpListener implements Listener {
  readonly #server: StreamServer;
  readonly #sessions = new Set<RelpSession>();
  #committed = 0;

  constructor(
    address: InternetAddress,
    context: ListenContext,
    watch: RepeatWatch,
    tls?: TlsIdentity,
  ) {
    this.#server = new StreamServer(address, tls, context, (wire) => {
      const session = new RelpSession(wire, house);
      this.#sessions.add(session);
      return session;
    });
    const house: RelpHouse = {
      ...context,
      watch,
      lines: new LineOfMessage(),
      tally: this.#server.tally,
      events: this.#server.events,
      committed: () => this.#committed,
      left: (session) => this.#sessions.delete(session),
    };
    context.inlet.onCommitted((position) => {
      this.#committed = Math.max(this.#committed, position);
      for (const session of this.#sessions) this.#answer(session);
    });
  }

  /** The inlet is not to be troubled by what goes wrong with one session. */
  #answer(session: RelpSession): void {
    try {
      session.answer();
    } catch (error) {
      this.#server.failed(String(error));
    }
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
}
