/**
 * A sendmail.cf (op.me, "The Whole Scoop on the Configuration File") as an mta.toml: its options, macros, classes,
 * maps and milters under our settings, and a comment for each line that has none, with what that means.
 *
 * Promises: pure; any bytes give a file that our own reader takes; nothing of the cf ends a comment or a string.
 */
import { MTA_SETTINGS, type MtaSettingKey } from './mta-settings.ts';
import { type CfLine, cfLines, lineOf } from './sendmail-cf-lines.ts';
import { type CfValues, takeOption } from './sendmail-cf-values.ts';

interface Note {
  readonly line: number;
  readonly text: string;
}

/** What has been understood so far. */
class Import implements CfValues {
  readonly values = new Map<MtaSettingKey, { value: unknown; line: number }>();
  readonly remarks = new Map<MtaSettingKey, string>();
  readonly notes: Note[] = [];
  readonly milters = new Map<string, string>();
  readonly classes = new Map<string, number>();
  rules = 0;
  headers = 0;
  localRules: Note[] = [];
  line = 0;

  set(key: MtaSettingKey, value: unknown, remark?: string): void {
    this.values.set(key, { value, line: this.line });
    if (remark !== undefined) this.remarks.set(key, remark);
  }

  add(key: MtaSettingKey, values: readonly string[]): void {
    const before = this.values.get(key);
    const all = [...((before?.value as readonly string[] | undefined) ?? []), ...values];
    this.values.set(key, { value: all, line: before?.line ?? this.line });
  }

  note(text: string): void {
    this.notes.push({ line: this.line, text });
  }
}

/** `name` is what the file is called in the comments. */
export function importSendmailCf(text: string, name: string): string {
  const found = new Import();
  for (const line of cfLines(text)) {
    found.line = line.number;
    takeLine(line, found);
  }
  joinMilters(found);
  takeDefaults(found);
  return tomlOf(found, name);
}

type Take = (rest: string, found: Import) => void;

/** By the first character of a line. */
const TAKERS: Readonly<Record<string, Take>> = {
  O: takeOption,
  D: takeMacro,
  C: takeClass,
  F: takeClassFile,
  K: takeMap,
  M: takeMailer,
  X: (rest, found) => found.milters.set(lineOf(rest.split(',', 1)[0] ?? ''), rest.trim()),
  R: takeRule,
  S: (rest, found) => {
    found.localRules.push({ line: found.line, text: rest.trim() });
  },
  H: (_, found) => {
    found.headers += 1;
  },
  P: (rest, found) => {
    if (!USUAL_PRECEDENCES.has(rest.trim())) found.note(`P${rest}: precedences are the usual ones`);
  },
  V: (rest, found) => {
    const level = Number.parseInt(rest, 10);
    if (level > 0 && level < 9) found.set('Wording', '8.9');
  },
  T: () => undefined,
  L: () => undefined,
  E: (rest, found) => found.note(`E${rest}: programs are given an environment of their own`),
  Q: (rest, found) => found.note(`Q${rest}: there is one queue`),
};

const USUAL_PRECEDENCES = new Set([
  'first-class=0',
  'special-delivery=100',
  'list=-30',
  'bulk=-60',
  'junk=-100',
]);

function takeLine({ text }: CfLine, found: Import): void {
  const take = TAKERS[text.charAt(0)];
  if (take === undefined) found.note(`${text}: not understood`);
  else take(text.slice(1), found);
}

/** `Dj...`, `D{name}...`. */
function takeMacro(rest: string, found: Import): void {
  const { name, value } = named(rest);
  const meaning = MACROS[name];
  if (value === '' || meaning === null) return;
  if (typeof meaning === 'string') found.note(`D${rest}: ${meaning}`);
  else if (meaning === undefined) found.note(`D${rest}: no setting has it`);
  else meaning(value, found);
}

const NO_MACROS = 'a name with macros in it cannot be taken over; set it by hand';

/** A text says why it is left out; null: it goes without saying. */
const MACROS: Readonly<Record<string, ((value: string, found: Import) => void) | string | null>> = {
  j: (value, found) => plain(value, found, 'Hostname'),
  m: (value, found) => plain(value, found, 'Domain'),
  S: (value, found) => found.set('DS', value),
  M: 'From: is not rewritten (masquerading): have programs write the address that is meant',
  R: 'mail for unqualified names stays here',
  H: 'mail for local users stays here',
  L: 'unknown users are refused (no LUSER_RELAY)',
  C: 'there is no relay for other networks',
  B: 'there is no relay for other networks',
  U: 'there is no relay for other networks',
  F: 'there is no relay for other networks',
  n: null,
  Z: null,
  l: null,
  o: null,
  q: null,
  e: null,
  w: (value, found) => plain(value, found, 'Hostname'),
};

function plain(value: string, found: Import, key: 'Hostname' | 'Domain'): void {
  if (value.includes('$')) found.note(`${key} is ${value} in the cf: ${NO_MACROS}`);
  else found.set(key, value);
}

function takeClass(rest: string, found: Import): void {
  const { name, value } = named(rest);
  const words = value.split(/[\s]+/).filter((word) => word !== '');
  const key = CLASSES[name];
  if (key !== undefined) {
    const names = words.filter((word) => !word.includes('$') && word !== 'localhost');
    if (names.length > 0) found.add(key, names);
    if (words.some((word) => word.includes('$'))) found.note(`C${rest}: ${NO_MACROS}`);
  } else if (name in OTHER_CLASSES && words.length > 0) {
    found.note(`C${rest}: ${OTHER_CLASSES[name]}`);
  }
}

const CLASSES: Readonly<Record<string, 'Cw' | 'CR'>> = { w: 'Cw', R: 'CR' };
const CLASS_FILES: Readonly<Record<string, 'Fw' | 'FR'>> = { w: 'Fw', R: 'FR' };
const OTHER_CLASSES: Readonly<Record<string, string>> = {
  M: 'From: is not rewritten (masquerading)',
  N: 'From: is not rewritten (masquerading)',
  E: 'From: is not rewritten (masquerading)',
  t: 'any user may name any sender with -f',
  G: 'there is no generics table',
  VirtHost: 'domains of virtual users are those of Cw and of the table',
  TrustAuthMech: 'who has authenticated may send anywhere, by whatever mechanism',
};

/** `Fw-o /etc/mail/local-host-names %[^\#]`. */
function takeClassFile(rest: string, found: Import): void {
  const { name, value } = named(rest);
  const key = CLASS_FILES[name];
  const path = value.replace(/^-o\s*/, '').split(/\s/, 1)[0] ?? '';
  if (key === undefined)
    found.note(`F${rest}: ${OTHER_CLASSES[name] ?? 'no setting has this class'}`);
  else if (!path.startsWith('/')) found.note(`F${rest}: a class comes from a file only`);
  else if (found.values.has(key)) found.note(`F${rest}: there is one file of this class`);
  else
    found.set(
      key,
      path,
      value.startsWith('-o') ? 'the cf lets it be missing; here it must be there' : undefined,
    );
}

const MAPS: Readonly<Record<string, 'AccessMap' | 'VirtUserTable' | 'MailerTable'>> = {
  access: 'AccessMap',
  virtuser: 'VirtUserTable',
  mailertable: 'MailerTable',
};
/** Of sendmail's own rulesets. */
const INNER_MAPS = new Set([
  'resolve',
  'arith',
  'macro',
  'dequote',
  'dnsbl',
  'ednsbl',
  'host',
  'canonify',
]);

/** `Kaccess hash -T<TMPF> -o /etc/mail/access`. */
function takeMap(rest: string, found: Import): void {
  const [name = '', type = '', ...words] = rest.trim().split(/\s+/);
  const key = MAPS[name];
  if (key === undefined) {
    if (!INNER_MAPS.has(name)) found.note(`K${rest}: no setting has this map`);
    return;
  }
  const path = words.find((word) => word.startsWith('/'));
  if (path === undefined || !['hash', 'btree', 'dbm', 'cdb', 'text', 'implicit'].includes(type)) {
    found.note(`K${rest}: a map of type ${lineOf(type)} cannot be read`);
    return;
  }
  found.set(key, path.replace(/\.(?:db|cdb|pag|dir)$/, ''));
}

const USUAL_MAILERS = new Set([
  'smtp',
  'esmtp',
  'smtp8',
  'dsmtp',
  'relay',
  'prog',
  '*file*',
  '*include*',
]);

function takeMailer(rest: string, found: Import): void {
  const name = /^[^,\s]*/.exec(rest)?.[0] ?? '';
  if (USUAL_MAILERS.has(name)) return;
  const program = /[,\s]P=([^,\s]+)/.exec(rest)?.[1] ?? '';
  const words = /[,\s]A=([^,]*)/.exec(rest)?.[1]?.trim().split(/\s+/) ?? [];
  if (name !== 'local') {
    found.note(`M${name}: there is no such mailer; what the mailertable sends to it is refused`);
    return;
  }
  const list = tomlText([program, ...words.slice(1)]);
  found.note(
    `Mlocal: local mail goes into MailboxPath; for ${lineOf(program)}: Mailbox = "program" and LocalMailer = ${list}`,
  );
}

/** Of the rules only the lists of the DNS are understood; the rest are those of sendmail's own cf, or not. */
function takeRule(rest: string, found: Import): void {
  found.rules += 1;
  const zone = /\$\(\s*e?dnsbl \$4\.\$3\.\$2\.\$1\.([A-Za-z0-9.-]+?)\.? *\$:/.exec(rest)?.[1];
  if (zone !== undefined) found.add('Dnsbl', [zone]);
  const ruleset = found.localRules.at(-1);
  if (ruleset !== undefined && /^Local_/i.test(ruleset.text)) {
    found.note(
      `rule of ${ruleset.text}: site rules cannot be taken over; see AccessMap, milters, ContentFilter`,
    );
  }
}

/** Where sendmail's own defaults are other than ours. */
function takeDefaults(found: Import): void {
  found.line = 0;
  if (!found.values.has('DaemonPortOptions')) {
    found.set('DaemonPortOptions', ['Name=MTA, Port=smtp'], 'the cf names none: all addresses');
  }
  if (!found.values.has('PrivacyOptions')) found.set('PrivacyOptions', [], 'the cf names none');
}

/** Those that InputMailFilters names, in its order. */
function joinMilters(found: Import): void {
  const names =
    (found.values.get('InputMailFilters')?.value as readonly string[] | undefined) ?? [];
  const known = names.filter((name) => found.milters.has(name));
  for (const name of names) {
    if (!known.includes(name)) found.note(`InputMailFilters: there is no X line of ${name}`);
  }
  for (const [name] of found.milters) {
    if (!names.includes(name))
      found.note(`X${name}: InputMailFilters does not name it: not in use`);
  }
  const line = found.values.get('InputMailFilters')?.line;
  if (line === undefined) return;
  found.line = line;
  found.set(
    'InputMailFilters',
    known.map((name) => found.milters.get(name) ?? name),
  );
}

/** `j...` and `{name}...` alike. */
function named(rest: string): { readonly name: string; readonly value: string } {
  const [, long, value = ''] = /^\{([^}]*)\}(.*)$/s.exec(rest) ?? [];
  if (long !== undefined) return { name: long, value: value.trim() };
  return { name: rest.charAt(0), value: rest.slice(1).trim() };
}

function tomlOf(found: Import, name: string): string {
  const lines = [
    `# The mail server's configuration, out of ${lineOf(name)}. "maillog mta config" tells all settings.`,
    '',
  ];
  for (const key of Object.keys(MTA_SETTINGS) as MtaSettingKey[]) {
    const set = found.values.get(key);
    if (set === undefined) continue;
    const remark = found.remarks.get(key);
    if (remark !== undefined) lines.push(`# ${lineOf(remark)}`);
    lines.push(`${key} = ${tomlText(set.value)}${set.line === 0 ? '' : ` # line ${set.line}`}`);
  }
  return [...lines, ...notesOf(found), ''].join('\n');
}

function notesOf({ notes, rules, headers }: Import): readonly string[] {
  const summary = [
    ...(rules === 0
      ? []
      : [
          `# ${rules} rules (R lines): addresses are resolved and checked as by the rulesets that come with sendmail 8.17`,
        ]),
    ...(headers === 0
      ? []
      : [`# ${headers} header definitions (H lines): the usual fields are added`]),
  ];
  if (notes.length === 0 && summary.length === 0) return [];
  const told = notes.map(({ line, text }) => `# line ${line}: ${lineOf(text)}`);
  return ['', '# What was not taken over, and what that means:', ...told, ...summary];
}

/** A basic string of TOML is one of JSON, but for what JSON leaves as it is: the DEL. */
function tomlText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(tomlText).join(', ')}]`;
  return JSON.stringify(value).replaceAll('\x7f', '\\u007f');
}
