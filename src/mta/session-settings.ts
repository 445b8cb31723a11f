/** What sessions are told of the configuration, and what they need that is made of it once. */
import { readFile } from 'node:fs/promises';
import type { SecureContext } from 'node:tls';
import { createSecureContext } from 'node:tls';
import type { MtaConfig } from '../config/mta-config.ts';
import { mailDate } from './dates.ts';
import type { MtaLog } from './log/mta-log.ts';
import type { Reply } from './model.ts';
import { parseSmtpPath, replyAbout } from './route/smtp-path.ts';
import type { PathOutcome, SessionAuth, SessionFilter, SessionSettings } from './session/parts.ts';
import type { Site } from './site.ts';

export interface SettingsSurroundings {
  readonly hostname: string;
  readonly version: string;
  readonly zone: string;
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
  if (cert === null || key === null) return null;
  return createSecureContext({
    cert: await readFile(cert),
    key: await readFile(key),
    ...(ca === null ? {} : { ca: await readFile(ca) }),
    minVersion: 'TLSv1.2',
  });
}

/** What stands after MAIL FROM: or RCPT TO:. */
export function typedPath(text: string, side: 'sender' | 'recipient'): PathOutcome {
  const outcome = parseSmtpPath(text, side);
  if (outcome.kind === 'refused') {
    return { kind: 'error', reply: replyAbout(outcome.shown, outcome.reply) };
  }
  const { shown, address, rest } = outcome.path;
  return { kind: 'path', shown, address, parameters: rest };
}

/** VRFY and EXPN. */
export async function described(
  site: Site,
  address: string,
  isList: boolean,
): Promise<readonly string[] | Reply> {
  const { directory } = site;
  const found = await (isList ? directory.describe(address) : directory.verify(address));
  return found.kind === 'known'
    ? found.lines
    : { code: 550, status: '5.1.1', text: 'User unknown' };
}

export async function authOf(_config: MtaConfig): Promise<SessionAuth | null> {
  return null;
}

export async function filterOf(
  _config: MtaConfig,
  _log: MtaLog,
): Promise<((log: MtaLog) => SessionFilter) | null> {
  return null;
}
