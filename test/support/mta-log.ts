/** A log of the MTA that keeps what it is told, as lines much like sendmail's; for tests of what logs. */
import type { MtaLog } from '../../src/mta/log/mta-log.ts';
import type { Attempt, Envelope } from '../../src/mta/model.ts';

function elapsed(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const days = Math.floor(seconds / 86_400);
  const clock = `${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return days > 0 ? `${days}+${clock}` : clock;
}

function equates(pairs: readonly (readonly [string, string | number | null])[]): string {
  return pairs
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}

function attemptLine(envelope: Envelope, attempt: Attempt, priority: number): string {
  const { recipients, outcome, startedAt, endedAt } = attempt;
  const [first] = recipients;
  const user = first?.controllingUser ?? envelope.senderUser;
  return equates([
    ['to', recipients.map(({ shown }) => shown).join(',')],
    ['ctladdr', user ? `${user.shown} (${user.uid}/${user.gid})` : null],
    ['delay', elapsed(endedAt - envelope.arrivedAt)],
    ['xdelay', elapsed(endedAt - startedAt)],
    ['mailer', first?.destination.mailer ?? null],
    ['pri', priority],
    ['relay', outcome.relay],
    ['dsn', outcome.dsn],
    ['reply', outcome.reply],
    ['stat', outcome.stat],
  ]);
}

/** Lines are `[PID]: TEXT`. */
export function keptLog(lines: string[], pid = 1): MtaLog {
  const say = (id: string | null, text: string) => {
    lines.push(`[${pid}]: ${id === null ? '' : `${id}: `}${text}`);
  };
  const known: Partial<MtaLog> = {
    pid,
    as: (other) => keptLog(lines, other),
    to: (event) =>
      say(
        event.id,
        equates([
          ['to', event.recipients.join(',')],
          ['ctladdr', event.controllingUser],
          ['delay', elapsed(event.delay)],
          ['xdelay', event.xdelay === null ? null : elapsed(event.xdelay)],
          ['mailer', event.mailer],
          ['pri', event.priority],
          ['relay', event.relay],
          ['dsn', event.dsn],
          ['reply', event.reply],
          ['stat', event.stat],
        ]),
      ),
    attempt: (envelope, attempt, priority) =>
      say(envelope.id, attemptLine(envelope, attempt, priority)),
    notification: (id, newId, kind, text) => say(id, `${newId}: ${kind}: ${text}`),
    clone: (id, newId, owner) => say(id, `${newId}: clone: owner=${owner}`),
    done: (id, delay, tries) => say(id, `done; delay=${elapsed(delay)}, ntries=${tries}`),
    quarantined: (id, reason) => say(id, reason === null ? 'unquarantine' : `quarantine=${reason}`),
    systemError: (id, user, text) => say(id, `SYSERR(${user}): ${text}`),
    note: (id, _level, text) => say(id, text),
  };
  return new Proxy(known as MtaLog, {
    get: (target, name) =>
      Reflect.get(target, name) ?? ((...rest: unknown[]) => say(null, `${String(name)} ${rest}`)),
  });
}
