/**
 * The header of a message as it comes in: where it ends, which fields it has, what is missing (RFC 5322). Fields
 * stay as they are; only whole fields are added, above all the Received: field (RFC 5321 4.4).
 *
 * A line that cannot be a header field ends the header, as in sendmail: somebody who types a message by hand
 * writes no header at all.
 */

/** A field name: printable ASCII without the colon; sendmail allows blanks before the colon. */
const FIELD = /^([!-9;-~]+)[ \t]*:/;
const CONTINUED = /^[ \t]/;

/** Fields that say that the message has passed a server: each counts as a hop. */
const TRACE_FIELDS = new Set(['received', 'x400-received', 'via', 'mail-from']);

/** `Precedence:` as sendmail.cf classes it. */
const CLASSES: Readonly<Record<string, number>> = {
  'first-class': 0,
  'special-delivery': 100,
  list: -30,
  bulk: -60,
  junk: -100,
};

export interface MessageHead {
  /** The header's bytes, up to and without the empty line or the first line of the body. */
  readonly bytes: Buffer;
  /** What follows: begins with the empty line, or with the body if there is none. */
  readonly hasSeparator: boolean;
  /** Verbatim, blanks around it removed; null: none, or an empty one. */
  readonly messageId: string | null;
  readonly class: number;
  readonly hops: number;
  readonly hasFrom: boolean;
  readonly hasDate: boolean;
  /** Names in lower case, in order. */
  readonly fields: readonly { readonly name: string; readonly value: string }[];
}

/** Where the header of `bytes` ends: at the empty line or the first line that is no field; -1: not yet. */
export function headEnd(bytes: Buffer, isWhole: boolean): number {
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0)
      return isWhole && !isField(bytes.toString('latin1', at), at) ? at : endOf(bytes, isWhole);
    if (end === at || !isField(bytes.toString('latin1', at, Math.min(end, at + 200)), at))
      return at;
    at = end + 1;
  }
  return endOf(bytes, isWhole);
}

function endOf(bytes: Buffer, isWhole: boolean): number {
  return isWhole ? bytes.length : -1;
}

function isField(line: string, at: number): boolean {
  return FIELD.test(line) || (at > 0 && CONTINUED.test(line));
}

export function readHead(bytes: Buffer, hasSeparator: boolean): MessageHead {
  const fields = fieldsOf(bytes.toString('latin1'));
  const first = (name: string) => fields.find((field) => field.name === name)?.value ?? null;
  return {
    bytes,
    hasSeparator,
    messageId: first('message-id') || null,
    class: CLASSES[(first('precedence') ?? '').toLowerCase()] ?? 0,
    hops: fields.filter(({ name }) => TRACE_FIELDS.has(name)).length,
    hasFrom: first('from') !== null,
    hasDate: first('date') !== null,
    fields,
  };
}

function fieldsOf(text: string): { name: string; value: string }[] {
  const fields: { name: string; value: string }[] = [];
  for (const line of text.split('\n')) {
    const last = fields.at(-1);
    const name = FIELD.exec(line);
    if (name !== null) {
      const value = line.slice(name[0].length).trim();
      fields.push({ name: (name[1] as string).toLowerCase(), value });
    } else if (last !== undefined && CONTINUED.test(line)) {
      last.value = `${last.value}\n${line}`.trim();
    }
  }
  return fields;
}
