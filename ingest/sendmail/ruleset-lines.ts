/**
 * `ruleset=` lines (sendmail's `rscheck`): what the access map, the anti-spam rules and the site's own
 * header checks refused, dropped or held. The argument is what the client or a header said, unquoted.
 */
import type { RejectionStage } from '../../src/model/vocabulary.ts';
import type { EventWriter, LineReader } from './event-writer.ts';

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
  check_compat: 'other',
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
  /** arg2=, where there is one. */
  readonly second: string | undefined;
  readonly relay: string | undefined;
  readonly action: string;
}

const ACTION = /^(?:reject=|discard$|quarantine=|error=|hold=)/;
const RELAY = ', relay=';

/** Arguments whose end shows: an address in `<>` with its quoted strings, a host name with its address. */
const BOUNDED =
  /(?:<(?:"(?:\\.|[^"\\])*"|[^">])*>|[^\s,<"]+)(?:, arg2=(?:<(?:"(?:\\.|[^"\\])*"|[^">])*>|[^\s,<"]*))?(?=, )/y;

/**
 * Splits `ruleset=R, arg1=A[, arg2=B], relay=H, ACTION`. A and the text of the action may contain all of
 * that themselves. Where the end of A shows, the first relay= behind it is the true one; else (a header's
 * text, an address that was cut) the one whose action repeats what stands before it, else the last that an
 * action follows.
 */
export function splitRuleset(text: string): RulesetParts | undefined {
  const head = /^ruleset=([^,]*), arg1=/.exec(text);
  const rule = head?.[1];
  if (head === null || rule === undefined) return undefined;
  const start = head[0].length;
  const bounded = boundedAt(text, rule, start);
  if (bounded !== undefined) return bounded;
  let last: RulesetParts | undefined;
  for (let at = text.indexOf(RELAY, start - 1); at >= 0; at = text.indexOf(RELAY, at + 1)) {
    const parts = partsAt(text, { rule, start, relay: at });
    if (parts === undefined) continue;
    last = parts;
    if (parts.action.includes(parts.argument)) return parts;
  }
  return last ?? withoutRelay(text, rule, start);
}

function boundedAt(text: string, rule: string, start: number): RulesetParts | undefined {
  BOUNDED.lastIndex = start;
  if (!BOUNDED.test(text)) return undefined;
  const end = BOUNDED.lastIndex;
  if (text.startsWith(RELAY, end)) return partsAt(text, { rule, start, relay: end });
  const action = text.slice(end + 2);
  if (!ACTION.test(action)) return undefined;
  return { rule, ...splitArguments(text.slice(start, end)), relay: undefined, action };
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
  const args = splitArguments(text.slice(place.start, place.relay));
  return { rule: place.rule, ...args, relay: text.slice(relayStart, comma), action };
}

function withoutRelay(text: string, rule: string, start: number): RulesetParts | undefined {
  const at = Math.max(text.lastIndexOf(', reject='), text.lastIndexOf(', quarantine='));
  const end = at >= 0 ? at : text.lastIndexOf(', discard');
  if (end < start) return undefined;
  const args = splitArguments(text.slice(start, end));
  return { rule, ...args, relay: undefined, action: text.slice(end + 2) };
}

function splitArguments(text: string): { argument: string; second: string | undefined } {
  const at = text.indexOf(', arg2=');
  if (at < 0) return { argument: text, second: undefined };
  return { argument: text.slice(0, at), second: text.slice(at + ', arg2='.length) };
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

export const readRuleset: LineReader = (text, out) => {
  if (!text.startsWith('ruleset=')) return false;
  const parts = splitRuleset(text);
  if (parts === undefined) return readOldRuleset(text, out);
  if (parts.rule === 'trust_auth') {
    // Logged from LogLevel 10 on: the client's AUTH= parameter is passed over, the command is not refused.
    out.daemonEvent('auth parameter', 'debug', text);
    return true;
  }
  const stage = stageOfRuleset(parts.rule);
  const isCompat = parts.rule === 'check_compat';
  const common = {
    stage,
    rule: parts.rule,
    client: stage === 'other' ? undefined : parts.relay,
    sender: stage === 'mail' || isCompat ? parts.argument : undefined,
    recipient: isCompat ? parts.second : recipientAt(stage, parts.argument),
  };
  const [verb = '', ...rest] = parts.action.split('=');
  const value = rest.join('=');
  if (verb === 'reject' || verb === 'error') {
    const reply = splitReply(value);
    const { code, dsn } = reply;
    const reason = withoutAddress(reply.text, parts.argument);
    out.rejection({ ...common, action: actionOf(code), code, dsn, reason });
  } else if (verb === 'quarantine' || verb === 'hold') {
    out.rejection({ ...common, action: verb, reason: value });
  } else out.rejection({ ...common, action: 'discard' });
  return true;
};

/** The text without the `<addr>... ` before it, so that one reason is one value. */
function withoutAddress(text: string, argument: string): string {
  if (argument !== '' && text.startsWith(`${argument}... `)) return text.slice(argument.length + 4);
  return text.replace(/^<[^<>"]*>\.\.\. /, '');
}

function recipientAt(stage: RejectionStage, argument: string): string | undefined {
  return stage === 'rcpt' ? argument : undefined;
}

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
