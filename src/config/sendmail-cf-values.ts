/** The O lines of a sendmail.cf: options by their names, or by the single letters of old, as our settings. */
import { durationOf } from './mta-config.ts';
import { MTA_SETTINGS, type MtaSetting, type MtaSettingKey } from './mta-settings.ts';
import { OLD_OPTIONS, OPTION_NOTES } from './sendmail-cf-words.ts';

/** Where they go. */
export interface CfValues {
  set(key: MtaSettingKey, value: unknown, remark?: string): void;
  add(key: MtaSettingKey, values: readonly string[]): void;
  /** Why a line is left out. */
  note(text: string): void;
}

/** ` AliasFile=/etc/mail/aliases` or `A/etc/mail/aliases`. */
export function takeOption(rest: string, found: CfValues): void {
  const { name, value } = optionOf(rest);
  if (value === '') return;
  const key = name.toLowerCase();
  const special = SPECIAL[key];
  if (special !== undefined) {
    special(value, found);
    return;
  }
  if (key.startsWith('timeout.')) {
    takeTimeout(name.slice('timeout.'.length), value, found);
    return;
  }
  const setting = (Object.keys(MTA_SETTINGS) as MtaSettingKey[]).find(
    (one) => one.toLowerCase() === key && TAKEN.has(one),
  );
  if (setting !== undefined) takeSetting(setting, value, found);
  else
    found.note(
      `O ${name}=${value}: ${OPTION_NOTES[key.split('.', 1)[0] ?? ''] ?? 'there is no such setting'}`,
    );
}

/** A letter that is none of ours keeps its name. */
function optionOf(rest: string): { readonly name: string; readonly value: string } {
  if (rest.startsWith(' ')) {
    const at = rest.indexOf('=');
    if (at < 0) return { name: rest.trim(), value: '' };
    return { name: rest.slice(0, at).trim(), value: rest.slice(at + 1).trim() };
  }
  const letter = rest.charAt(0);
  // A switch without a value is on.
  return { name: OLD_OPTIONS[letter] ?? letter, value: rest.slice(1).trim() || 'True' };
}

/** Options that have the same name, kind and meaning here. */
const TAKEN = new Set<MtaSettingKey>([
  'MaxMessageSize',
  'MaxHeadersLength',
  'MaxRecipientsPerMessage',
  'BadRcptThrottle',
  'MaxHopCount',
  'MaxDaemonChildren',
  'MaxAliasRecursion',
  'LogLevel',
  'QueueDirectory',
  'StatusFile',
  'ServerCertFile',
  'ServerKeyFile',
  'CACertFile',
  'SMTPUTF8',
]);

const REMARKS: Partial<Record<MtaSettingKey, string>> = {
  QueueDirectory:
    'our queue files are not those of sendmail: let it deliver what waits there first (sendmail -q), or name another folder',
  ServerKeyFile: 'must be readable for the user it runs as',
};

function takeSetting(key: MtaSettingKey, value: string, found: CfValues): void {
  const { type } = MTA_SETTINGS[key] as MtaSetting;
  if (type === 'count') takeCount(key, value, found);
  else if (type === 'boolean') found.set(key, /^[ty1]/i.test(value));
  else if (type !== 'path') found.set(key, value);
  else if (value.startsWith('/') && !/[*|]/.test(value)) found.set(key, value, REMARKS[key]);
  else found.note(`O ${key}=${value}: one file or folder is meant here, with its whole name`);
}

function takeCount(key: MtaSettingKey, value: string, found: CfValues): void {
  const number = Number(/^\d{1,15}/.exec(value)?.[0] ?? Number.NaN);
  if (Number.isSafeInteger(number)) found.set(key, number);
  else found.note(`O ${key}=${value}: no number`);
}

const words = (value: string): readonly string[] =>
  value.split(/[\s,]+/).filter((word) => word !== '');

/** By the name in lower case. */
const SPECIAL: Readonly<Record<string, (value: string, found: CfValues) => void>> = {
  aliasfile: takeAliases,
  daemonportoptions: (value, found) => found.add('DaemonPortOptions', [value]),
  smtpgreetingmessage: takeGreeting,
  forwardpath: takeForward,
  privacyoptions: (value, found) => found.set('PrivacyOptions', privacyOf(value)),
  deliverymode: takeMode,
  minfreeblocks: (value, found) => {
    // Of old the limit of a message stood behind it.
    const [blocks = '', size] = value.split('/');
    takeCount('MinFreeBlocks', blocks, found);
    if (size !== undefined) takeCount('MaxMessageSize', size, found);
  },
  defaultuser: (value, found) => {
    const ids = /^(\d{1,9})[:.](\d{1,9})$/.exec(value);
    if (ids !== null) found.set('DefaultUser', `${ids[1]}:${ids[2]}`);
    else found.note(`O DefaultUser=${value}: set DefaultUser = "uid:gid" with their numbers`);
  },
  authmechanisms: takeMechanisms,
  inputmailfilters: (value, found) => found.set('InputMailFilters', words(value)),
  timeout: takeTimeouts,
  queuetimeout: (value, found) => {
    const [back = '', warning] = value.split('/');
    takeTimeout('queuereturn', back, found);
    if (warning !== undefined) takeTimeout('queuewarn', warning, found);
  },
  maxqueueage: (value, found) => takeDuration('MaxQueueInterval', value, 'm', found),
};

/** `hash:/etc/mail/aliases, /etc/mail/lists`. */
function takeAliases(value: string, found: CfValues): void {
  const paths: string[] = [];
  for (const part of value.split(',').map((one) => one.trim())) {
    const [, type = '', path = ''] = /^(?:([a-z]+):)?(?:-\S+\s+)*(.*)$/i.exec(part) ?? [];
    const isFile = /^(?:|hash|btree|dbm|cdb|text|implicit|files|sequence)$/.test(
      type.toLowerCase(),
    );
    if (isFile && path.startsWith('/')) paths.push(path);
    else if (part !== '') found.note(`O AliasFile=${part}: aliases come from files only`);
  }
  if (paths.length > 0) found.add('AliasFile', paths);
}

/** Only homes and users are known in it. */
function takeForward(value: string, found: CfValues): void {
  const all = value.split(':');
  const paths = all.filter((path) => !/\$(?![zu])/.test(path) && path !== '');
  if (paths.length > 0) found.set('ForwardPath', paths.join(':'));
  const others = all.filter((path) => path !== '' && !paths.includes(path));
  if (others.length > 0)
    found.note(`O ForwardPath: ${others.join(':')}: only $z and $u can stand in it`);
}

/** Sendmail puts ESMTP behind the first word itself. */
function takeGreeting(value: string, found: CfValues): void {
  if (/\$(?![jvZb])/.test(value)) {
    found.note(`O SmtpGreetingMessage=${value}: only $j, $v, $Z and $b can stand in it`);
    return;
  }
  const isTold = /^\S+ ESMTP\b/.test(value);
  found.set('SmtpGreetingMessage', isTold ? value : value.replace(/^(\S+)/, '$1 ESMTP'));
}

const GOAWAY = [
  'needmailhelo',
  'needexpnhelo',
  'needvrfyhelo',
  'noexpn',
  'novrfy',
  'noverb',
  'authwarnings',
];

function privacyOf(value: string): readonly string[] {
  const all = words(value.toLowerCase()).filter((word) => word !== 'public');
  return [...new Set(all.flatMap((word) => (word === 'goaway' ? GOAWAY : [word])))];
}

function takeMode(value: string, found: CfValues): void {
  switch (value.charAt(0).toLowerCase()) {
    case 'b':
      found.set('DeliveryMode', 'background');
      return;
    case 'i':
      found.set(
        'DeliveryMode',
        'background',
        'the cf has interactive: here nobody waits for a delivery',
      );
      return;
    case 'q':
    case 'd':
      found.set('DeliveryMode', 'queueonly');
      return;
    default:
      found.note(`O DeliveryMode=${value}: background or queueonly`);
  }
}

const MECHANISMS = new Set(['PLAIN', 'LOGIN', 'CRAM-MD5']);

function takeMechanisms(value: string, found: CfValues): void {
  const all = words(value.toUpperCase());
  const ours = all.filter((name) => MECHANISMS.has(name));
  if (ours.length > 0) {
    found.set(
      'AuthMechanisms',
      ours,
      'there is AUTH once AuthFile names a file of users ("maillog mta passwd")',
    );
  }
  const others = all.filter((name) => !MECHANISMS.has(name));
  if (others.length > 0) found.note(`O AuthMechanisms: there is no ${others.join(', no ')}`);
}

/** By the part behind `Timeout.`; and the unit of a bare number, as readcf.c has it. */
const TIMEOUTS: Readonly<Record<string, readonly [MtaSettingKey, string]>> = {
  command: ['Timeout.command', 'm'],
  datablock: ['Timeout.datablock', 'm'],
  connect: ['Timeout.connect', 'm'],
  initial: ['Timeout.initial', 'm'],
  datafinal: ['Timeout.datafinal', 'm'],
  queuereturn: ['Timeout.queuereturn', 'd'],
  'queuereturn.normal': ['Timeout.queuereturn', 'd'],
  queuewarn: ['Timeout.queuewarn', 'h'],
  'queuewarn.normal': ['Timeout.queuewarn', 'h'],
};
const OF_OLD: readonly MtaSettingKey[] = [
  'Timeout.command',
  'Timeout.datablock',
  'Timeout.datafinal',
];

function takeTimeout(name: string, value: string, found: CfValues): void {
  const timeout = TIMEOUTS[name.toLowerCase()];
  if (timeout === undefined)
    found.note(`O Timeout.${name}=${value}: as long as sendmail usually waits`);
  else takeDuration(timeout[0], value, timeout[1], found);
}

/** `Or15m`: the same for all, or `command=5m,datablock=1h`. */
function takeTimeouts(value: string, found: CfValues): void {
  for (const part of value.split(',').map((one) => one.trim())) {
    const [name = '', length] = part.split('=');
    if (length !== undefined) takeTimeout(name, length, found);
    else for (const key of OF_OLD) takeDuration(key, part, 'm', found);
  }
}

function takeDuration(key: MtaSettingKey, value: string, unit: string, found: CfValues): void {
  const text = value.toLowerCase().replace(/\s+/g, '').replace(/(\d)$/, `$1${unit}`);
  if (durationOf(text) !== null) found.set(key, text);
  else found.note(`O ${key}=${value}: no time`);
}
