/**
 * One member of an alias, a list or a .forward file: a program, a file, a list to include, or an address
 * (aliases(5)).
 */

export type Member =
  | { readonly kind: 'program'; readonly shown: string; readonly command: string }
  | { readonly kind: 'file'; readonly shown: string; readonly path: string }
  | { readonly kind: 'include'; readonly shown: string; readonly path: string }
  /** A user of this machine, whatever the text looks like; `isQuoted`: not aliased or forwarded again. */
  | {
      readonly kind: 'user';
      readonly shown: string;
      readonly user: string;
      readonly isQuoted: boolean;
    }
  | { readonly kind: 'address'; readonly shown: string; readonly address: string };

export function parseMember(text: string): Member {
  const plain = unquoted(text);
  if (plain.startsWith('|'))
    return { kind: 'program', shown: text, command: plain.slice(1).trim() };
  if (/^:include:/i.test(plain)) {
    const path = plain.slice(':include:'.length).trim();
    return { kind: 'include', shown: `:include:${path}`, path };
  }
  if (plain.startsWith('/') && !text.includes('@'))
    return { kind: 'file', shown: text, path: plain };
  if (text.startsWith('\\')) {
    return { kind: 'user', shown: text, user: text.slice(1), isQuoted: true };
  }
  const address = addressOf(text);
  // `error:5.7.1:...` and names in quotes are users of that name: there are none.
  if (/[@!%]/.test(withoutQuoted(address)) || /^[\w.+=-]+$/.test(address)) {
    return { kind: 'address', shown: text, address };
  }
  return { kind: 'user', shown: text, user: unquoted(address), isQuoted: address.includes('\\') };
}

/** Quotes around it all, and backslashes in them, are gone. */
function unquoted(text: string): string {
  if (!(text.startsWith('"') && text.endsWith('"') && text.length > 1)) return text;
  return text.slice(1, -1).replaceAll(/\\(.)/g, '$1');
}

function withoutQuoted(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '');
}

/** What is in the brackets, or all without its comments. */
function addressOf(text: string): string {
  const parts = text.match(/"(?:[^"\\]|\\.)*"|\((?:[^()\\]|\\.)*\)|<|>|[^"()<>]+|./g) ?? [];
  const kept = parts.filter((part) => !(part.startsWith('(') && part.endsWith(')')));
  const [start, end] = [kept.indexOf('<'), kept.lastIndexOf('>')];
  const inner = start !== -1 && end > start ? kept.slice(start + 1, end) : kept;
  return inner.join('').trim();
}
