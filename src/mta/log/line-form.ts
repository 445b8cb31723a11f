/**
 * A line of the log in the forms in which it is written: to a file with a traditional or an ISO stamp
 * (rsyslog's two formats), to syslog (RFC 3164 as syslog(3) sends it, RFC 5424).
 */
import { toWallClock, zoneOffset } from '../../model/zone.ts';
import { type LogLine, SEVERITIES } from './log-sink.ts';

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';
/** LOG_MAIL. */
const FACILITY = 2;

/** `Nov  3 06:44:41`, `2026-11-24T06:44:41.061000+00:00`. */
export type StampForm = 'traditional' | 'iso';

/** Stamps in one zone; there are many lines to a second. */
export class Stamps {
  readonly #zone: string;
  #second = Number.NaN;
  #traditional = '';
  #iso = '';
  #offset = '';

  constructor(zone: string) {
    this.#zone = zone;
  }

  stamp(at: number, form: StampForm): string {
    const second = Math.floor(at / 1000);
    if (second !== this.#second) this.#begin(second);
    if (form === 'traditional') return this.#traditional;
    const micros = String(Math.floor(at - second * 1000) * 1000).padStart(6, '0');
    return `${this.#iso}.${micros}${this.#offset}`;
  }

  #begin(second: number): void {
    const instant = second * 1000;
    const iso = new Date(toWallClock(instant, this.#zone)).toISOString();
    const month = (Number(iso.slice(5, 7)) - 1) * 3;
    const day = String(Number(iso.slice(8, 10))).padStart(2);
    this.#second = second;
    this.#traditional = `${MONTHS.slice(month, month + 3)} ${day} ${iso.slice(11, 19)}`;
    this.#iso = iso.slice(0, 19);
    this.#offset = offsetText(zoneOffset(instant, this.#zone));
  }
}

function offsetText(milliseconds: number): string {
  const minutes = Math.abs(Math.round(milliseconds / 60_000));
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60].map((part) =>
    String(part).padStart(2, '0'),
  );
  return `${milliseconds < 0 ? '-' : '+'}${hour}:${minute}`;
}

/** `Nov 24 06:44:41 mx1 sm-mta[1234]: text`. */
export function fileLine(line: LogLine, stamps: Stamps, form: StampForm): string {
  return `${stamps.stamp(line.at, form)} ${line.host} ${line.tag}[${line.pid}]: ${line.text}\n`;
}

/** As the C library writes it to /dev/log: there is no host in it. */
export function localMessage(line: LogLine, stamps: Stamps): string {
  const stamp = stamps.stamp(line.at, 'traditional');
  return `<${priorityOf(line)}>${stamp} ${line.tag}[${line.pid}]: ${line.text}`;
}

export function remoteMessage(line: LogLine, stamps: Stamps): string {
  const stamp = stamps.stamp(line.at, 'traditional');
  return `<${priorityOf(line)}>${stamp} ${line.host} ${line.tag}[${line.pid}]: ${line.text}`;
}

/** RFC 5424, without message id and structured data. */
export function structuredMessage(line: LogLine, stamps: Stamps): string {
  const stamp = stamps.stamp(line.at, 'iso');
  return `<${priorityOf(line)}>1 ${stamp} ${line.host} ${line.tag} ${line.pid} - - ${line.text}`;
}

function priorityOf(line: LogLine): number {
  return FACILITY * 8 + SEVERITIES[line.severity];
}
