/**
 * Refusals: `ruleset=` lines (sendmail's `rscheck`), `<addr>... text` of the SMTP server, limits, and
 * refused connections. What the client or a header said stands inside these lines unquoted.
 */
import type { RejectionStage } from '../../src/model/vocabulary.ts';
import type { EventWriter, LineReader } from './event-writer.ts';
import { STATUS } from './outcome.ts';

/** The stage at which each ruleset runs (cf/README "Anti-spam configuration control"). */
const STAGE_OF_RULESET: Readonly<Record<string, RejectionStage>> = {
  check_relay: 'connect',
  basic_check_relay: 'connect',
  greet_pause: 'connect',
  check_mail: 'mail',
  basic_check_mail: 'mail',
  tls_client: 'mail',
  check_rcpt: 'rcpt',
  basic_check_rcpt: 'rcpt',
  check_compat: 'rcpt',
  check_data: 'data',
  check_eom: 'content',
  check_eoh: 'content',
  trust_auth: 'auth',
  check_etrn: 'other',
  check_expn: 'other',
  check_vrfy: 'other',
  check_other: 'other',
  tls_server: 'other',
  tls_rcpt: 'other',
  try_tls: 'other',
  tls_srv_features: 'other',
  tls_clt_features: 'other',
};

interface RulesetParts {
  readonly rule: string;
  readonly argument: string;
  readonly relay: string | undefined;
  readonly action: string;
}

const ACTION = /^(?:reject=|discard$|quarantine=|error=|hold=)/;
const RELAY = ', relay=';

/**
 * Splits `ruleset=R, arg1=A[, arg2=B], relay=H, ACTION`. A may contain all of that itself, and the text of
 * the action may repeat A: the true relay= is the one whose action repeats what stands before it, else the
 * last that an action follows.
 */
export function splitRuleset(text: string): RulesetParts | undefined {
  const head = /^ruleset=([^,]*), arg1=/.exec(text);
  const rule = head?.[1];
  if (head === null || rule === undefined) return undefined;
  const start = head[0].length;
  let last: RulesetParts | undefined;
  for (let at = text.indexOf(RELAY, start - 1); at >= 0; at = text.indexOf(RELAY, at + 1)) {
    const parts = partsAt(text, { rule, start, relay: at });
    if (parts === undefined) continue;
    last = parts;
    if (parts.action.includes(parts.argument)) return parts;
  }
  return last ?? withoutRelay(text, rule, start);
}

function partsAt(
  text: string,
  place: { rule: string; start: number; relay: number },
): RulesetParts | undefined {
  const relayStart = place.relay + RELAY.length;
  const comma = text.indexOf(', ', relayStart);
  if (comma < 0) return undefined;
  const action = text.slice(comma + 2);
  if (!ACTION.test(action)) return undefined;
  const [argument = ''] = text.slice(place.start, place.relay).split(', arg2=');
  return { rule: place.rule, argument, relay: text.slice(relayStart, comma), action };
}

function withoutRelay(text: string, rule: string, start: number): RulesetParts | undefined {
  const at = Math.max(text.lastIndexOf(', reject='), text.lastIndexOf(', quarantine='));
  const end = at >= 0 ? at : text.lastIndexOf(', discard');
  if (end < start) return undefined;
  const [argument = ''] = text.slice(start, end).split(', arg2=');
  return { rule, argument, relay: undefined, action: text.slice(end + 2) };
}

interface ReplyParts {
  readonly code: number | undefined;
  readonly dsn: string | undefined;
  readonly text: string;
}

/** `550 5.7.1 text` (RFC 5321 section 4.2, RFC 3463); a reply without code is all text. */
export function splitReply(reply: string): ReplyParts {
  const match = /^(\d{3})[ -](?:(\d\.\d{1,3}\.\d{1,3}) )?(.*)$/s.exec(reply);
  if (match === null) return { code: undefined, dsn: undefined, text: reply };
  return { code: Number(match[1]), dsn: match[2], text: match[3] ?? '' };
}

/** 4xx asks the client to come back; everything else refuses. */
export function actionOf(code: number | undefined): 'reject' | 'tempfail' {
  return code !== undefined && code >= 400 && code < 500 ? 'tempfail' : 'reject';
}

function stageOfRuleset(rule: string): RejectionStage {
  return STAGE_OF_RULESET[rule] ?? (rule.startsWith('Local_check_') ? localStage(rule) : 'content');
}

function localStage(rule: string): RejectionStage {
  return STAGE_OF_RULESET[rule.slice('Local_'.length)] ?? 'other';
}

const readRuleset: LineReader = (text, out) => {
  if (!text.startsWith('ruleset=')) return false;
  const parts = splitRuleset(text);
  if (parts === undefined) return readOldRuleset(text, out);
  const stage = stageOfRuleset(parts.rule);
  const common = {
    stage,
    rule: parts.rule,
    client: stage === 'other' ? undefined : parts.relay,
    sender: stage === 'mail' ? parts.argument : undefined,
    recipient: stage === 'rcpt' ? parts.argument : undefined,
  };
  const [verb = '', ...rest] = parts.action.split('=');
  const value = rest.join('=');
  if (verb === 'reject' || verb === 'error') {
    const reply = splitReply(value);
    const { code, dsn } = reply;
    out.rejection({ ...common, action: actionOf(code), code, dsn, reason: reply.text });
  } else if (verb === 'quarantine' || verb === 'hold') {
    out.rejection({ ...common, action: verb, reason: value });
  } else out.rejection({ ...common, action: 'discard' });
  return true;
};

/** sendmail 8.8: `ruleset=check_mail (<a@b>) rejection: 551 text`. */
function readOldRuleset(text: string, out: EventWriter): boolean {
  const match = /^ruleset=([^ ,]+) \((.*)\) rejection: (.*)$/.exec(text);
  if (match === null) return false;
  const [, rule = '', argument = '', value = ''] = match;
  const stage = stageOfRuleset(rule);
  const { code, dsn, text: reason } = splitReply(value);
  out.rejection({
    stage,
    rule,
    action: actionOf(code),
    code,
    dsn,
    reason,
    sender: stage === 'mail' ? argument : undefined,
    recipient: stage === 'rcpt' ? argument : undefined,
    client: stage === 'connect' ? argument : undefined,
  });
  return true;
}

interface KnownText {
  readonly pattern: RegExp;
  readonly rule: string;
  readonly code: number;
  readonly dsn?: string;
  readonly stage?: RejectionStage;
}

/** Texts of the SMTP server behind `<addr>... `, with the code it sends them under (srvrsmtp.c, parseaddr.c). */
const ADDRESS_TEXTS: readonly KnownText[] = [
  { pattern: /^User unknown/i, rule: 'user unknown', code: 550, dsn: '5.1.1' },
  { pattern: /^No such (?:virtual )?user/i, rule: 'user unknown', code: 550, dsn: '5.1.1' },
  { pattern: /^Relaying denied/i, rule: 'relaying denied', code: 550, dsn: '5.7.1' },
  { pattern: /^Domain of sender address/i, rule: 'sender domain', code: 553, dsn: '5.1.8', stage: 'mail' },
  { pattern: /^Sender domain must/i, rule: 'sender domain', code: 501, stage: 'mail' },
  { pattern: /^Domain name required for sender/i, rule: 'sender domain', code: 553, dsn: '5.5.4', stage: 'mail' },
  { pattern: /^Real domain name required for sender/i, rule: 'sender domain', code: 553, dsn: '5.5.4', stage: 'mail' },
  { pattern: /^Invalid route address/i, rule: 'address syntax', code: 553, dsn: '5.1.3' },
  { pattern: /^User address required/i, rule: 'address syntax', code: 553, dsn: '5.1.3' },
  { pattern: /^Hostname required/i, rule: 'address syntax', code: 553, dsn: '5.1.3' },
  { pattern: /^Colon illegal in host name part/i, rule: 'address syntax', code: 553, dsn: '5.1.3' },
  { pattern: /^Invalid host name/i, rule: 'address syntax', code: 553, dsn: '5.1.2' },
  { pattern: /^List:; syntax illegal/i, rule: 'address syntax', code: 553, dsn: '5.1.3' },
  { pattern: /^(?:Unbalanced|prescan|Unknown address|.* too long)/i, rule: 'address syntax', code: 553 },
  { pattern: /^(?:Access denied|.*refused)/i, rule: 'access', code: 550, dsn: '5.7.1' },
  { pattern: /quota/i, rule: 'over quota', code: 452, dsn: '4.2.2' },
];

/** `<addr>... text`: the last ` ... ` divides, since an address may hold dots. */
const readAddressRefusal: LineReader = (text, out) => {
  const divider = text.lastIndexOf('... ');
  if (divider <= 0 || text.includes('=') && /^(?:from|to|arg1)=/.test(text)) return false;
  const address = text.slice(0, divider);
  const reason = text.slice(divider + 4);
  const known = ADDRESS_TEXTS.find(({ pattern }) => pattern.test(reason));
  if (known === undefined && !/^[<"]/.test(address)) return false;
  const stage = known?.stage ?? 'rcpt';
  out.rejection({
    stage,
    action: actionOf(known?.code),
    rule: known?.rule ?? 'address',
    code: known?.code,
    dsn: known?.dsn,
    sender: stage === 'mail' ? address : undefined,
    recipient: stage === 'rcpt' ? address : undefined,
    reason,
  });
  return true;
};

/** Whole texts, perhaps with a quoted address in them. */
const PLAIN_TEXTS: readonly (KnownText & { readonly wholeMessage?: boolean })[] = [
  { pattern: /^over quota$/i, rule: 'over quota', code: 452, dsn: '4.2.2', stage: 'rcpt' },
  { pattern: /^Too many recipients$/i, rule: 'too many recipients', code: 452, dsn: '4.5.3', stage: 'rcpt' },
  { pattern: /^8-bit character in mailbox address "(.*)"/, rule: 'address syntax', code: 553, dsn: '5.1.3', stage: 'rcpt' },
  { pattern: /^Syntax error in mailbox address "(.*)"/, rule: 'address syntax', code: 553, dsn: '5.1.3', stage: 'rcpt' },
  { pattern: /^Bad argument ".*"\s+to (?:NOTIFY|RET)/, rule: 'bad parameter', code: 501, dsn: '5.5.4', stage: 'other' },
  { pattern: /^message size \(\d+\) exceeds maximum/, rule: 'message size', code: 552, dsn: '5.2.3', stage: 'data', wholeMessage: true },
  { pattern: /^headers too large \(\d+ max\) from /, rule: 'headers too large', code: 552, dsn: '5.6.0', stage: 'content', wholeMessage: true },
  { pattern: /^(?:Too many hops|too many hops)/, rule: 'too many hops', code: 554, dsn: '5.4.6', stage: 'data', wholeMessage: true },
];

const readPlainRefusal: LineReader = (text, out) => {
  for (const { pattern, rule, code, dsn, stage = 'rcpt', wholeMessage } of PLAIN_TEXTS) {
    const match = pattern.exec(text);
    if (match === null) continue;
    out.rejection({
      stage,
      action: actionOf(code),
      rule,
      code,
      dsn,
      recipient: stage === 'rcpt' ? match[1] : undefined,
      reason: text,
      wholeMessage: wholeMessage === true,
    });
    return true;
  }
  return false;
};

const readDiscarded: LineReader = (text, out) => {
  if (text !== 'discarded') return false;
  out.discarded(STATUS.discarded, 'discarded');
  return true;
};

/** `collect: relay=NAME, from=<A>, info=Bare linefeed (LF) not allowed, where=body, status=tempfail`. */
const readBareLineEnd: LineReader = (text, out) => {
  const match = /^collect: relay=(.*), from=(.*), info=(Bare .*), where=([^,]*), status=(.*)$/.exec(text);
  if (match === null) return false;
  const [, relay, sender, info = '', where = '', status] = match;
  out.rejection({
    stage: 'content',
    action: status === 'tempfail' ? 'tempfail' : 'reject',
    rule: 'bare line end',
    client: relay,
    sender,
    reason: `${info} (${where})`,
    wholeMessage: true,
  });
  return true;
};

const readTcpWrappers: LineReader = (text, out) => {
  const match = /^tcpwrappers \((.*), ([^,)]*)\) rejection$/.exec(text);
  if (match === null) return false;
  const [, name, ip = ''] = match;
  const client = name === 'unknown' ? `[${ip}]` : `${name} [${ip}]`;
  out.rejection({ stage: 'connect', action: 'reject', rule: 'tcpwrappers', code: 550, client, reason: text });
  return true;
};

/** Readers of refusals, the frequent kinds first. */
export const REFUSAL_READERS: readonly LineReader[] = [
  readRuleset,
  readDiscarded,
  readPlainRefusal,
  readBareLineEnd,
  readTcpWrappers,
];

/** Tried after everything that could look like an address followed by dots. */
export const ADDRESS_READERS: readonly LineReader[] = [readAddressRefusal];
