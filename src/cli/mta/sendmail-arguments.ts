/**
 * The command line of sendmail(8) as other programs write it: single letters whose value stands behind them or
 * after them. What we have no use for is passed over, as sendmail passes over what it does not know any more.
 */

export type SendmailMode =
  | 'message'
  | 'smtp'
  | 'mailq'
  | 'newaliases'
  | 'flush'
  | 'verify'
  | 'other';

export interface SendmailRequest {
  readonly mode: SendmailMode;
  /** As given: `-bd`, for what cannot be done. */
  readonly modeText: string;
  readonly recipients: readonly string[];
  /** Recipients are those of the header, too (-t). */
  readonly takesHeader: boolean;
  /** A line with a dot is a line with a dot (-i). */
  readonly ignoresDots: boolean;
  /** Null: whoever runs it; empty: the null sender. */
  readonly sender: string | null;
  readonly fullName: string | null;
  /** Of DSN: NOTIFY, RET and ENVID. */
  readonly notify: string | null;
  readonly ret: string | null;
  readonly envid: string | null;
  /** The MTA's configuration (-C). */
  readonly config: string | null;
}

export type SendmailArguments =
  | { readonly kind: 'request'; readonly request: SendmailRequest }
  | { readonly kind: 'usage'; readonly problem: string };

const MODES: Readonly<Record<string, SendmailMode>> = {
  m: 'message',
  s: 'smtp',
  p: 'mailq',
  i: 'newaliases',
  v: 'verify',
};
/** Their value may be the next word. */
const WITH_VALUE = new Set('BCFfhLNORrVXpMA'.split(''));
/** A value, where there is one, is in the same word. */
const ALONE = new Set('aboqdeiImnstTUvGcD'.split(''));
const NOTIFY = /^(?:never|(?:success|failure|delay)(?:,(?:success|failure|delay))*)$/i;

type Draft = { -readonly [Key in keyof SendmailRequest]: SendmailRequest[Key] };

export function sendmailArguments(args: readonly string[]): SendmailArguments {
  const draft: Draft = {
    mode: 'message',
    modeText: '-bm',
    recipients: [],
    takesHeader: false,
    ignoresDots: false,
    sender: null,
    fullName: null,
    notify: null,
    ret: null,
    envid: null,
    config: null,
  };
  const words = [...args];
  while (words[0]?.startsWith('-') === true && words[0] !== '-') {
    const word = words.shift() ?? '';
    if (word === '--') break;
    const problem = takeWord(word, words, draft);
    if (problem !== null) return { kind: 'usage', problem };
  }
  return { kind: 'request', request: { ...draft, recipients: words } };
}

/** What is wrong with it, or null. */
function takeWord(word: string, rest: string[], draft: Draft): string | null {
  const long = /^--mta-config(?:=(.*))?$/.exec(word);
  if (long !== null) {
    draft.config = long[1] ?? rest.shift() ?? null;
    return draft.config === null ? '--mta-config needs a file' : null;
  }
  const letter = word.charAt(1);
  let value = word.slice(2);
  if (WITH_VALUE.has(letter) && value === '') {
    const next = rest.shift();
    if (next === undefined) return `-${letter} requires an argument`;
    value = next;
  } else if (!WITH_VALUE.has(letter) && !ALONE.has(letter)) {
    return `illegal option -- ${letter}`;
  }
  return takeLetter(letter, value, draft);
}

function takeLetter(letter: string, value: string, draft: Draft): string | null {
  const take = LETTERS[letter];
  return take === undefined ? null : (take(draft, value) ?? null);
}

/** A text is what is wrong. */
const LETTERS: Readonly<Record<string, (draft: Draft, value: string) => string | undefined>> = {
  b: (draft, value) => {
    draft.mode = MODES[value] ?? 'other';
    draft.modeText = `-b${value}`;
    return undefined;
  },
  q: (draft) => {
    draft.mode = 'flush';
    return undefined;
  },
  t: (draft) => {
    draft.takesHeader = true;
    return undefined;
  },
  i: (draft) => {
    draft.ignoresDots = true;
    return undefined;
  },
  o: (draft, value) => {
    if (value === 'i' || value === 'iTrue') draft.ignoresDots = true;
    return undefined;
  },
  f: takeSender,
  r: takeSender,
  F: (draft, value) => {
    draft.fullName = value;
    return undefined;
  },
  N: (draft, value) => {
    draft.notify = value.toUpperCase();
    return NOTIFY.test(value) ? undefined : `Invalid -N argument: ${value}`;
  },
  R: (draft, value) => {
    draft.ret = value.toUpperCase();
    return /^(?:full|hdrs)$/i.test(value) ? undefined : `Invalid -R value: ${value}`;
  },
  V: (draft, value) => {
    draft.envid = value;
    return /^[!-*,-<>-~]{1,100}$/.test(value) ? undefined : 'Invalid syntax in -V flag';
  },
  C: (draft, value) => {
    draft.config = value;
    return undefined;
  },
};

function takeSender(draft: Draft, value: string): undefined {
  draft.sender = /^<(.*)>$/.exec(value)?.[1] ?? value;
}
