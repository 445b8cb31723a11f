/**
 * What happens to a message in the queue besides attempts: children made of it (DSNs, notices, clones),
 * holding, giving up (sendmail 8.17 savemail.c, envelope.c, queue.c).
 */
import type { QueueEvent } from '../../src/model/vocabulary.ts';
import type { LineReader } from './event-writer.ts';
import { MILTER_READERS } from './milter-lines.ts';

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

/** Before 8.9 the copy says whose it is: `NEWID: clone OLDID, owner=list-owner`. */
const readOldClone: LineReader = (text, out) => {
  if (!/^clone [A-Za-z]{2,3}\d{5,}, owner=/.test(text)) return false;
  out.queueEvent('clone', text);
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
  out.daemonEvent('unquarantine', 'info', text);
  return true;
};

const readPanic: LineReader = (text, out) => {
  if (!/^Losing .*?: /.test(text)) return false;
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

/** Readers of queue and milter lines. */
export const QUEUE_READERS: readonly LineReader[] = [
  readChild,
  readOldClone,
  readDone,
  readHeld,
  readPanic,
  readSplit,
  ...MILTER_READERS,
];
