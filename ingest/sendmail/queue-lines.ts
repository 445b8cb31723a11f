/**
 * What happens to a message in the queue besides attempts: children made of it (DSNs, notices, clones),
 * holding, giving up (sendmail 8.17 savemail.c, envelope.c, queue.c), and what milters did to it.
 */
import type { QueueEvent } from '../../src/model/vocabulary.ts';
import type { LineReader } from './event-writer.ts';
import { actionOf, splitReply } from './refusal-lines.ts';

const CHILD = /^([0-9A-Za-z]{2,9}\d{5,}): (.*)$/s;

/** The notices of savemail.c by the word behind the child's id; anything else there is a DSN's reason. */
const NOTICES: readonly { readonly prefix: string; readonly what: QueueEvent }[] = [
  { prefix: 'DSN: ', what: 'dsn' },
  { prefix: 'return to sender: ', what: 'return_to_sender' },
  { prefix: 'returntosender: ', what: 'return_to_sender' },
  { prefix: 'postmaster notify: ', what: 'postmaster_notify' },
  { prefix: 'sender notify: ', what: 'sender_notify' },
  { prefix: 'clone: ', what: 'clone' },
  { prefix: 'clone ', what: 'clone' },
  { prefix: 'split: ', what: 'split' },
];

/** The final notice of a message that stayed too long (`Timeout.queuereturn`). */
const GIVEN_UP = /^Cannot send message (?:for|within) /;

const readChild: LineReader = (text, out) => {
  const match = CHILD.exec(text);
  if (match === null) return false;
  const [, child = '', rest = ''] = match;
  const notice = NOTICES.find(({ prefix }) => rest.startsWith(prefix));
  if (notice === undefined) return false;
  const detail = rest.slice(notice.prefix.length);
  out.queueEvent(GIVEN_UP.test(detail) ? 'expired' : notice.what, detail, child);
  return true;
};

const readDone: LineReader = (text, out) => {
  if (!/^done; delay=/.test(text)) return false;
  out.queueEvent('removed', text);
  return true;
};

const readHeld: LineReader = (text, out) => {
  const match = /^quarantine=(.*)$/.exec(text);
  if (match !== null) {
    out.queueEvent('held', match[1] ?? '');
    return true;
  }
  if (text !== 'unquarantine') return false;
  out.queueEvent('removed', 'unquarantine');
  return true;
};

const readPanic: LineReader = (text, out) => {
  if (!/^Losing \S+: /.test(text)) return false;
  out.queueEvent('removed', text);
  out.daemonEvent('message lost', 'critical', text);
  return true;
};

/** `split: maxrcpts=..., rcpts=..., count=..., id=...`: one message into several queue files. */
const readSplit: LineReader = (text, out) => {
  const match = /^split: (.*)$/.exec(text);
  if (match === null) return false;
  out.queueEvent('split', match[1] ?? '');
  return true;
};

/** Where in the dialogue each milter word belongs. */
const MILTER_STAGES = [
  { prefix: 'from=', stage: 'mail' },
  { prefix: 'to=', stage: 'rcpt' },
  { prefix: 'helo=', stage: 'helo' },
  { prefix: 'connect', stage: 'connect' },
  { prefix: 'data', stage: 'data' },
  { prefix: 'cmd=', stage: 'data' },
] as const;

/** `Milter: to=<A>, reject=550 5.7.1 ...`, `Milter: data, discard`: the milter's verdict. */
const readMilterVerdict: LineReader = (text, out) => {
  const match =
    /^Milter(?: \([^)]*\))?: (.*?),? ?(?:(reject)=(.*)|(discard|quarantine=.*|rejecting commands|temp failing commands|tempfail))$/s.exec(text);
  if (match === null) return false;
  const [, place = '', reject, reply = '', verb = ''] = match;
  const entry = MILTER_STAGES.find(({ prefix }) => place.startsWith(prefix));
  if (entry === undefined) return false;
  const { stage } = entry;
  const value = place.slice(place.indexOf('=') + 1);
  const { code, dsn, text: reason } = splitReply(reject === undefined ? verb : reply);
  const connect = /host=(.*), addr=(.*)$/.exec(place);
  out.rejection({
    stage,
    action: milterAction(verb, code),
    rule: 'milter',
    code,
    dsn,
    reason,
    sender: stage === 'mail' ? value : undefined,
    recipient: stage === 'rcpt' ? value : undefined,
    client: connect === null ? undefined : `${connect[1]} [${connect[2]}]`,
    wholeMessage: stage === 'data',
  });
  return true;
};

function milterAction(verb: string, code: number | undefined): 'reject' | 'tempfail' | 'discard' | 'quarantine' {
  if (verb === 'discard') return 'discard';
  if (verb.startsWith('quarantine')) return 'quarantine';
  if (verb.startsWith('temp')) return 'tempfail';
  return actionOf(code);
}

const readMilterQuarantine: LineReader = (text, out) => {
  const match = /^milter=(.*?), quarantine=(.*)$/.exec(text);
  if (match === null) return false;
  out.rejection({ stage: 'content', action: 'quarantine', rule: `milter ${match[1]}`, reason: match[2] });
  return true;
};

/** Header and body changes, connection trouble, LogLevel 14's `milter=NAME, action=...`. */
const readMilterOther: LineReader = (text, out) => {
  if (!/^(?:Milter|milter)/.test(text)) return false;
  const trouble = /error|timeout|fail|abort|unsafe|closed|invalid/i.test(text);
  out.daemonEvent(trouble ? 'milter error' : 'milter', trouble ? 'warning' : 'debug', text);
  return true;
};

/** Readers of queue and milter lines. */
export const QUEUE_READERS: readonly LineReader[] = [
  readChild,
  readDone,
  readHeld,
  readPanic,
  readSplit,
  readMilterVerdict,
  readMilterQuarantine,
  readMilterOther,
];
