/** The mailers by name, as the configuration asks for them. */
import { readFileSync } from 'node:fs';
import type { MtaConfig } from '../config/mta-config.ts';
import { tryLock, unlock } from '../system/file-lock.ts';
import { FileCourier } from './courier/file.ts';
import { LmtpCourier } from './courier/lmtp.ts';
import type { FileLock } from './courier/mailbox-lock.ts';
import { MaildirCourier } from './courier/maildir.ts';
import { MboxCourier } from './courier/mbox.ts';
import { ProgramCourier } from './courier/program.ts';
import type { ConnectionTarget } from './courier/smtp-connection.ts';
import { SmtpCourier } from './courier/smtp-courier.ts';
import type { MtaLog } from './log/mta-log.ts';
import type { Courier, MailerName } from './model.ts';
import type { Site } from './site.ts';

export interface CourierSurroundings {
  readonly site: Site;
  readonly log: MtaLog;
  readonly hostname: string;
  readonly now: () => number;
  readonly onConnect: () => void;
}

const LOCK: FileLock = { tryLock, unlock };

export function couriersOf(
  config: MtaConfig,
  around: CourierSurroundings,
): Readonly<Partial<Record<MailerName, Courier>>> {
  const { site, now } = around;
  const smtp = smtpCourier(config, around);
  const programs = new ProgramCourier({
    users: site.users,
    now,
    timeoutMs: config.ProgramTimeout,
    defaultUser: site.defaultUser,
    ...(config.LocalMailer.length === 0 ? {} : { localMailer: config.LocalMailer }),
  });
  return {
    prog: programs,
    '*file*': new FileCourier({ defaultUser: site.defaultUser, now, lock: LOCK }),
    local: localCourier(config, around, programs),
    ...(config.LmtpServer === null ? {} : { lmtp: lmtpCourier(config.LmtpServer, around) }),
    smtp,
    esmtp: smtp,
    smtp8: smtp,
    dsmtp: smtp,
    relay: smtp,
  };
}

function localCourier(
  config: MtaConfig,
  around: CourierSurroundings,
  programs: ProgramCourier,
): Courier {
  const { site, now, hostname } = around;
  const path = config.MailboxPath ?? '/var/mail/%u';
  switch (config.Mailbox) {
    case 'maildir':
      return new MaildirCourier({ pattern: path, users: site.users, now, hostName: hostname });
    case 'lmtp':
      if (config.LmtpServer === null) throw new Error('Mailbox is lmtp, but LmtpServer is not set');
      return lmtpCourier(config.LmtpServer, around);
    case 'program':
      if (config.LocalMailer.length === 0) {
        throw new Error('Mailbox is program, but LocalMailer is not set');
      }
      return programs;
    case 'mbox':
      if (!/^\/[^%]*\/%u$/.test(path)) {
        throw new Error(
          `MailboxPath is ${path}, but must be a folder and /%u where Mailbox is mbox`,
        );
      }
      return new MboxCourier({
        folder: path.replace(/\/%u$/, ''),
        users: site.users,
        now,
        lock: LOCK,
      });
  }
}

function lmtpCourier(server: string, { log, now, hostname }: CourierSurroundings): Courier {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(server) ?? [];
  const target: ConnectionTarget = server.startsWith('/')
    ? { path: server }
    : { address: host === '' ? server : host, port: Number(port === '' ? 24 : port) };
  return new LmtpCourier({ target, hostName: server, heloName: hostname, log, now });
}

function smtpCourier(config: MtaConfig, around: CourierSurroundings): Courier {
  const { site, log, now, hostname, onConnect } = around;
  const read = (path: string | null) => (path === null ? undefined : readFileSync(path, 'utf8'));
  const [ca, cert, key] = [
    read(config.CACertFile),
    read(config.ServerCertFile),
    read(config.ServerKeyFile),
  ];
  const [user = '', ...password] = (config.AuthInfo ?? '').split(':');
  const smartHost = plainHost(config.DS);
  return new SmtpCourier({
    findHosts: (host) => site.hosts.findHosts(host),
    log,
    heloName: hostname,
    now,
    timeouts: {
      connect: config['Timeout.connect'],
      initial: config['Timeout.initial'],
      datafinal: config['Timeout.datafinal'],
    },
    portOf: () => config.SmtpPort,
    ...(config.SourceAddress === null ? {} : { sourceAddress: config.SourceAddress }),
    tlsPolicyOf: () => config.ClientTls,
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
    // Only to whom it is meant for.
    credentialsOf: (host) =>
      user !== '' && plainHost(host) === smartHost ? { user, password: password.join(':') } : null,
    onConnect,
  });
}

/** `smart.example` of `esmtp:[smart.example]`, of `[smart.example]` and of `smart.example.`. */
function plainHost(text: string | null): string {
  return (text ?? '')
    .replace(/^[\w-]+:(?=\[|[^:]*$)/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();
}
