/**
 * The parameters of MAIL and RCPT (RFC 5321 4.1.2), cut as sendmail cuts them, and xtext (RFC 3461 4), in
 * which ENVID=, ORCPT= and AUTH= are written.
 */

export interface EsmtpParameter {
  /** In upper case; empty where there was something that cannot be a keyword. */
  readonly keyword: string;
  /** As typed, for replies. */
  readonly typed: string;
  /** Null: no equals sign. */
  readonly value: string | null;
}

/** A character that ends a value, and is lost. */
const VALUE = /^[^ =\p{Cc}]*/u;
const KEYWORD = /^[A-Za-z0-9-]*/;

export function esmtpParameters(text: string): readonly EsmtpParameter[] {
  const parameters: EsmtpParameter[] = [];
  let rest = text.trimStart();
  while (rest !== '') {
    const typed = KEYWORD.exec(rest)?.[0] ?? '';
    let at = typed.length;
    let value: string | null = null;
    if (rest[at] === '=') {
      value = VALUE.exec(rest.slice(at + 1))?.[0] ?? '';
      at += 1 + value.length;
    }
    parameters.push({ keyword: typed.toUpperCase(), typed, value });
    rest = rest.slice(at + 1).trimStart();
  }
  return parameters;
}

/** The text that xtext stands for; null where it is not xtext. */
export function decodeXtext(text: string): string | null {
  if (!/^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/.test(text)) return null;
  return text.replace(/\+([0-9A-F]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

export function encodeXtext(text: string): string {
  return text.replace(
    /[^!-*,-<>-~]/g,
    (char) => `+${(char.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
