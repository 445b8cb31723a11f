/**
 * A made-up log of any length, the same for the same seed: messages with their deliveries, refusals, equal
 * lines within one second, lines of other programs and lines that nobody can read.
 */
import { randomSource } from '../support/random.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx';
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The queue id that sendmail makes at this second: see src/format/queue-id.ts. */
export function queueIdAt(seconds: number, sequence: number, pid: number): string {
  const at = new Date(seconds * 1000);
  const parts = [
    (at.getUTCFullYear() - 1900) % 60,
    at.getUTCMonth(),
    at.getUTCDate(),
    at.getUTCHours(),
    at.getUTCMinutes(),
    at.getUTCSeconds(),
    Math.floor(sequence / 60) % 60,
    sequence % 60,
  ];
  return parts.map((part) => ALPHABET[part]).join('') + String(pid).padStart(6, '0');
}

/** The traditional stamp of a second, in a zone that many seconds east of UTC. */
export function stampAt(seconds: number, offset = 0): string {
  const at = new Date((seconds + offset) * 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
  return `${MONTHS[at.getUTCMonth()]} ${String(at.getUTCDate()).padStart(2, ' ')} ${time}`;
}

export interface SampleOptions {
  readonly lines: number;
  readonly seed: number;
  /** Epoch seconds of the first line. */
  readonly start?: number;
  readonly host?: string;
}

/** The lines, without newlines. */
export function sampleLines(options: SampleOptions): string[] {
  const { lines, seed, start = Date.UTC(2026, 10, 24) / 1000, host = 'mx1' } = options;
  const random = randomSource(seed);
  const log: string[] = [];
  let now = start;
  let pid = 10_000;
  while (log.length < lines) {
    now += random.below(3);
    pid += 1;
    const write = (text: string): void => {
      log.push(`${stampAt(now)} ${host} ${text}`);
    };
    const session: Session = { id: queueIdAt(now, pid, pid), pid, client: random.below(250) + 1 };
    KINDS[random.below(KINDS.length)]?.(session, write);
  }
  return log.slice(0, lines);
}

/** The same as the bytes of a file. */
export function sampleLog(options: SampleOptions): Buffer {
  return Buffer.from(`${sampleLines(options).join('\n')}\n`);
}

interface Session {
  readonly id: string;
  readonly pid: number;
  readonly client: number;
}

type Kind = (session: Session, write: (text: string) => void) => void;

const relayOf = ({ client }: Session): string =>
  `client${client}.isp.example [203.0.113.${client}]`;

const message: Kind = (session, write) => {
  const { id, pid, client } = session;
  const tag = `sm-mta[${pid}]: ${id}:`;
  write(
    `${tag} from=<ann${client}@isp.example>, size=${pid}, class=0, nrcpts=2, msgid=<${id}@isp.example>, proto=ESMTP, daemon=MTA-v4, relay=${relayOf(session)}`,
  );
  write(
    `${tag} to=<bob${client}@corp.example>, delay=00:00:00, xdelay=00:00:00, mailer=local, pri=60397, dsn=2.0.0, stat=Sent`,
  );
  write(
    `${tag} to=<x${client}@partner.example>, delay=00:00:00, xdelay=00:00:00, mailer=esmtp, pri=60397, relay=mail.partner.example. [198.51.100.10], dsn=2.0.0, stat=Sent (Ok: queued as ${id})`,
  );
};

const refusal: Kind = (session, write) => {
  const tag = `sm-mta[${session.pid}]: ${session.id}:`;
  write(`${tag} <nobody${session.client}@corp.example>... User unknown`);
  write(
    `${tag} from=<e@isp.example>, size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA-v4, relay=${relayOf(session)}`,
  );
};

/** Four lines that are equal byte for byte: each tells of a failure of its own. */
const guesses: Kind = (session, write) => {
  for (let i = 0; i < 4; i += 1) {
    write(
      `sm-mta[${session.pid}]: ${session.id}: AUTH failure (PLAIN): authentication failure (-13) SASL(-13): authentication failure: Password verification failed, user=bob, relay=${relayOf(session)}`,
    );
  }
};

const silence: Kind = (session, write) => {
  const { id, pid } = session;
  write(
    `sm-mta[${pid}]: ${id}: ${relayOf(session)} did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA-v4`,
  );
};

const others: Kind = ({ pid }, write) => {
  write(`CRON[${pid}]: (root) CMD (run-parts /etc/cron.hourly)`);
};

const unread: Kind = ({ id, pid }, write) => {
  write(`sm-mta[${pid}]: ${id}: to=<broken@corp.example>, xdelay=?`);
};

const KINDS: readonly Kind[] = [
  message,
  message,
  message,
  refusal,
  guesses,
  silence,
  others,
  unread,
];
