/** Text from outside for one line of a message: nothing in it can end the line or begin a field. */

/** The text with blanks for control characters, cut to `limit`. */
export function oneLine(text: string, limit: number): string {
  // One character is a byte: what does not fit into one cannot have come from the wire.
  return text.slice(0, limit).replace(/[\p{Cc}]|[^\0-\xff]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code > 0xff) return '?';
    return code >= 0x80 ? character : ' ';
  });
}

/** xtext (RFC 3461 section 4) as it was meant. */
export function xtextDecoded(text: string): string {
  return text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
