/**
 * How sendmail brings a text under a queue id and cuts what is too long for syslog (conf.c, sm_syslog): into
 * `QID[1]: begin ...`, `QID[2]: rest`, after a comma or blank where there is one.
 */

/** SYSLOG_BUFSIZE. */
const LINE_SIZE = 1024;
/** What sendmail takes the header of a line to need: process id, tag, stamp (SyslogPrefixLen). */
const PREFIX_SIZE = 41;
/** `[999]`. */
const NUMBER_SIZE = 5;
/** Blank and dots at the end of a part, and something to follow. */
const RESERVE = 7;
const MOST_PARTS = 999;

/** The lines of one text, which is escaped already; `id` is empty where none is printed. */
export function splitText(id: string, text: string): readonly string[] {
  const size = id.length + PREFIX_SIZE;
  if (text.length + size + 1 < LINE_SIZE) return [id === '' ? text : `${id}: ${text}`];
  const lines: string[] = [];
  const room = LINE_SIZE - size - NUMBER_SIZE;
  let begin = 0;
  while (text.length - begin > room && lines.length < MOST_PARTS - 1) {
    const end = endOfPart(text, begin, room - RESERVE);
    lines.push(`${id}[${lines.length + 1}]: ${text.slice(begin, end)} ...`);
    begin = end;
  }
  const isTooLong = lines.length >= MOST_PARTS - 1 && text.length - begin > room;
  const last = isTooLong ? 'log terminated, too many parts' : text.slice(begin);
  if (last !== '') lines.push(`${id}[${lines.length + 1}]: ${last}`);
  return lines;
}

/** Behind the last comma or blank of the part, or where it is full. */
function endOfPart(text: string, begin: number, room: number): number {
  for (let at = begin + room; at > begin; at -= 1) {
    if (text[at] === ',' || text[at] === ' ') return at + 1;
  }
  return begin + room;
}
