/** What sessions are told of the configuration, and what they need that is made of it once. */
import { readFile } from 'node:fs/promises';
import type { SecureContext } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { domainToASCII } from 'node:url';
import type { MtaConfig } from '../config/mta-config.ts';
import { PasswordFile } from './auth/password-file.ts';
import { findMechanism, type Mechanism, SaslExchange } from './auth/sasl.ts';
import { daemonOptions } from './daemon-options.ts';
import { mailDate } from './dates.ts';
import { parseFilter } from './milter/filter-config.ts';
import type { Reply } from './model.ts';
import { NO_LIMITS, OutgoingLimits } from './policy/outgoing-limits.ts';
import { parseSmtpPath, replyAbout } from './route/smtp-path.ts';
import type {
  FilterFacts,
  PathOutcome,
  SessionAuth,
  SessionFilter,
  SessionSettings,
} from './session/parts.ts';
import { SiteFilter } from './session-filter.ts';
import type { Site } from './site.ts';

export interface SettingsSurroundings {
  readonly hostname: string;
  readonly version: string;
  readonly zone: string;
}

export interface AuthSurroundings {
  readonly hostname: string;
  readonly now: () => number;
  readonly onProblem: (text: string) => void;
}

const BLOCK = 1024;

export function sessionSettings(
  config: MtaConfig,
  { hostname, version, zone }: SettingsSurroundings,
): SessionSettings {
  return {
    hostname,
    version,
    greeting: config.SmtpGreetingMessage ?? '$j ESMTP Sendmail $v/$Z; $b',
    date: (time) => mailDate(time, zone),
    privacy: new Set(config.PrivacyOptions.map((option) => option.toLowerCase())),
    maxMessageSize: config.MaxMessageSize,
    maxHeaderBytes: config.MaxHeadersLength,
    maxRecipients: config.MaxRecipientsPerMessage,
    badRecipientThrottle: config.BadRcptThrottle,
    maxHops: config.MaxHopCount,
    minFreeBytes: config.MinFreeBlocks * BLOCK,
    isUtf8Offered: config.SMTPUTF8,
    isAttackDelayed: true,
    timeouts: { command: config['Timeout.command'], data: config['Timeout.datablock'] },
    isClassic: config.Wording === '8.9',
  };
}

/** Null without a certificate. */
export async function secureContext(config: MtaConfig): Promise<SecureContext | null> {
  const { ServerCertFile: cert, ServerKeyFile: key, CACertFile: ca } = config;
  if (cert === null || key === null) {
    if (daemonOptions(config.DaemonPortOptions).some(({ isTls }) => isTls)) {
      throw new Error(
        'a port begins with TLS (M=s), but ServerCertFile and ServerKeyFile are not set',
      );
    }
    return null;
  }
  return createSecureContext({
    cert: await readFile(cert),
    key: await readFile(key),
    ...(ca === null ? {} : { ca: await readFile(ca) }),
    minVersion: 'TLSv1.2',
  });
}

/** What stands after MAIL FROM: or RCPT TO:. Domains beyond ASCII become what the DNS has for them. */
export function typedPath(
  text: string,
  side: 'sender' | 'recipient',
  isUtf8: boolean,
): PathOutcome {
  const outcome = parseSmtpPath(text, side, isUtf8);
  if (outcome.kind === 'refused') {
    return { kind: 'error', reply: replyAbout(outcome.shown, outcome.reply) };
  }
  const { shown, address, rest } = outcome.path;
  return { kind: 'path', shown, address: withAsciiDomain(address), parameters: rest };
}

/** Addresses are bytes of UTF-8, one a character. */
function withAsciiDomain(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  if (at < 0 || !/[\x80-\xff]/.test(domain)) return address;
  const ascii = domainToASCII(Buffer.from(domain, 'latin1').toString());
  return ascii === '' ? address : `${address.slice(0, at)}@${ascii}`;
}

/** VRFY and EXPN. */
export async function described(
  site: Site,
  address: string,
  isList: boolean,
): Promise<readonly string[] | Reply> {
  const { directory } = site;
  const found = await (isList ? directory.describe(address) : directory.verify(address));
  if (found.kind === 'known') return found.lines;
  if (found.kind === 'problem') return found.reply;
  return { code: 550, status: '5.1.1', text: `${address}... User unknown` };
}

/** Null without a file of users. */
export async function authOf(
  config: MtaConfig,
  { hostname, now, onProblem }: AuthSurroundings,
): Promise<SessionAuth | null> {
  const { AuthFile: path, AuthMechanisms, AuthWithoutTls } = config;
  if (path === null) return null;
  const users = new PasswordFile(await readFile(path, 'latin1'));
  for (const { line, text } of users.problems) onProblem(`${path}: line ${line}: ${text}`);
  const server = { users, realm: hostname, now };
  const known = AuthMechanisms.flatMap((name) => findMechanism(name) ?? []);
  return {
    mechanisms: (isSecure) => (isSecure || AuthWithoutTls ? known : []),
    exchange: (mechanism) => new SaslExchange(mechanism as Mechanism, server),
  };
}

/** Null without any. Throws an Error that names the line that is wrong. */
export function filterOf(config: MtaConfig): ((facts: FilterFacts) => SessionFilter) | null {
  const milters = config.InputMailFilters.map((line) => {
    const [name = '', ...rest] = line.split(',');
    const filter = parseFilter(name.trim(), rest.join(','));
    if (typeof filter === 'string') throw new Error(`InputMailFilters: ${filter}`);
    return filter;
  });
  const [program, ...args] = config.ContentFilter;
  if (milters.length === 0 && program === undefined) return null;
  const filters = {
    milters,
    program:
      program === undefined ? null : { program, arguments: args, timeoutMs: config.ProgramTimeout },
  };
  return (facts) => new SiteFilter(filters, facts);
}

/** How much users and hosts may send out. */
export function outgoingLimits(config: MtaConfig, now: () => number): OutgoingLimits {
  return new OutgoingLimits({
    users: {
      ...NO_LIMITS,
      messagesPerHour: config.UserMessagesPerHour,
      recipientsPerDay: config.UserRecipientsPerDay,
    },
    hosts: {
      ...NO_LIMITS,
      messagesPerHour: config.HostMessagesPerHour,
      recipientsPerDay: config.HostRecipientsPerDay,
    },
    isPermanent: false,
    now,
  });
}
