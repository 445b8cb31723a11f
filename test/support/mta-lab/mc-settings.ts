/**
 * Lines of a sendmail.mc as settings of ours: what the lab's scenarios say to sendmail, and what a site that moves
 * would have to say. Both forms of a line are known: `define(...)`, `FEATURE(...)` and the like, with or without
 * `dnl`. A line that has no counterpart throws, so that no scenario is played with half of its configuration.
 */

type Values = Record<string, unknown>;

const TIMEOUTS: Readonly<Record<string, string>> = {
  confTO_COMMAND: 'Timeout.command',
  confTO_DATABLOCK: 'Timeout.datablock',
  confTO_CONNECT: 'Timeout.connect',
  confTO_INITIAL: 'Timeout.initial',
  confTO_DATAFINAL: 'Timeout.datafinal',
  confTO_QUEUEWARN: 'Timeout.queuewarn',
  confTO_QUEUERETURN: 'Timeout.queuereturn',
};
const COUNTS: Readonly<Record<string, string>> = {
  confMAX_MESSAGE_SIZE: 'MaxMessageSize',
  confMAX_HOP: 'MaxHopCount',
  confMAX_RCPTS_PER_MESSAGE: 'MaxRecipientsPerMessage',
  confBAD_RCPT_THROTTLE: 'BadRcptThrottle',
  confMAX_HEADERS_LENGTH: 'MaxHeadersLength',
  confMIN_FREE_BLOCKS: 'MinFreeBlocks',
  confMAX_DAEMON_CHILDREN: 'MaxDaemonChildren',
  confMAX_ALIAS_RECURSION: 'MaxAliasRecursion',
  confLOG_LEVEL: 'LogLevel',
};
const PATHS: Readonly<Record<string, string>> = {
  confSERVER_CERT: 'ServerCertFile',
  confSERVER_KEY: 'ServerKeyFile',
  confCACERT: 'CACertFile',
};
const TEXTS: Readonly<Record<string, string>> = {
  confSMTP_LOGIN_MSG: 'SmtpGreetingMessage',
  confFORWARD_PATH: 'ForwardPath',
  confDEF_USER_ID: 'DefaultUser',
  SMART_HOST: 'DS',
};
/** Features that are a setting. */
const FLAGS: Readonly<Record<string, string>> = {
  accept_unresolvable_domains: 'AcceptUnresolvableDomains',
  accept_unqualified_senders: 'AcceptUnqualifiedSenders',
  block_bad_helo: 'BlockBadHelo',
  require_rdns: 'RequireRdns',
};
/** Of no meaning to ours, or ours always: */
const NOTHING = new Set([
  'confAUTH_REALM',
  'confCACERT_PATH',
  'confCLIENT_CERT',
  'confCLIENT_KEY',
  'confTLS_SRV_OPTIONS',
  'confTO_IDENT',
  'confTO_ICONNECT',
]);

export function settingsOfMc(lines: readonly string[]): Values {
  const values: Values = {};
  for (const line of lines.flatMap((text) => text.split('\n'))) {
    const text = line.replace(/dnl.*$/s, '').trim();
    if (text !== '') take(text, values);
  }
  return values;
}

function take(text: string, values: Values): void {
  const [, macro = '', inner = ''] = /^([A-Za-z_]+)\((.*)\)$/s.exec(text) ?? [];
  const parts = [...inner.matchAll(/`([^']*)'|([^,`'\s][^,]*)/g)].map(
    ([, quoted, bare]) => quoted ?? bare ?? '',
  );
  const [name = '', ...rest] = parts;
  const known = MACROS[macro]?.(name, rest, values);
  if (known !== true) throw new Error(`no setting for ${text}`);
}

const MACROS: Readonly<
  Record<string, (name: string, rest: readonly string[], values: Values) => boolean>
> = {
  define: (name, [value = ''], values) => define(name, value, values),
  FEATURE: feature,
  TRUST_AUTH_MECH: (names, _, values) => {
    values.TrustAuthMech = names.split(' ').filter((one) => one !== 'DIGEST-MD5');
    return true;
  },
  DAEMON_OPTIONS: (options, _, values) => {
    add(values, 'daemons', options.replace(/Family=inet, */, ''));
    return true;
  },
  INPUT_MAIL_FILTER: (name, [options = ''], values) => {
    add(values, 'InputMailFilters', `${name}, ${options}`);
    return true;
  },
};

function define(name: string, value: string, values: Values): boolean {
  const [timeout, count, path, text] = [TIMEOUTS[name], COUNTS[name], PATHS[name], TEXTS[name]];
  const only = timeout ?? path ?? text;
  if (only !== undefined) values[only] = value;
  else if (count !== undefined) values[count] = Number(value);
  else if (name === 'confAUTH_MECHANISMS') {
    values.AuthMechanisms = value.split(' ').filter((one) => one !== 'DIGEST-MD5');
  } else if (name === 'confPRIVACY_FLAGS') values.PrivacyOptions = value.split(/, */);
  else if (name === 'confDELIVERY_MODE') {
    values.DeliveryMode =
      value.startsWith('b') || value.startsWith('i') ? 'background' : 'queueonly';
  } else return NOTHING.has(name);
  return true;
}

function feature(name: string, rest: readonly string[], values: Values): boolean {
  const [first = '', second = ''] = rest;
  const flag = FLAGS[name];
  if (flag !== undefined) {
    values[flag] = true;
    return true;
  }
  switch (name) {
    case 'greet_pause':
      values.GreetPause = `${Math.ceil(Number(first === '' ? '0' : first) / 1000)}s`;
      return true;
    case 'dnsbl':
    case 'enhdnsbl':
      add(values, 'Dnsbl', `${first} ${messageOf(second)}`.trim());
      return true;
    case 'nocanonify':
      values.Canonify = false;
      return true;
    case 'access_db':
    case 'ratecontrol':
    case 'conncontrol':
    case 'delay_checks':
    case 'always_add_domain':
    case 'nouucp':
    case 'local_procmail':
    case 'blocklist_recipients':
    case 'use_cw_file':
    case 'virtusertable':
    case 'mailertable':
    case 'no_default_msa':
      return true;
    default:
      return false;
  }
}

/** Of a list of the DNS: `"550 Spam from " $&{client_addr}`. */
function messageOf(text: string): string {
  return text
    .replace(/"? *\$&\{client_addr\} *"?/g, ' ADDRESS ')
    .replaceAll('"', '')
    .trim();
}

function add(values: Values, key: string, value: string): void {
  const before = values[key];
  values[key] = [...(Array.isArray(before) ? before : []), value];
}
