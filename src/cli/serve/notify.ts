/**
 * What systemd is told (sd_notify(3)): ready, reloading, stopping, and that we live (WatchdogSec=). Without
 * `$NOTIFY_SOCKET` nobody asked, and nothing is done.
 */
import { sendDatagram } from '../../system/datagram-send.ts';
import type { Environment } from '../io.ts';

export class Notifier {
  readonly #socket: string | undefined;
  readonly #watchdogMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(env: Environment) {
    this.#socket = env.NOTIFY_SOCKET || undefined;
    const isOurs = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === process.pid;
    const micros = isOurs ? Number(env.WATCHDOG_USEC ?? 0) : 0;
    this.#watchdogMs = Number.isFinite(micros) ? micros / 1000 : 0;
  }

  /** `alive` is asked before each sign of life: a thread that hangs must not be told alive. */
  ready(status: string, alive: () => Promise<boolean>): void {
    this.#say(`READY=1\nSTATUS=${oneLine(status)}`);
    if (this.#watchdogMs <= 0 || this.#timer !== undefined) return;
    this.#timer = setInterval(() => {
      void alive().then((lives) => {
        if (lives) this.#say('WATCHDOG=1');
      });
    }, this.#watchdogMs / 2);
    this.#timer.unref();
  }

  reloading(): void {
    const micros = process.hrtime.bigint() / 1000n;
    this.#say(`RELOADING=1\nMONOTONIC_USEC=${micros}`);
  }

  status(text: string): void {
    this.#say(`STATUS=${oneLine(text)}`);
  }

  stopping(): void {
    clearInterval(this.#timer);
    this.#say('STOPPING=1');
  }

  #say(text: string): void {
    if (this.#socket === undefined) return;
    // Whoever asked may have gone: it will notice.
    sendDatagram(this.#socket, Buffer.from(text));
  }
}

/** A line end would begin another assignment. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
