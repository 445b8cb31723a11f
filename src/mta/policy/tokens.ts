/**
 * Text in the pieces in which sendmail's rulesets see it (prescan and cataddr of parseaddr.c): atoms,
 * operators of one character, quoted strings; comments in parentheses are left out. Joined again, only two
 * atoms have a blank between them, which is why `refused, see` becomes `refused,see`.
 */

/** OperatorChars of the standard configuration, with sendmail's own delimiters. */
const OPERATORS = new Set('.:%@!^/[]+()<>,;\r\n"');
const BLANKS = new Set(' \t\r\n\f\v');
/** MAXATOM of sendmail: no address has more. */
const MOST_TOKENS = 1000;

/** Null for what sendmail cannot read: open quotes, comments or brackets, too many tokens. */
export function tokenize(text: string): string[] | null {
  const tokens: string[] = [];
  let angles = 0;
  for (let at = 0; at < text.length; ) {
    const end = tokenEnd(text, at);
    if (end === null || tokens.length > MOST_TOKENS) return null;
    const token = text.slice(at, end);
    if (token === '<') angles += 1;
    if (token === '>') angles -= 1;
    if (angles < 0) return null;
    if (!BLANKS.has(token[0] ?? ' ') && token[0] !== '(') tokens.push(token);
    at = end;
  }
  return angles === 0 ? tokens : null;
}

export function joinTokens(tokens: readonly string[]): string {
  let text = '';
  let wasAtom = false;
  for (const token of tokens) {
    const isAtom = !OPERATORS.has(token[0] ?? '');
    text += wasAtom && isAtom ? ` ${token}` : token;
    wasAtom = isAtom;
  }
  return text;
}

/** Without quotes; of a character behind a backslash only the character. */
export function stripQuotes(text: string): string {
  return text.replaceAll(/\\(.)|["\\]/gs, '$1');
}

/** Without control characters, which would end or confuse a line of a reply. */
export function printable(text: string): string {
  return text.replaceAll(/[^ -~\x80-\xff]+/g, ' ');
}

/**
 * The tokens of what is inside a quoted string, as the dequote map gives it; as it was where it holds blanks
 * or is no balanced text.
 */
export function dequote(tokens: readonly string[]): readonly string[] {
  const [token = ''] = tokens;
  if (tokens.length !== 1 || !token.startsWith('"')) return tokens;
  const inner = token.slice(1, -1);
  if (/[ \t]/.test(inner) || !isBalanced(inner)) return tokens;
  return tokenize(inner) ?? tokens;
}

function isBalanced(text: string): boolean {
  const plain = text.replaceAll(/\\./gs, '');
  return !/[\\"]/.test(plain) && nests(plain, '<', '>') && nests(plain, '(', ')');
}

function nests(text: string, open: string, close: string): boolean {
  let depth = 0;
  for (const char of text) {
    if (char === open) depth += 1;
    else if (char === close) depth -= 1;
    if (depth < 0) return false;
  }
  return depth === 0;
}

function tokenEnd(text: string, at: number): number | null {
  const char = text[at] ?? '';
  if (char === '"') return quotedEnd(text, at);
  if (char === '(') return commentEnd(text, at);
  if (BLANKS.has(char)) return at + 1;
  if (OPERATORS.has(char)) return char === ')' ? null : at + 1;
  let end = at;
  for (; end < text.length; end++) {
    const next = text[end] ?? '';
    if (next === '\\') end += 1;
    else if (OPERATORS.has(next) || BLANKS.has(next)) break;
  }
  // A backslash at the very end escapes nothing.
  return end > text.length ? null : end;
}

function quotedEnd(text: string, at: number): number | null {
  for (let end = at + 1; end < text.length; end++) {
    if (text[end] === '\\') end += 1;
    else if (text[end] === '"') return end + 1;
  }
  return null;
}

function commentEnd(text: string, at: number): number | null {
  let depth = 0;
  for (let end = at; end < text.length; end++) {
    if (text[end] === '\\') end += 1;
    else if (text[end] === '(') depth += 1;
    else if (text[end] === ')') depth -= 1;
    if (depth === 0) return end + 1;
  }
  return null;
}
