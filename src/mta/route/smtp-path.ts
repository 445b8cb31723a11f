/**
 * What stands behind MAIL FROM: and RCPT TO: (RFC 5321 4.1.2, and all that sendmail takes besides): the
 * path, and the parameters after it.
 *
 * Promises: `shown` is what the client typed, byte for byte; a reply never holds a control character.
 */
import type { Reply } from '../model.ts';
import { canonify, type Focus, syntaxProblem } from './canonify.ts';
import { joinTokens, prescan } from './prescan.ts';

export type PathSide = 'sender' | 'recipient';

export interface SmtpPath {
  /** As typed, with brackets and all: what the log prints. */
  readonly shown: string;
  /** Without brackets, comments, display name and source route; empty for `<>`. */
  readonly address: string;
  /** Of the host it goes to first: `x` and `b.example` for `x%b.example` too. */
  readonly local: string;
  /** In lower case, without a dot at its end; empty where there is none. */
  readonly domain: string;
  /** The parameters, not yet looked at. */
  readonly rest: string;
}

export type PathOutcome =
  | { readonly kind: 'path'; readonly path: SmtpPath }
  | { readonly kind: 'refused'; readonly shown: string; readonly reply: Reply };

const MOST_BYTES = 255;
/** Longer names are cut in the middle where a reply prints them. */
const MOST_SHOWN = 203;
/** Codes with which sendmail does not name the address. */
const NAMELESS_CODES = [501, 551, 552, 554, 555];

/** `text` is what follows the colon of the command; `isUtf8`: addresses may go beyond ASCII (RFC 6531). */
export function parseSmtpPath(text: string, side: PathSide, isUtf8 = false): PathOutcome {
  const start = text.search(/\S|$/);
  const body = text.slice(start);
  const scan = prescan(body, 'blank');
  const shown = body.slice(0, scan.end).trimEnd();
  const refused = (reply: Reply): PathOutcome => ({ kind: 'refused', shown, reply });
  const highReply = highBitProblem(shown, side, isUtf8);
  if (highReply !== null) return refused(highReply);
  if (scan.kind === 'refused') return refused(scan.reply);
  if (shown.length > MOST_BYTES) return refused(tooLong(shown));
  const focus = canonify(scan.tokens);
  const problem = syntaxProblem(focus);
  if (problem !== null) return refused(problem);
  const path = { shown, ...partsOf(focus), rest: body.slice(scan.end).trim() };
  const control = controlProblem(path.address, side);
  return control === null ? { kind: 'path', path } : refused(control);
}

/** The reply as sendmail words it of an address: `550 5.1.1 <nosuch@corp.example>... User unknown`. */
export function replyAbout(shown: string, reply: Reply): Reply {
  if (NAMELESS_CODES.includes(reply.code)) return reply;
  return { ...reply, text: `${shortened(shown)}... ${reply.text}` };
}

/** At most so many bytes, with dots in the middle for what is left out (sendmail's shortenstring). */
export function shortened(text: string, most = MOST_SHOWN): string {
  if (text.length <= most) return text;
  const half = Math.floor((most - 3) / 2);
  return `${text.slice(0, half)}...${text.slice(-half)}`;
}

/** Text of the address alone, and its parts. */
function partsOf(focus: Focus): Pick<SmtpPath, 'address' | 'local' | 'domain'> {
  if (focus.kind === 'null' || focus.kind === 'list') return { address: '', local: '', domain: '' };
  const local = joinTokens(focus.local);
  if (focus.kind === 'local') return { address: local, local, domain: '' };
  const domain = joinTokens(focus.domain);
  const isUucp = focus.domain.at(-1) === 'UUCP';
  const host = isUucp ? domain.slice(0, -'.UUCP'.length) : '';
  const address = isUucp ? `${host}!${local}` : `${local}@${domain}`;
  return { address, local, domain: domain.toLowerCase() };
}

function statusOf(side: PathSide): string {
  return side === 'sender' ? '5.1.7' : '5.1.3';
}

function highBitProblem(shown: string, side: PathSide, isUtf8: boolean): Reply | null {
  if (!/[\x80-\xff]/.test(shown) || (isUtf8 && isWellFormed(shown))) return null;
  const text = `8-bit character in mailbox address "${shown.replace(/[^ -~]/g, '?')}"`;
  return { code: 501, status: statusOf(side), text };
}

/** Whether the bytes are UTF-8 without controls. */
function isWellFormed(shown: string): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(shown, 'latin1'));
    return !/[\u0080-\u009f\u2028\u2029]/.test(text);
  } catch {
    return false;
  }
}

function controlProblem(address: string, side: PathSide): Reply | null {
  const clean = printable(address);
  if (clean === address) return null;
  const text = `Syntax error in mailbox address "${clean}" (non-printable character)`;
  return { code: 501, status: statusOf(side), text };
}

function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\x00-\x1f\x7f]/g, '?');
}

function tooLong(shown: string): Reply {
  const text = `Address "${shown.slice(0, MOST_BYTES)}" too long (255 bytes max)`;
  return { code: 553, status: '5.1.0', text };
}
