/**
 * An address cut into tokens as sendmail's prescan() does it: operators by themselves, everything else as
 * atoms, comments gone. The tokens are what the rules of a configuration file work on.
 *
 * Promises: no input makes it throw, and it does not read past the address: behind a blank outside of
 * brackets, quotes and comments stand the parameters of the command.
 */
import type { Reply } from '../model.ts';

export type Tokens = readonly string[];

export type Scan =
  | { readonly kind: 'tokens'; readonly tokens: Tokens; readonly end: number }
  | { readonly kind: 'refused'; readonly reply: Reply; readonly end: number };

export type ScanLimit = 'blank' | 'end';

/** sendmail's OperatorChars, and those it cannot do without. */
const OPERATORS = new Set('.:%@!^/[]+()<>,;\r\n');
const BLANK = /\s/;
const MOST_TOKEN_BYTES = 256;
/** Of its buffer each token takes its bytes and an end. */
const MOST_BYTES = 1250;

/** Reads from the start of `text` to its end, or to a blank where parameters may follow. */
export function prescan(text: string, limit: ScanLimit = 'end'): Scan {
  const scanner = new Scanner(text, limit);
  return scanner.scan();
}

/** The tokens as text again: between two atoms, where a blank was, stands `space`. */
export function joinTokens(tokens: Tokens, space = '.'): string {
  let text = '';
  let wasAtom = false;
  for (const token of tokens) {
    const isAtom = !OPERATORS.has(token);
    text += wasAtom && isAtom ? space + token : token;
    wasAtom = isAtom;
  }
  return text;
}

class Scanner {
  readonly #text: string;
  readonly #stopsAtBlank: boolean;
  readonly #tokens: string[] = [];
  #at = 0;
  #atom = '';
  #bytes = 0;
  #angles = 0;
  #comments = 0;
  #isQuoted = false;

  constructor(text: string, limit: ScanLimit) {
    this.#text = text;
    this.#stopsAtBlank = limit === 'blank';
  }

  scan(): Scan {
    for (; this.#at < this.#text.length; this.#at += 1) {
      const char = this.#text.charAt(this.#at);
      if (this.#isOver(char)) break;
      const wrong = this.#read(char);
      if (wrong !== undefined) return this.#refuse('5.0.0', wrong);
    }
    this.#endAtom();
    const wrong = this.#unbalanced();
    if (wrong !== undefined) return this.#refuse('5.0.0', wrong);
    return this.#checkSize();
  }

  #isOver(char: string): boolean {
    const isOutside = this.#angles === 0 && this.#comments === 0 && !this.#isQuoted;
    return this.#stopsAtBlank && isOutside && BLANK.test(char);
  }

  /** What is wrong with it, if something is. */
  #read(char: string): string | undefined {
    if (char === '\\') return this.#escape();
    if (this.#isQuoted) {
      this.#atom += char;
      if (char === '"') this.#isQuoted = false;
      return undefined;
    }
    if (char === '(' || this.#comments > 0) return this.#comment(char);
    if (char === ')') return "Unbalanced ')'";
    if (char === '"') {
      this.#isQuoted = true;
      this.#atom += char;
    } else if (BLANK.test(char) && char !== '\r' && char !== '\n') this.#endAtom();
    else if (OPERATORS.has(char)) return this.#operator(char);
    else this.#atom += char;
    return undefined;
  }

  #escape(): string | undefined {
    this.#at += 1;
    const isBang = this.#text.charAt(this.#at) === '!' && !this.#isQuoted;
    // Shells ask for this backslash; it means nothing.
    if (isBang && this.#comments === 0) return this.#operator('!');
    if (this.#comments === 0) this.#atom += `\\${this.#text.charAt(this.#at)}`;
    // Alone at the very end it stands for nothing.
    if (this.#at >= this.#text.length && this.#atom.endsWith('\\')) {
      this.#atom = this.#atom.slice(0, -1);
    }
    return undefined;
  }

  #comment(char: string): undefined {
    if (char === '(') {
      this.#endAtom();
      this.#comments += 1;
    } else if (char === ')') this.#comments -= 1;
    return undefined;
  }

  #operator(char: string): string | undefined {
    this.#endAtom();
    this.#push(char);
    if (char === '<') this.#angles += 1;
    else if (char === '>') {
      if (this.#angles === 0) return "Unbalanced '>'";
      this.#angles -= 1;
    }
    return undefined;
  }

  #endAtom(): void {
    if (this.#atom !== '') this.#push(this.#atom);
    this.#atom = '';
  }

  #push(token: string): void {
    this.#tokens.push(token);
    this.#bytes += token.length + 1;
  }

  #unbalanced(): string | undefined {
    if (this.#comments > 0) return "Unbalanced '('";
    if (this.#isQuoted) return "Unbalanced '\"'";
    return this.#angles > 0 ? "Unbalanced '<'" : undefined;
  }

  #checkSize(): Scan {
    if (this.#tokens.some((token) => token.length > MOST_TOKEN_BYTES)) {
      return this.#refuse('5.1.0', 'prescan: token too long');
    }
    if (this.#bytes > MOST_BYTES) return this.#refuse('5.1.1', 'Address too long');
    return { kind: 'tokens', tokens: this.#tokens, end: this.#at };
  }

  #refuse(status: string, text: string): Scan {
    // Where it does not end properly, everything belongs to it.
    const end = text.startsWith('Unbalanced') ? this.#text.length : this.#at;
    return { kind: 'refused', reply: { code: 553, status, text }, end };
  }
}
