/**
 * What milters did (sendmail 8.17 milter.c, srvrsmtp.c): their verdicts, which are refusals of ours; their
 * changes to messages; and trouble with the filters themselves.
 *
 * From LogLevel 11 on each verdict has a second line, `milter=NAME, action=...`: the trace of the same
 * decision, never counted. Addresses and HELO names in verdicts are the client's words.
 */
import type { RejectionStage } from '../../src/model/vocabulary.ts';
import type { LineReader } from './event-writer.ts';
import { actionOf, splitReply } from './ruleset-lines.ts';

type MilterAction = 'reject' | 'tempfail' | 'discard' | 'quarantine';

interface Verdict {
  readonly action: MilterAction;
  readonly code: number | undefined;
  readonly dsn: string | undefined;
  readonly reason: string;
}

/** `reject=550 5.7.1 text`, `discard`, `temp failing commands[=reply]`, `shutdown[=reply]`. */
function readVerb(verb: string): Verdict | undefined {
  const match =
    /^(reject|discard|quarantine|shutdown|rejecting commands|temp failing commands|closing connection)(?:=(.*))?$/s.exec(
      verb,
    );
  if (match === null) return undefined;
  const [, word = '', reply] = match;
  const { code, dsn, text } = splitReply(reply ?? word);
  return { action: actionOfVerb(word, code), code, dsn, reason: text };
}

function actionOfVerb(word: string, code: number | undefined): MilterAction {
  if (word === 'discard' || word === 'quarantine') return word;
  // Without a reply both mean 421 or 451: the client may come back.
  if (word.startsWith('temp') || word === 'shutdown' || word === 'closing connection') {
    return 'tempfail';
  }
  return actionOf(code);
}

interface Place {
  readonly pattern: RegExp;
  readonly stage: RejectionStage;
}

/** What the verdict is about, then the verdict; quoted strings and `<...>` may hold anything. */
const ADDRESS = String.raw`(<(?:"(?:\\.|[^"\\])*"|[^">])*>|[^<,]*)`;
const PLACES: readonly Place[] = [
  { pattern: new RegExp(`^from=${ADDRESS}, (.*)$`, 's'), stage: 'mail' },
  { pattern: new RegExp(`^to=${ADDRESS}, (.*)$`, 's'), stage: 'rcpt' },
  { pattern: /^helo=(.*?), (reject=.*|discard)$/s, stage: 'helo' },
  { pattern: /^unknown=(.*?), (reject=.*|discard)$/s, stage: 'other' },
  { pattern: /^(?:cmd=)?(data), (.*)$/s, stage: 'data' },
  { pattern: /^(initialization failed), (.*)$/s, stage: 'connect' },
  { pattern: /^connect: host=(.*, addr=.*?), (.*)$/s, stage: 'connect' },
];

const VERDICT = /^Milter(?: \([^)]*\))?: (.*)$/s;

/** `Milter: to=<A>, reject=550 5.7.1 ...`, `Milter: data, discard`: what the client was told. */
const readMilterVerdict: LineReader = (text, out) => {
  const body = VERDICT.exec(text)?.[1];
  if (body === undefined) return false;
  for (const { pattern, stage } of PLACES) {
    const match = pattern.exec(body);
    const verdict = match === null ? undefined : readVerb(match[2] ?? '');
    if (match === null || verdict === undefined) continue;
    const value = match[1] ?? '';
    out.rejection({
      ...verdict,
      stage,
      rule: 'milter',
      helo: stage === 'helo' ? value : undefined,
      sender: stage === 'mail' ? value : undefined,
      recipient: stage === 'rcpt' ? value : undefined,
      client: clientOf(value),
      wholeMessage: stage === 'data',
    });
    return true;
  }
  return false;
};

/** `HOST, addr=IP` of a connect verdict in the form that other lines have. */
function clientOf(value: string): string | undefined {
  const match = /^(.*), addr=(.*)$/.exec(value);
  return match === null ? undefined : `${match[1]} [${match[2]}]`;
}

const readMilterQuarantine: LineReader = (text, out) => {
  const match = /^milter=(.*?), quarantine=(.*)$/s.exec(text);
  if (match === null) return false;
  const [, name, reason] = match;
  out.rejection({ stage: 'content', action: 'quarantine', rule: `milter ${name}`, reason });
  return true;
};

/** Steps on the way and changes to messages, whose header texts may hold any word. */
const STEPS: readonly RegExp[] = [
  /^milter=/,
  /^Milter(?: \([^)]*\))? (?:add|insert|change|delete|chgfrom|message|accept|replace)\b/,
  /^Milter: (?:connect|no active filter|rcpts|sender|reject, )/,
  /^Milter \([^)]*\): (?:init success|abort filter|quit filter|body|headers?|time command)/,
  /^Sending ".*" to Milter$/s,
];

const readMilterStep: LineReader = (text, out) => {
  if (!STEPS.some((pattern) => pattern.test(text))) return false;
  out.daemonEvent('milter', 'debug', text);
  return true;
};

/** A filter that does not answer, or not as agreed. */
const readMilterTrouble: LineReader = (text, out) => {
  if (!/^(?:Milter|milter_?)(?:[ (:]|\w+\()/.test(text)) return false;
  out.daemonEvent('milter error', 'warning', text);
  return true;
};

/** Readers of milter lines: verdicts before all else. */
export const MILTER_READERS: readonly LineReader[] = [
  readMilterVerdict,
  readMilterQuarantine,
  readMilterStep,
  readMilterTrouble,
];
