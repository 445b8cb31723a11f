/**
 * How a filter is named in configuration, as in sendmail's INPUT_MAIL_FILTER: `S=inet:8891@localhost, F=T,
 * T=C:5m;S:10s;R:10s;E:5m`.
 */
export type FilterTarget =
  | { readonly kind: 'inet'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** What becomes of mail while a filter does not work: F= none, R, T or 4. */
export type FailureMode = 'continue' | 'reject' | 'tempfail' | 'shutdown';

/** Milliseconds. */
export interface FilterTimeouts {
  readonly connect: number;
  readonly send: number;
  readonly reply: number;
  readonly endOfMessage: number;
}

export interface FilterConfig {
  readonly name: string;
  readonly target: FilterTarget;
  readonly onFailure: FailureMode;
  readonly timeouts: FilterTimeouts;
}

/** Sendmail's own. */
export const FILTER_TIMEOUTS: FilterTimeouts = Object.freeze({
  connect: 5 * 60_000,
  send: 10_000,
  reply: 10_000,
  endOfMessage: 5 * 60_000,
});

const MODES: Readonly<Record<string, FailureMode>> = {
  R: 'reject',
  T: 'tempfail',
  '4': 'shutdown',
};
const TIMEOUT_NAMES: Readonly<Record<string, keyof FilterTimeouts>> = {
  C: 'connect',
  S: 'send',
  R: 'reply',
  E: 'endOfMessage',
};
const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, '': 1000 };
const INET = /^inet6?:(?<port>\d{1,5})@(?<host>.+)$/;
const UNIX = /^(?:unix|local):(?<path>.+)$/;
const TIMEOUT = /^(?<name>[CSRE]):(?<amount>\d{1,6})(?<unit>[smh]?)$/;

/** The configuration, or what is wrong with it. */
export function parseFilter(name: string, text: string): FilterConfig | string {
  let target: FilterTarget | undefined;
  let onFailure: FailureMode = 'continue';
  let timeouts: FilterTimeouts = FILTER_TIMEOUTS;
  for (const part of text.split(',').map((each) => each.trim())) {
    const value = part.slice(2).trim();
    if (part.startsWith('S=')) target = parseTarget(value);
    else if (part.startsWith('F=')) onFailure = MODES[value] ?? 'continue';
    else if (part.startsWith('T=')) {
      const parsed = parseTimeouts(value);
      if (typeof parsed === 'string') return parsed;
      timeouts = parsed;
    } else if (part !== '') return `not understood: ${part}`;
  }
  return target === undefined ? `no socket in: ${text}` : { name, target, onFailure, timeouts };
}

export function parseTarget(text: string): FilterTarget | undefined {
  const unix = UNIX.exec(text)?.groups;
  if (unix?.path !== undefined) return { kind: 'unix', path: unix.path };
  const { port = '', host = '' } = INET.exec(text)?.groups ?? {};
  const number = Number(port);
  if (host === '' || number < 1 || number > 65_535) return undefined;
  return { kind: 'inet', host: host.replace(/^\[(.*)\]$/, '$1'), port: number };
}

function parseTimeouts(text: string): FilterTimeouts | string {
  const timeouts: Record<keyof FilterTimeouts, number> = { ...FILTER_TIMEOUTS };
  for (const part of text.split(';').map((each) => each.trim())) {
    const { name = '', amount = '', unit = '' } = TIMEOUT.exec(part)?.groups ?? {};
    const which = TIMEOUT_NAMES[name];
    if (which === undefined) return `not understood: T=${part}`;
    timeouts[which] = Number(amount) * (UNITS[unit] ?? 1000);
  }
  return timeouts;
}
