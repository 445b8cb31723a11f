/**
 * Lines of real sendmail logs as events, by regular expressions written for this alone, so that SendmailLog
 * can be made to write them again.
 */

import type { MtaLog } from '../../../src/mta/log/mta-log.ts';
import type { MailerName } from '../../../src/mta/model.ts';

type Say = (log: MtaLog, parts: Record<string, string>, id: string) => void;

const FROM =
  /^from=(?<a>.*?), size=(?<size>\d+), class=(?<class>-?\d+), nrcpts=(?<n>\d+)(?:, msgid=(?<msgid>.*?))?(?:, bodytype=(?<body>\w+))?(?:, proto=(?<proto>\w+))?(?:, daemon=(?<daemon>[^,]*))?, relay=(?<relay>.*)$/;
const TO =
  /^to=(?<to>.*?)(?:, ctladdr=(?<ctl>.*?))?, delay=(?<delay>[\d+:]+)(?:, xdelay=(?<xdelay>[\d+:]+))?(?:, mailer=(?<mailer>[^,]+))?, pri=(?<pri>\d+)(?:, relay=(?<relay>.*?))?(?:, quarantine=(?<q>.*?))?(?:, dsn=(?<dsn>[\d.]+))?(?:, reply=(?<reply>.*))?, stat=(?<stat>.*)$/;
const RULESET =
  /^ruleset=(?<rule>\w+), arg1=(?<a1>.*?)(?:, arg2=(?<a2>.*?))?, relay=(?<relay>[^,]*), (?:(?<discard>discard)|quarantine=(?<q>.*)|reject=(?<code>\d{3}) (?:(?<st>\d\.\d+\.\d+) )?(?<text>.*))$/;
const TLS =
  /^STARTTLS=(?<side>server|client), relay=(?<r>.*), version=(?<v>[^,]*), verify=(?<y>[^,]*), cipher=(?<c>[^,]*), bits=(?<b>\d+)\/(?<ab>\d+)$/;
const TLS_FAILED =
  /^STARTTLS=(?<side>server|client), error: (?:accept|connect) failed=-1, reason=(?<why>[^,]*), SSL_error=\d, errno=0, retry=-1(?:, relay=(?<r>.*))?$/;

function milliseconds(interval: string): number {
  const [, days = '0', hours, minutes, seconds] =
    /^(?:(\d+)\+)?(\d+):(\d+):(\d+)$/.exec(interval) ?? [];
  return (
    (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
  );
}

/** `<`, quotes and commas: members of a list of recipients. */
function membersOf(list: string): string[] {
  return [...list.matchAll(/(?:"(?:\\.|[^"\\])*"|<(?:"(?:\\.|[^"\\])*"|[^">])*>|[^,"<])+/g)].map(
    ([member]) => member,
  );
}

const sayFrom: Say = (log, p, id) =>
  log.from({
    id,
    senderShown: p.a ?? '',
    size: Number(p.size),
    class: Number(p.class),
    nrcpts: Number(p.n),
    messageId: p.msgid ?? null,
    bodyType: p.body ?? null,
    protocol: p.proto ?? null,
    daemon: p.daemon ?? null,
    relay: p.relay ?? '',
  });

const sayTo: Say = (log, p, id) =>
  log.to({
    id,
    recipients: membersOf(p.to ?? ''),
    controllingUser: p.ctl ?? null,
    delay: milliseconds(p.delay ?? ''),
    xdelay: p.xdelay === undefined ? null : milliseconds(p.xdelay),
    mailer: (p.mailer as MailerName | undefined) ?? null,
    priority: p.pri === '9223372036854775807' ? -1 : Number(p.pri),
    relay: p.relay ?? null,
    dsn: p.dsn ?? '',
    reply: p.reply ?? null,
    stat: p.stat ?? '',
    ...(p.q === undefined ? {} : { quarantine: p.q }),
  });

function rulesetResult(p: Record<string, string>) {
  if (p.discard !== undefined) return { kind: 'discard' } as const;
  if (p.q !== undefined) return { kind: 'quarantine', text: p.q } as const;
  const reply = { code: Number(p.code), status: p.st ?? '', text: p.text ?? '' };
  return { kind: 'reject', reply } as const;
}

const sayRuleset: Say = (log, p, id) =>
  log.ruleset({
    id: id === '' ? null : id,
    ruleset: p.rule ?? '',
    arg1: p.a1 ?? '',
    relay: p.relay ?? '',
    result: rulesetResult(p),
    ...(p.a2 === undefined ? {} : { arg2: p.a2 }),
  });

const KINDS: readonly (readonly [RegExp, Say])[] = [
  [FROM, sayFrom],
  [TO, sayTo],
  [RULESET, sayRuleset],
  [
    /^(?<n>\w{14,}): (?<k>DSN|return to sender|sender notify|postmaster notify): (?<t>.*)$/,
    (log, p, id) => log.notification(id, p.n ?? '', p.k as 'DSN', p.t ?? ''),
  ],
  [/^(?<n>\w{14,}): clone: owner=(?<o>.*)$/, (log, p, id) => log.clone(id, p.n ?? '', p.o ?? '')],
  [
    /^done; delay=(?<d>[\d+:]+), ntries=(?<n>\d+)$/,
    (log, p, id) => log.done(id, milliseconds(p.d ?? ''), Number(p.n)),
  ],
  [/^discarded$/, (log, _, id) => log.discarded(id)],
  [/^unquarantine$/, (log, _, id) => log.quarantined(id, null)],
  [/^quarantine=(?<r>.*)$/, (log, p, id) => log.quarantined(id, p.r ?? '')],
  [
    /^message size \((?<s>\d+)\) exceeds maximum \((?<l>\d+)\)$/,
    (log, p, id) => log.tooBig(id, Number(p.s), Number(p.l)),
  ],
  [
    /^SYSERR\(root\): Too many hops (?<h>\d+) \((?<m>\d+) max\): from (?<f>.*) via (?<v>.*), to (?<t>.*)$/,
    (log, p, id) => log.tooManyHops(id, Number(p.h), Number(p.m), p.f ?? '', p.v ?? '', p.t ?? ''),
  ],
  [
    /^collect: relay=(?<r>.*), from=(?<f>.*), info=(?<i>.*)$/,
    (log, p, id) => log.collectProblem(id, p.r ?? '', p.f ?? '', p.i ?? ''),
  ],
  [/^connect from (?<r>.*)$/, (log, p) => log.connect(p.r ?? '')],
  [
    /^(?<r>.*) did not issue MAIL\/EXPN\/VRFY\/ETRN during connection to (?<d>.*)$/,
    (log, p, id) => log.noTransaction(id, p.r ?? '', p.d ?? ''),
  ],
  [
    /^lost input channel from (?<r>.*) to (?<d>.*) after (?<a>.*)$/,
    (log, p, id) => log.lostInput(id, p.r ?? '', p.d ?? '', p.a ?? ''),
  ],
  [
    /^timeout waiting for input from (?<r>.*) during (?<d>.*)$/,
    (log, p, id) => log.timeout(id, p.r ?? '', p.d ?? ''),
  ],
  [
    /^rejecting commands from (?<r>.*) due to pre-greeting traffic after (?<s>\d+) seconds$/,
    (log, p, id) => log.pregreet(id, p.r ?? '', Number(p.s)),
  ],
  [
    /^rejecting server (?<c>\w+) from (?<r>.*) due to traffic before response$/,
    (log, p, id) => log.trafficBefore(id, p.c ?? '', p.r ?? ''),
  ],
  [
    /^(?<r>.*): possible SMTP attack: command=(?<c>.*), count=(?<n>\d+)$/,
    (log, p, id) => log.attack(id, p.r ?? '', p.c ?? '', Number(p.n)),
  ],
  [
    /^(?<r>.*): Possible SMTP RCPT flood, (?<w>throttling|shutting down connection)\.$/,
    (log, p, id) => log.rcptFlood(id, p.r ?? '', p.w !== 'throttling'),
  ],
  [
    /^(?<r>.*): probable open proxy: command=(?<c>.*)\\r\\n$/,
    (log, p, id) => log.openProxy(id, p.r ?? '', `${p.c}\r\n`),
  ],
  [
    /^(?<r>.*): SMTP violation, input too long: (?<n>\d+)$/,
    (log, p, id) => log.tooLongInput(id, p.r ?? '', Number(p.n)),
  ],
  [
    /^(?<r>[^ ]* \[[\d.]+\]): (?<c>VRFY|EXPN|ETRN) (?<w>.*?)(?<j> \[rejected\])?$/,
    (log, p, id) => log.asked(id, p.r ?? '', p.c as 'VRFY', p.w ?? '', p.j !== undefined),
  ],
  [
    /^rejecting connections on daemon (?<d>.*?): (?<w>.*)$/,
    (log, p) => log.rejectingConnections(p.d ?? '', p.w ?? ''),
  ],
  [/^accepting connections again for daemon (?<d>.*)$/, (log, p) => log.acceptingAgain(p.d ?? '')],
  [
    /^AUTH=server, relay=(?<r>.*?), authid=(?<u>.*), mech=(?<m>[^,]*), bits=(?<b>\d+)$/,
    (log, p) => log.authenticated(p.r ?? '', p.u ?? '', p.m ?? '', Number(p.b)),
  ],
  [
    /^AUTH failure \((?<m>[^)]*)\): (?<w>authentication failure|user not found) .*?, user=(?<u>.*), relay=(?<r>.*)$/,
    (log, p, id) => log.authFailed(id, p.r ?? '', p.m ?? '', p.u ?? '', p.w !== 'user not found'),
  ],
  [
    /^AUTH decode64 error \[-5 for "(?<i>.*)"\], relay=(?<r>.*)$/,
    (log, p, id) => log.authMalformed(id, p.r ?? '', p.i ?? ''),
  ],
  [
    TLS,
    (log, p) =>
      log.tls({
        side: p.side as 'server',
        relay: p.r ?? '',
        version: p.v ?? '',
        verify: p.y ?? '',
        cipher: p.c ?? '',
        bits: Number(p.b),
        algorithmBits: Number(p.ab),
      }),
  ],
  [TLS_FAILED, (log, p) => log.tlsFailed(p.side as 'server', p.r ?? '', p.why ?? '')],
  [
    /^Milter: (?<c>from|to|helo|cmd)=(?<w>.*?), (?<v>reject=.*|discard)$/,
    (log, p, id) => log.milter(id, p.c ?? '', p.w ?? '', p.v ?? ''),
  ],
  [/^Milter: data, (?<v>.*)$/, (log, p, id) => log.milter(id, 'data', '', p.v ?? '')],
  [
    /^Milter: connect: (?<w>host=.*, addr=[^,]*), (?<v>.*)$/,
    (log, p, id) => log.milter(id, 'connect', p.w ?? '', p.v ?? ''),
  ],
  [/^milter=(?<n>[^,]*), (?<a>.*)$/, (log, p, id) => log.milterAction(id, p.n ?? '', p.a ?? '')],
  [
    /^Milter \((?<n>[^)]*)\): (?<p>.*)$/,
    (log, p, id) => log.milterProblem(id, p.n ?? '', p.p ?? ''),
  ],
  [/^Milter \((?<n>[^)]*)\) (?<a>.*)$/, (log, p, id) => log.milterAction(id, p.n ?? '', p.a ?? '')],
  [/^starting daemon \((?<v>[^)]*)\): (?<m>.*)$/, (log, p) => log.started(p.v ?? '', p.m ?? '')],
  [/^stopping daemon, reason=(?<s>.*)$/, (log, p) => log.stopped(p.s ?? '')],
  [
    /^low on space \(SMTP-DAEMON needs 0 bytes \+ (?<n>\d+) blocks in (?<f>.*)\), max avail: (?<a>\d+)$/,
    (log, p, id) => log.lowOnSpace(id, p.f ?? '', Number(p.n), Number(p.a)),
  ],
  [
    /^SYSERR\((?<u>[^)]*)\): (?<t>.*)$/,
    (log, p, id) => log.systemError(id === 'NOQUEUE' ? null : id, p.u ?? '', p.t ?? ''),
  ],
  [
    /^(?<t>(?:<.*>\.\.\. .*|over quota|Bad argument .*|Too many recipients))$/,
    (log, p, id) => log.refused(id, p.t ?? ''),
  ],
];

export interface RealLine {
  readonly tag: string;
  readonly pid: number;
  /** Queue id, `NOQUEUE` or none. */
  readonly id: string;
  readonly text: string;
}

/** Of a line in the traditional form; undefined for another. */
export function realLine(line: string): RealLine | undefined {
  const header = /^[A-Z][a-z]{2} [ \d]\d [\d:]{8} \S+ ([\w-]+)\[(\d+)\]: (.*)$/.exec(line);
  if (header === null) return undefined;
  const [, tag = '', pid, rest = ''] = header;
  const id = /^([0-9A-Za-z]{8}\d{6,}|NOQUEUE): /.exec(rest)?.[1] ?? '';
  return { tag, pid: Number(pid), id, text: id === '' ? rest : rest.slice(id.length + 2) };
}

/** sendmail's escapes, undone. */
export function unescaped(text: string): string {
  return text.replace(/\\([\\tnr]|[0-7]{3})/g, (_, what: string) => {
    const named: Record<string, string> = { '\\': '\\', t: '\t', n: '\n', r: '\r' };
    return named[what] ?? String.fromCharCode(Number.parseInt(what, 8));
  });
}

/** Says it again; false where no event is known for the text. */
export function sayAgain(log: MtaLog, line: RealLine): boolean {
  const { text, id } = line;
  const found = KINDS.find(([pattern]) => pattern.test(text));
  if (found === undefined) return false;
  const [pattern, say] = found;
  const groups = Object.entries(pattern.exec(text)?.groups ?? {});
  const parts = groups.flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, unescaped(value)]],
  );
  say(log, Object.fromEntries(parts), id);
  return true;
}
