/**
 * Refusals: `<addr>... text` of the SMTP server, limits, and refused connections. What the client said
 * stands inside these lines unquoted.
 */
import type { RejectionStage } from '../../src/model/vocabulary.ts';
import { DIALOGUE_READERS } from './daemon-lines.ts';
import type { LineReader } from './event-writer.ts';
import { STATUS } from './outcome.ts';
import { actionOf, readRuleset } from './ruleset-lines.ts';

interface KnownText {
  readonly pattern: RegExp;
  readonly rule: string;
  /** Unset where the text alone does not tell under which code it was sent. */
  readonly code?: number;
  readonly dsn?: string;
  readonly stage?: RejectionStage;
}

const known = (pattern: RegExp, rule: string, code?: number, dsn?: string): KnownText => ({
  pattern,
  rule,
  ...(code === undefined ? {} : { code }),
  ...(dsn === undefined ? {} : { dsn }),
});

/**
 * Texts of the SMTP server while it takes recipients, with the code it sends them under (srvrsmtp.c,
 * parseaddr.c, recipient.c, cf/m4/proto.m4). Under 450, 550 and 553 the address stands before them
 * (err.c, fmtmsg), under other codes it is not logged.
 */
const RECIPIENT_TEXTS: readonly KnownText[] = [
  known(/^(?:User|Addressee) unknown/i, 'user unknown', 550, '5.1.1'),
  known(/^No such (?:virtual )?user/i, 'user unknown', 550),
  known(/^Relaying denied/i, 'relaying denied', 550, '5.7.1'),
  known(/^Access denied/i, 'access', 550, '5.7.1'),
  known(/^(?:over quota|quota exceeded|mailbox (?:is )?full)/i, 'over quota'),
  known(/^Too many recipients$/i, 'too many recipients', 452, '4.5.3'),
  known(
    /^(?:Invalid route address|User address required|Hostname required)/i,
    'address syntax',
    553,
    '5.1.3',
  ),
  known(
    /^(?:Colon illegal in host name part|List:; syntax illegal)/i,
    'address syntax',
    553,
    '5.1.3',
  ),
  known(/^Invalid host name/i, 'address syntax', 553, '5.1.2'),
  known(/^(?:8-bit character|Syntax error) in mailbox address "/, 'address syntax', 501, '5.1.3'),
  known(/^(?:Unbalanced '|Illegal character |Unknown address)/i, 'address syntax', 553),
  known(
    /^(?:prescan|remotename): (?:token too long|too many tokens)/i,
    'address syntax',
    553,
    '5.1.0',
  ),
  known(/^Address ".*" too long/i, 'address syntax', 553, '5.1.0'),
  known(/^Address too long/i, 'address syntax', 553, '5.1.1'),
  known(/^Cannot mail directly to (?:programs|files|:include:s)/, 'address', 550),
  known(/^Address .* is unsafe for mailing to /, 'address', 550),
  known(/^User \S+ doesn't have a valid shell for mailing to /, 'address', 550),
  known(/^UID \d+ is an unknown user: cannot mail to /, 'address', 550),
  known(
    /^aliasing\/forwarding loop (?:broken$|broken \(\d|for .* broken$)/,
    'alias loop',
    554,
    '5.4.6',
  ),
  known(/^Bad argument ".*"\s+to NOTIFY$/, 'bad parameter', 501, '5.5.4'),
  known(/^Syntax error in (?:UTF-8 )?\w+ parameter value$/, 'bad parameter', 501, '5.5.4'),
  known(/^Syntax error in parameters scanning "/, 'bad parameter', 501, '5.5.2'),
  known(/^(?:NOTIFY|ORCPT) requires a value$/, 'bad parameter', 501, '5.5.2'),
  known(/^Duplicate \w+ parameter$/, 'bad parameter', 501, '5.5.0'),
  known(/^Sorry, \w+ not supported/, 'bad parameter', 504, '5.7.0'),
  known(/^\S* ?parameter unrecognized$/, 'bad parameter', 555, '5.5.4'),
  known(/^Too many parameters$/, 'bad parameter', 501, '5.5.4'),
  known(/^Missing recipient$/, 'bad parameter', 501, '5.0.0'),
];

/** Texts about the sender behind `<addr>... `, of releases that logged them so. */
const SENDER_TEXTS: readonly KnownText[] = [
  known(/^Domain of sender address .* does not resolve/i, 'sender domain', 451, '4.1.8'),
  known(/^Domain of sender address/i, 'sender domain', 553, '5.1.8'),
  known(/^Sender domain must/i, 'sender domain', 501),
  known(/^(?:Real d|D)omain name required for sender/i, 'sender domain', 553, '5.5.4'),
];

/** `<addr>... text`; quoted strings in the address may hold anything, a text may hold dots. */
const readAddressRefusal: LineReader = (text, out) => {
  const divider = endOfAddress(text);
  if (divider <= 0 || /^(?:from|to|arg1)=/.test(text)) return false;
  const address = text.slice(0, divider);
  const reason = text.slice(divider + 4);
  const ofSender = SENDER_TEXTS.find(({ pattern }) => pattern.test(reason));
  const found = ofSender ?? RECIPIENT_TEXTS.find(({ pattern }) => pattern.test(reason));
  if (found === undefined && !/^[<":]/.test(address)) return false;
  out.rejection({
    stage: ofSender === undefined ? 'rcpt' : 'mail',
    action: actionOf(found?.code),
    rule: found?.rule ?? 'address',
    code: found?.code,
    dsn: found?.dsn,
    sender: ofSender === undefined ? undefined : address,
    recipient: ofSender === undefined ? address : undefined,
    reason,
  });
  return true;
};

/** An address at the front, in `<>` or one word; quoted strings in it may hold anything. */
const ADDRESS = /^(?:<(?:"(?:\\.|[^"\\])*"|[^">])*>|(?:"(?:\\.|[^"\\])*"|[^\s"])+?)(?=\.\.\. )/;

/** Where `... ` ends the address at the front, or 0. */
function endOfAddress(text: string): number {
  return ADDRESS.exec(text)?.[0].length ?? endOfMalformed(text);
}

/** Of an address that is none, nothing but the words behind it says where it ends. */
function endOfMalformed(text: string): number {
  const end = Math.max(0, text.lastIndexOf('... '));
  const reason = text.slice(end + 4);
  const isKnown = RECIPIENT_TEXTS.some(
    ({ rule, pattern }) => rule === 'address syntax' && pattern.test(reason),
  );
  return isKnown ? end : 0;
}

/** A refused recipient whose text stands alone; a quoted address in it is the recipient. */
const readRecipientText: LineReader = (text, out) => {
  const found = RECIPIENT_TEXTS.find(({ pattern }) => pattern.test(text));
  if (found === undefined) return false;
  const { rule, code, dsn } = found;
  const recipient = /^(?:8-bit|Syntax error in mailbox|Address)[^"]* "(.*)"/.exec(text)?.[1];
  out.rejection({
    stage: 'rcpt',
    action: actionOf(code),
    rule,
    code,
    dsn,
    recipient,
    reason: text,
  });
  return true;
};

/** `setsender: ADDR: invalid or unparsable, received from HOST`: MAIL is answered with 553. */
const readInvalidSender: LineReader = (text, out) => {
  const match = /^setsender: (.*): invalid or unparsable, received from (.*)$/.exec(text);
  if (match === null) return false;
  out.rejection({
    stage: 'mail',
    action: 'reject',
    rule: 'sender syntax',
    code: 553,
    dsn: '5.1.7',
    sender: match[1],
    client: match[2],
    reason: 'invalid or unparsable',
  });
  return true;
};

/** The whole message is too large, in one way or another. */
const MESSAGE_TEXTS: readonly KnownText[] = [
  {
    ...known(/^message size \(\d+\) exceeds maximum/, 'message size', 552, '5.2.3'),
    stage: 'data',
  },
  {
    ...known(/^headers too large \(\d+ max\) from /, 'headers too large', 552, '5.6.0'),
    stage: 'content',
  },
  { ...known(/^header overflow from /, 'headers too large', 552), stage: 'content' },
  { ...known(/^too many hops/i, 'too many hops', 554, '5.4.6'), stage: 'data' },
];

const readMessageText: LineReader = (text, out) => {
  const found = MESSAGE_TEXTS.find(({ pattern }) => pattern.test(text));
  if (found === undefined) return false;
  const { rule, code, dsn, stage = 'data' } = found;
  out.rejection({ stage, action: 'reject', rule, code, dsn, reason: text, wholeMessage: true });
  return true;
};

const readDiscarded: LineReader = (text, out) => {
  if (text !== 'discarded') return false;
  out.discarded(STATUS.discarded, 'discarded');
  return true;
};

/** `collect: relay=NAME, from=<A>, info=Bare linefeed (LF) not allowed, where=body, status=tempfail`. */
const readBareLineEnd: LineReader = (text, out) => {
  const match =
    /^collect: relay=(.*?), from=(<(?:"(?:\\.|[^"\\])*"|[^">])*>|[^<,][^,]*), info=(Bare .*), where=([^,]*), status=(.*)$/.exec(
      text,
    );
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
  out.rejection({
    stage: 'connect',
    action: 'reject',
    rule: 'tcpwrappers',
    code: 550,
    client,
    reason: text,
  });
  return true;
};

/**
 * Readers of refusals, the frequent kinds first. Before them all the dialogue: it repeats what either side
 * said, and the text of a refusal in it must not be counted again.
 */
export const REFUSAL_READERS: readonly LineReader[] = [
  ...DIALOGUE_READERS,
  readRuleset,
  readDiscarded,
  readMessageText,
  readInvalidSender,
  readBareLineEnd,
  readTcpWrappers,
];

/** Tried after everything that could look like an address followed by dots. */
export const ADDRESS_READERS: readonly LineReader[] = [readAddressRefusal, readRecipientText];
