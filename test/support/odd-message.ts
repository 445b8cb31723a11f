/** A message that every hop must carry byte for byte: dots, From, long lines, blanks, 8-bit bytes, empty lines. */
import { createHash } from 'node:crypto';

export interface OddMessage {
  readonly id: string;
  readonly from?: string;
  readonly to?: string;
  /** 7-bit only. */
  readonly isPlain?: boolean;
}

const ALL_HIGH = String.fromCharCode(...Array.from({ length: 128 }, (_, index) => 128 + index));

/** With LF line ends, a character a byte. */
export function oddMessage({ id, from, to, isPlain = false }: OddMessage): string {
  const lines = [
    `From: ${from ?? 'ann@partner.example'}`,
    `To: ${to ?? 'alice@corp.example'}`,
    `Subject: folded,`,
    `\tand odd ${id}`,
    `Message-ID: <${id}@lab.example>`,
    'Date: Tue, 24 Nov 2026 06:51:06 +0000',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=iso-8859-1',
    `Content-Transfer-Encoding: ${isPlain ? '7bit' : '8bit'}`,
    'X-Empty:',
    '',
    '.',
    '..',
    '.dot',
    '',
    'From here on it looks like a mailbox',
    '>From there too',
    `long ${'0123456789'.repeat(97)}`,
    '\ttab, and blanks at the end   ',
    isPlain ? 'plain' : ALL_HIGH,
    '',
    '',
  ];
  return `${lines.join('\n')}\n`;
}

export const toCrLf = (text: string): Buffer =>
  Buffer.from(text.replaceAll(/(?<!\r)\n/g, '\r\n'), 'latin1');

const LONGEST_SHOWN = 200_000;

/** What is large, as its header, its length and the hash of its body. */
export function shortened(text: string): string {
  if (text.length <= LONGEST_SHOWN) return text;
  const end = text.indexOf('\n\n') + 2;
  const hash = createHash('sha256').update(text.slice(end), 'latin1').digest('hex');
  return `${text.slice(0, end)}${text.length - end} ${hash}\n`;
}
