/** The two sites of the play as files: what an administrator would have written. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { passwordEntry } from '../../../mta/auth/password-file.ts';
import { passwordOf } from './traffic.ts';
import { ACCESS, ALIASES, CAMPUS, FRIENDS, INTERNET, LAB_NETWORK, USERS } from './world.ts';

export interface SitePlace {
  readonly folder: string;
  readonly port: number;
  readonly submissionPort: number;
  readonly nameServer: string;
}

/** The path of its mta.toml. */
export async function writeCampus(place: SitePlace): Promise<string> {
  const { folder, port, submissionPort, nameServer } = place;
  mkdirSync(join(folder, 'mail'), { recursive: true, mode: 0o755 });
  const put = (name: string, text: string) => writeFileSync(join(folder, name), text);
  put('passwd', passwd(USERS));
  put('aliases', ALIASES);
  put('access', ACCESS);
  put('relay-domains', `${LAB_NETWORK}\n`);
  put('local-host-names', `${CAMPUS.domain}\n`);
  put('hosts', '127.0.0.1 localhost\n');
  put('sendmail.st', '');
  const entries = await Promise.all(USERS.map((user) => passwordEntry(user, passwordOf(user))));
  put('passwords', `${entries.join('\n')}\n`);
  const values = {
    Hostname: CAMPUS.host,
    DaemonPortOptions: [
      `Name=MTA-v4, Addr=${CAMPUS.address}, Port=${port}`,
      `Name=MSP-v4, Addr=${CAMPUS.address}, Port=${submissionPort}, M=Ea`,
    ],
    SmtpPort: port,
    SourceAddress: CAMPUS.address,
    Fw: 'local-host-names',
    FR: 'relay-domains',
    AccessMap: 'access',
    AliasFile: ['aliases'],
    UserFile: 'passwd',
    ForwardPath: '$z/.forward',
    MailboxPath: join(folder, 'mail', '%u'),
    HostsFile: 'hosts',
    DnsServers: [nameServer],
    AuthFile: 'passwords',
    AuthMechanisms: ['PLAIN', 'LOGIN'],
    AuthWithoutTls: true,
    MaxMessageSize: 500_000,
    QueueDirectory: 'mqueue',
    QueueInterval: '10m',
    MaxQueueInterval: '40m',
    LogFile: 'maillog',
    StatusFile: 'sendmail.st',
  };
  put('mta.toml', toml(values));
  return join(folder, 'mta.toml');
}

export function writeInternet(place: Omit<SitePlace, 'submissionPort'>): string {
  const { folder, port, nameServer } = place;
  mkdirSync(join(folder, 'mail'), { recursive: true, mode: 0o755 });
  const put = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const [[, host, address]] = INTERNET as [(typeof INTERNET)[number]];
  put('passwd', passwd(FRIENDS));
  put('hosts', '127.0.0.1 localhost\n');
  const values = {
    Hostname: host,
    DaemonPortOptions: INTERNET.map(
      ([, , at], index) => `Name=MTA${index}, Addr=${at}, Port=${port}`,
    ),
    SmtpPort: port,
    SourceAddress: address,
    Cw: INTERNET.map(([domain]) => domain),
    CR: ['127.20.0'],
    UserFile: 'passwd',
    MailboxPath: join(folder, 'mail', '%u'),
    HostsFile: 'hosts',
    DnsServers: [nameServer],
    QueueDirectory: 'mqueue',
    QueueInterval: '10m',
    LogFile: 'maillog',
  };
  put('mta.toml', toml(values));
  return join(folder, 'mta.toml');
}

/** As whoever plays it: nobody else may be given files. */
function passwd(users: readonly string[]): string {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  return users.map((user) => `${user}:x:${uid}:${gid}::/nonexistent:/bin/sh\n`).join('');
}

function toml(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join('');
}
