/**
 * What sendmail logs of connections: clients that left, waited, talked before their turn, probed or
 * attacked; logins and TLS (op.me "System Log"; srvrsmtp.c, collect.c, sasl and tls code of 8.17).
 *
 * Client texts (VRFY arguments, AUTH user names, HTTP commands) are logged as they came: the client is
 * always taken from the place where sendmail itself writes it.
 */
import type { LineReader } from './event-writer.ts';

const readNoMail: LineReader = (text, out) => {
  const match = /^(.*) did not issue MAIL\/EXPN\/VRFY\/ETRN during connection to (.*)$/.exec(text);
  // A name ends in an address or is one word: else the client said these words, in a VRFY say.
  if (
    match === null ||
    !/^(?:[^[\]]*\[[^[\]]*\](?: \(may be forged\))?|\S+)$/.test(match[1] ?? '')
  ) {
    return false;
  }
  out.sessions.restart(out.block);
  out.connection('no_mail', match[1], match[2]);
  return true;
};

/** sendmail before 8.10: `Null connection from host [ip]`. */
const readNullConnection: LineReader = (text, out) => {
  const match = /^Null connection from (.*)$/.exec(text);
  if (match === null) return false;
  out.connection('no_mail', match[1]);
  return true;
};

const readLostInput: LineReader = (text, out) => {
  const match = /^lost input channel from (.*) to (.*) after (\S+)$/.exec(text);
  if (match === null) return false;
  out.connection('lost_input', match[1], `after ${match[3]} to ${match[2]}`);
  return true;
};

const readTimeout: LineReader = (text, out) => {
  const match =
    /^(?:SYSERR\([^)]*\): )?timeout (?:waiting for input from|writing message to) (.*?)(?: during (.*))?$/.exec(
      text,
    );
  if (match === null) return false;
  out.connection('timeout', match[1], match[2]);
  return true;
};

/** `collect: premature EOM: ...`, and 8.17's `collect: relay=NAME, from=<A>, info=...`. */
const readCollect: LineReader = (text, out) => {
  const match = /^(?:SYSERR\([^)]*\): )?collect: (.*)$/.exec(text);
  const detail = match?.[1];
  if (detail === undefined || /^Cannot|^cannot/.test(detail)) return false;
  const relay = /^relay=(.*?), from=/.exec(detail)?.[1];
  const peer = relay ?? /(?:on connection from|from|by) (.*?)(?:, |$)/.exec(detail)?.[1];
  out.connection(/timeout/.test(detail) ? 'timeout' : 'lost_input', peer, detail);
  return true;
};

const readPregreet: LineReader = (text, out) => {
  const match =
    /^rejecting (?:commands|server \S+) from (.*) (due to (?:pre-greeting traffic|traffic before response).*)$/.exec(
      text,
    );
  if (match === null) return false;
  out.connection('pregreet', match[1], match[2]);
  return true;
};

/** `HOST: possible SMTP attack: ...` and its kin, by the text behind the host. */
const ATTACKS: readonly {
  readonly pattern: RegExp;
  readonly what: 'attack' | 'flood' | 'probe';
}[] = [
  { pattern: /^possible SMTP attack: /, what: 'attack' },
  { pattern: /^Possible SMTP RCPT flood, /, what: 'flood' },
  { pattern: /^probable open proxy: /, what: 'probe' },
  { pattern: /^SMTP violation, /, what: 'attack' },
  { pattern: /^(?:VRFY|EXPN|ETRN)(?:\s|$)/i, what: 'probe' },
];

const readAttack: LineReader = (text, out) => {
  const found = hostAndRest(text);
  if (found === undefined) return false;
  const attack = ATTACKS.find(({ pattern }) => pattern.test(found.rest));
  if (attack === undefined) return false;
  out.connection(attack.what, found.host, found.rest);
  return true;
};

/** Splits `host [ip]: rest` where sendmail ends the client's name: behind the first address. */
function hostAndRest(text: string): { host: string; rest: string } | undefined {
  const match =
    /^([^[\]]*\[[0-9A-Fa-f:.IPv]+\](?: \(may be forged\))?): /.exec(text) ?? /^(\S+): /.exec(text);
  if (match?.[1] === undefined) return undefined;
  return { host: match[1], rest: text.slice(match[0].length) };
}

/** `POSSIBLE ATTACK from HOST: newline in string "..."`: an injection that was made harmless. */
const readInjection: LineReader = (text, out) => {
  const match = /^POSSIBLE ATTACK from (.*?): (newline in string .*)$/s.exec(text);
  if (match === null) return false;
  out.connection('attack', match[1], match[2]);
  return true;
};

/** 8.16 and up: commands sent ahead of the answer by a client that was not offered PIPELINING. */
const readEarlyCommands: LineReader = (text, out) => {
  const match = /^unauthorized PIPELINING, sleeping, relay=(.*)$/.exec(text);
  if (match === null) return false;
  out.connection('pregreet', match[1], 'unauthorized PIPELINING');
  return true;
};

/** `"wiz" command from HOST (IP)`: a command of the eighties, asked for by scanners. */
const readOldProbe: LineReader = (text, out) => {
  const match = /^"(\w+)" command from (.*) \(([^()]*)\)$/.exec(text);
  if (match === null) return false;
  out.connection('probe', `${match[2]} [${match[3]}]`, `"${match[1]}" command`);
  return true;
};

const readConnect: LineReader = (text, out) => {
  const match = /^connect from (.*)$/.exec(text);
  if (match === null) return false;
  out.sessions.restart(out.block);
  out.connection('connect', match[1]);
  return true;
};

const readAuthServer: LineReader = (text, out) => {
  const match = /^AUTH=server, relay=(.*?), authid=(.*), mech=([^,]*), bits=\d+/.exec(text);
  if (match === null) return false;
  const [, client, user = '', mechanism = ''] = match;
  const session = out.sessions.open(out.block);
  session.user = user;
  session.mechanism = mechanism;
  out.authEvent({ outcome: 'ok', mechanism, user, client });
  return true;
};

/** `AUTH failure (MECH): why[, user=U], relay=R`; U is the client's text, so relay= counts from the right. */
const readAuthFailure: LineReader = (text, out) => {
  const match = /^AUTH failure \(([^)]*)\): (.*), relay=([^,]*)$/s.exec(text);
  if (match === null) return readAuthError(text, out);
  const [, mechanism, middle = '', client] = match;
  const user = middle.indexOf(', user=');
  out.authEvent({
    outcome: 'failed',
    mechanism,
    client,
    user: user < 0 ? undefined : middle.slice(user + ', user='.length),
    reason: user < 0 ? middle : middle.slice(0, user),
  });
  return true;
};

/** What the client sent could not be decoded; other troubles of SASL are not the client's. */
const readAuthError: LineReader = (text, out) => {
  const match =
    /^AUTH (failure \([^)]*\)|decode64 (?:error|failure))[: ]+(.*?)(?:, relay=([^,]*))?$/s.exec(
      text,
    );
  if (match === null) return false;
  out.authEvent({ outcome: 'failed', client: match[3], reason: `${match[1]} ${match[2]}` });
  return true;
};

/** Our own logins at other servers, and SASL's state. */
const readAuthOther: LineReader = (text, out) => {
  if (!/^(?:AUTH[=: ]|encode64 for AUTH failed)/.test(text)) return false;
  const trouble = /error|fail|warning|not in list|do not fulfill/.test(text);
  const what = text.startsWith('AUTH=client') ? 'auth client' : 'auth';
  const calm = what === 'auth' ? 'debug' : 'info';
  out.daemonEvent(what, trouble ? 'warning' : calm, text);
  return true;
};

/** Lines of a session besides its summary; certificate names in them may hold any word. */
const TLS_STEP =
  /^STARTTLS(?:=\w+)?[,:] (?:relay=.*, (?:AltName|field|warning)=|cert-subject=|x509|info|init|start|get_verify|Diffie|.*cert verify|SSL_MODE|host=)/;

const readTls: LineReader = (text, out) => {
  if (!text.startsWith('STARTTLS')) return false;
  const match =
    /^STARTTLS=(server|client), relay=(.*), version=([^,]*), verify=([^,]*), cipher=([^,]*), bits=(\d+)/.exec(
      text,
    );
  if (match === null) {
    const failed = !TLS_STEP.test(text) && /error|fail|missing|unsafe|unusable/i.test(text);
    out.daemonEvent(failed ? 'tls error' : 'tls', failed ? 'warning' : 'info', text);
    return true;
  }
  const [, side, peer = '', version = '', verify = '', cipher = '', bits] = match;
  if (side === 'server') out.sessions.open(out.block).tlsVersion = version;
  out.tlsSession({
    side: side === 'server' ? 'server' : 'client',
    peer,
    version,
    verify,
    cipher,
    bits: Number(bits),
  });
  return true;
};

/** Readers of connection lines, the frequent kinds first. */
export const CONNECTION_READERS: readonly LineReader[] = [
  readNoMail,
  readLostInput,
  readAuthServer,
  readTls,
  readAuthFailure,
  readAuthOther,
  readPregreet,
  readEarlyCommands,
  readInjection,
  readConnect,
  readTimeout,
  readCollect,
  readNullConnection,
  readOldProbe,
];

/** Tried last: they only need a colon behind a host. */
export const ATTACK_READERS: readonly LineReader[] = [readAttack];
