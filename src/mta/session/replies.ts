/** Replies of SMTP as text: codes, enhanced status codes (RFC 3463), several lines (RFC 5321 4.2.1). */
import type { Reply } from '../model.ts';

/** `reply('250 2.1.0 <a@b>... Sender ok')` as a value. */
export function reply(code: number, status: string, text: string): Reply {
  return { code, status, text };
}

/** The lines with CR LF. Nothing in a text can begin a line of its own. */
export function replyText({ code, status, text }: Reply, isClassic = false): string {
  const prefix = isClassic || status === '' ? '' : `${status} `;
  const lines = text.split('\n');
  return lines
    .map((line, index) => {
      const mark = index === lines.length - 1 ? ' ' : '-';
      return `${code}${mark}${prefix}${clean(line)}\r\n`;
    })
    .join('');
}

/** sendmail shows what it does not print as \ooo. */
function clean(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\0-\x08\x0a-\x1f\x7f]/g, (byte) => {
    return `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`;
  });
}
