/** In what form a log's stamps are, told by its first line that has one. */
import { StampKind, SyslogHeader } from '../../format/syslog-header.ts';

const NEWLINE = 0x0a;
const LESS = 0x3c;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

/** Bytes of a log by which its form is told. */
export const SAMPLE_BYTES = 64 * 1024;

/** The form in words, or null if no line of the sample begins with a stamp that can be read. */
export function stampForm(sample: Buffer): string | null {
  const header = new SyslogHeader();
  let start = 0;
  while (start < sample.length) {
    const found = sample.indexOf(NEWLINE, start);
    const end = found < 0 ? sample.length : found;
    if (header.read(sample, start, end)) return formOf(header.kind, sample, start);
    start = end + 1;
  }
  return null;
}

function formOf(kind: StampKind, sample: Buffer, start: number): string {
  let at = start;
  const hasPriority = sample[start] === LESS;
  if (hasPriority) at = sample.indexOf('>', start) + 1;
  if (hasPriority && sample[at + 1] === 0x20) return 'RFC 5424';
  const first = sample[at] ?? 0;
  const priority = hasPriority ? ' behind a priority' : '';
  if (kind === StampKind.yearless) return `traditional (no year, no zone)${priority}`;
  const name = first >= DIGIT_0 && first <= DIGIT_9 ? 'ISO 8601' : 'traditional with a year';
  return `${name}${kind === StampKind.local ? ' (no zone)' : ''}${priority}`;
}
