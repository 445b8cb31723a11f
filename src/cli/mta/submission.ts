/**
 * A message as a program gave it to sendmail, made ready for SMTP: the dot that ends it, recipients out of its
 * header, Bcc: taken out, From:, Date: and Message-Id: put in where they are missing.
 *
 * Text is latin1: one character a byte.
 */
import { splitMembers } from '../../mta/aliases/alias-file.ts';
import { headEnd, readHead } from '../../mta/session/message-head.ts';

export interface Submitted {
  /** With LF line ends, ending with one. */
  readonly text: string;
  /** Of To:, Cc: and Bcc:. */
  readonly recipients: readonly string[];
}

export interface SubmissionWishes {
  readonly takesHeader: boolean;
  readonly ignoresDots: boolean;
  /** The whole field, `From: Ann <ann@campus.example>`. */
  readonly from: string;
  readonly date: string;
  readonly messageId: string;
}

const RECIPIENT_FIELDS = new Set(['to', 'cc', 'bcc']);

export function prepareSubmission(input: Buffer, wishes: SubmissionWishes): Submitted {
  const bytes = Buffer.from(messageText(input, wishes.ignoresDots), 'latin1');
  const end = headEnd(bytes, true);
  const hasSeparator = bytes[end] === 0x0a;
  const head = readHead(bytes.subarray(0, end), hasSeparator);
  const recipients = wishes.takesHeader
    ? head.fields
        .filter(({ name }) => RECIPIENT_FIELDS.has(name))
        .flatMap(({ value }) => addressesIn(value))
    : [];
  const fields = [
    ...(head.hasFrom ? [] : [`From: ${wishes.from}\n`]),
    ...(head.hasDate ? [] : [`Date: ${wishes.date}\n`]),
    ...(head.messageId === null ? [`Message-Id: ${wishes.messageId}\n`] : []),
  ];
  const kept = withoutField(head.bytes.toString('latin1'), 'bcc');
  const body = bytes.toString('latin1', end);
  const separator = hasSeparator ? '' : '\n';
  return { text: `${fields.join('')}${kept}${separator}${body}`, recipients };
}

/** Up to a line with nothing but a dot, with LF at every line's end. */
function messageText(input: Buffer, ignoresDots: boolean): string {
  const text = input.toString('latin1').replaceAll('\r\n', '\n');
  const at = ignoresDots ? -1 : `\n${text}`.search(/\n\.(?:\n|$)/);
  const cut = at < 0 ? text : text.slice(0, at);
  return cut === '' || cut.endsWith('\n') ? cut : `${cut}\n`;
}

/** With the lines that go on from it. */
function withoutField(head: string, name: string): string {
  const field = new RegExp(`^${name}[ \\t]*:.*\\n(?:[ \\t].*\\n)*`, 'gim');
  return head.replace(field, '');
}

/** Addresses of a header field (RFC 5322 3.4): names, comments and groups are taken off. */
export function addressesIn(value: string): readonly string[] {
  const flat = withoutComments(value.replace(/\s+/g, ' '));
  return groupsOpened(flat)
    .flatMap((part) => splitMembers(part))
    .map((one) => (/<([^<>]*)>[^<>]*$/.exec(one)?.[1] ?? one).trim())
    .filter((address) => address !== '');
}

const TOKEN = /"(?:[^"\\]|\\.)*"?|<[^>]*>?|\[[^\]]*\]?|[^"<[]/gs;

/** `Team: ann@x, bob@y;` is its members. */
function groupsOpened(text: string): readonly string[] {
  const parts: string[] = [];
  let current = '';
  for (const [token] of text.matchAll(TOKEN)) {
    // The name of a group goes; what came before it stays.
    if (token === ':') parts.push(current.slice(0, current.lastIndexOf(',') + 1));
    if (token === ';') parts.push(current);
    current = token === ':' || token === ';' ? '' : current + token;
  }
  return [...parts, current];
}

function withoutComments(text: string): string {
  let [out, depth, isQuoted] = ['', 0, false];
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    const pair = char === '\\' ? text.slice(at, at + 2) : char;
    if (char === '"' && depth === 0) isQuoted = !isQuoted;
    if (char === '(' && !isQuoted) depth += 1;
    if (depth === 0) out += pair;
    if (char === ')' && !isQuoted) depth = Math.max(0, depth - 1);
    at += pair.length - 1;
  }
  return out;
}
