/**
 * Every setting of the MTA as data, under the name it has in a sendmail.cf where it has one (op.me, "Options"):
 * `AliasFile` is the line `O AliasFile=`, `DS` the macro S, `Fw` and `FR` the files of the classes w and R.
 */

export type MtaSettingType =
  | 'text'
  | 'path'
  | 'paths'
  | 'list'
  | 'count'
  | 'boolean'
  /** Milliseconds; written `30s`, `5m`, `4h`, `5d`, `1w`, or several (`1h30m`). */
  | 'duration'
  | readonly string[];

export interface MtaSetting {
  readonly type: MtaSettingType;
  /** As it would be written in the file; null: not set. */
  readonly initial: string | number | boolean | readonly string[] | null;
  readonly meaning: string;
}

interface Typed<Type extends MtaSettingType> extends MtaSetting {
  readonly type: Type;
}

function setting<const Type extends MtaSettingType>(
  type: Type,
  initial: MtaSetting['initial'],
  meaning: string,
): Typed<Type> {
  return { type, initial, meaning };
}

/** By the key in the file. `[Timeout]` is a table there: `Timeout.queuereturn`. */
export const MTA_SETTINGS = {
  // Who we are
  Hostname: setting('text', null, 'our name ($j); not set: that of the machine'),
  Domain: setting(
    'text',
    null,
    'what short names are completed with; not set: what follows our name',
  ),
  DaemonPortOptions: setting(
    'list',
    ['Name=MTA-v4, Addr=127.0.0.1, Port=25', 'Name=MSP-v4, Addr=127.0.0.1, Port=587, M=a'],
    'where it listens: Name, Addr, Port, M=s (TLS at once), M=a (only with AUTH)',
  ),
  SmtpGreetingMessage: setting('text', '$j ESMTP Sendmail $v/$Z; $b', 'the first reply'),
  Wording: setting(['8.17', '8.9'], '8.17', 'whose words replies have'),
  Version: setting('text', '8.17.1.9', 'the version we say: $v, or $v/$Z'),

  // For whom mail is taken
  Fw: setting(
    'path',
    null,
    'file of the names we receive mail for (sendmail.cw, local-host-names)',
  ),
  Cw: setting('list', [], 'such names'),
  FR: setting('path', null, 'file of domains and networks that may relay (relay-domains)'),
  CR: setting('list', [], 'such domains and networks'),
  AccessMap: setting('path', null, 'the access map: text, or made by makemap'),
  BadMailFrom: setting('path', null, 'file of senders that are refused'),
  Dnsbl: setting(
    'list',
    [],
    'lists of the DNS whose clients are refused: `zone`, `zone 550 text with ADDRESS`',
  ),
  AcceptUnqualifiedSenders: setting('boolean', false, 'take senders without a domain'),
  BlockBadHelo: setting('boolean', false, 'refuse clients whose HELO is ours or no name'),
  RequireRdns: setting('boolean', false, 'refuse clients without a name that leads back to them'),
  AcceptUnresolvableDomains: setting('boolean', false, 'take senders whose domain does not exist'),
  UserMessagesPerHour: setting(
    'count',
    0,
    'messages an authenticated user may send; 0: any number',
  ),
  UserRecipientsPerDay: setting('count', 0, 'recipients such a user may name'),
  HostMessagesPerHour: setting('count', 0, 'messages a relaying client may send'),
  HostRecipientsPerDay: setting('count', 0, 'recipients such a client may name'),
  InputMailFilters: setting('list', [], 'milters: `name, S=inet:port@host, F=T, T=S:10s;R:10s`'),
  ContentFilter: setting('list', [], 'a program that judges messages, with its arguments'),

  // Where mail goes
  Canonify: setting(
    'boolean',
    true,
    'look domains up for their real name, as FEATURE(nocanonify) does not',
  ),
  DS: setting('text', null, 'smart host: all that is not for us goes there'),
  MailerTable: setting('path', null, 'other ways for some domains'),
  VirtUserTable: setting('path', null, 'addresses of virtual domains'),
  AliasFile: setting('paths', [], 'aliases'),
  MaxAliasRecursion: setting('count', 10, 'aliases of aliases'),
  ForwardPath: setting('text', '$z/.forward', "where users' .forward files are; $z is the home"),
  UserFile: setting('path', '/etc/passwd', 'our users, in the form of passwd(5)'),
  DefaultUser: setting('text', '8:0', 'uid:gid for programs and files of aliases'),
  Mailbox: setting(['mbox', 'maildir', 'lmtp', 'program'], 'mbox', 'how local mail is delivered'),
  MailboxPath: setting('text', '/var/mail/%u', 'mailboxes: %u is the user, %h the home'),
  LocalMailer: setting('list', [], 'program for local mail, with its arguments ($u, $h, $g)'),
  LmtpServer: setting('text', null, 'host:port or the path of a socket'),
  ProgramTimeout: setting('duration', '10m', 'how long a program may take'),
  DnsServers: setting('list', [], "address[:port] of name servers; none: the system's"),
  HostsFile: setting('path', '/etc/hosts', 'names that are known without the DNS'),
  SmtpPort: setting('count', 25, 'port of other hosts'),
  SourceAddress: setting('text', null, 'address that connections to other hosts come from'),
  ClientTls: setting(['never', 'may', 'require'], 'may', 'TLS to other hosts'),
  AuthInfo: setting('text', null, 'user:password for the smart host'),

  // Limits
  MaxMessageSize: setting('count', 0, 'bytes; 0: any size'),
  MaxHeadersLength: setting('count', 32_768, 'bytes of a header'),
  MaxRecipientsPerMessage: setting('count', 0, 'recipients of one message; 0: any number'),
  BadRcptThrottle: setting('count', 0, 'refused recipients after which RCPT takes a second'),
  MaxHopCount: setting('count', 25, 'servers a message may have passed'),
  MinFreeBlocks: setting('count', 100, 'KiB that stay free on the disk'),
  MaxDaemonChildren: setting('count', 0, 'clients at a time; 0: any number'),
  ClientRate: setting('count', 0, 'connections a minute from one client; 0: any number'),
  ClientConn: setting('count', 0, 'connections at a time from one client; 0: any number'),
  GreetPause: setting('duration', '0s', 'how long a client must wait for the greeting'),
  PrivacyOptions: setting(
    'list',
    [
      'authwarnings',
      'needmailhelo',
      'needexpnhelo',
      'needvrfyhelo',
      'restrictexpand',
      'nobodyreturn',
    ],
    'what is kept from clients',
  ),
  SMTPUTF8: setting('boolean', true, 'take addresses beyond ASCII'),

  // TLS and AUTH
  ServerCertFile: setting('path', null, 'certificate, with those above it'),
  ServerKeyFile: setting('path', null, 'its key'),
  CACertFile: setting('path', null, 'whom certificates of clients and servers are checked against'),
  AuthFile: setting('path', null, 'users and their passwords; not set: no AUTH'),
  AuthMechanisms: setting('list', ['PLAIN', 'LOGIN', 'CRAM-MD5'], 'in the order they are offered'),
  TrustAuthMech: setting(
    'list',
    ['PLAIN', 'LOGIN', 'CRAM-MD5'],
    'mechanisms whose users may relay, as TRUST_AUTH_MECH',
  ),
  AuthWithoutTls: setting('boolean', false, 'passwords may come in clear text'),

  // Queue
  QueueDirectory: setting('path', null, 'the queue; not set: in the state folder'),
  DeliveryMode: setting(
    ['background', 'queueonly'],
    'background',
    'at once, or with the next queue run',
  ),
  QueueInterval: setting('duration', '30m', 'how long a message waits at first (sendmail -q)'),
  MaxQueueInterval: setting('duration', '4h', 'how long it waits at most'),
  MaxDeliveries: setting('count', 20, 'deliveries at a time'),
  MaxDeliveriesPerHost: setting('count', 5, 'of them to one host'),

  // Log and statistics
  LogLevel: setting('count', 9, "how much is logged: sendmail's levels"),
  LogTag: setting('text', 'sm-mta', 'the program in the log'),
  LogFile: setting('path', null, 'a file that is logged to'),
  LogFormat: setting(['traditional', 'iso'], 'traditional', "the stamps of that file's lines"),
  Syslog: setting('text', null, 'path of a syslog socket, or host:port for UDP'),
  StatusFile: setting('path', null, 'sendmail.st; it must exist to be written'),

  // How long others may take
  'Timeout.ident': setting(
    'duration',
    '0s',
    'for who is connecting (RFC 1413); 0s: nobody is asked',
  ),
  'Timeout.command': setting('duration', '1h', 'for the next command of a client'),
  'Timeout.datablock': setting('duration', '1h', 'for the next bytes of a message'),
  'Timeout.connect': setting('duration', '2m', 'until another host answers'),
  'Timeout.initial': setting('duration', '5m', 'for its greeting'),
  'Timeout.reply': setting('duration', '5m', 'for its replies'),
  'Timeout.datafinal': setting('duration', '1h', 'for its reply to a message'),
  'Timeout.queuewarn': setting('duration', '4h', 'until a sender hears that mail waits'),
  'Timeout.queuereturn': setting('duration', '5d', 'until mail goes back'),
} as const satisfies Readonly<Record<string, MtaSetting>>;

export type MtaSettingKey = keyof typeof MTA_SETTINGS;
