/**
 * The tables, names and rules of a site, made of its configuration: what is read from files at the start, and again
 * when the MTA is told to (SIGHUP). Maps, aliases and users are looked at again by themselves when they change.
 */
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import type { MtaConfig } from '../config/mta-config.ts';
import { AliasDirectory } from './aliases/alias-directory.ts';
import { AliasFile } from './aliases/alias-file.ts';
import { AliasExpander, type ExpanderOptions } from './aliases/expander.ts';
import { UserTable } from './aliases/users.ts';
import type { Owner } from './courier/safe-folder.ts';
import { MapFile } from './map/open-map.ts';
import type { ControllingUser, Destination, Resolution } from './model.ts';
import { AccessMap } from './policy/access.ts';
import { BadSenders } from './policy/bad-senders.ts';
import { parseRelayDomains } from './policy/relay-domains.ts';
import { Rulesets } from './policy/rulesets.ts';
import type { DnsList, PolicyDns } from './policy/site.ts';
import { AddressRouting, directDeliveryProblem } from './route/address-resolver.ts';
import { canonicalDomain } from './route/canonical-domain.ts';
import { Dns, type NameService } from './route/dns.ts';
import { addressInLiteral } from './route/ip.ts';
import { LocalNames, parseNameList } from './route/local-names.ts';
import { MailHosts } from './route/mx-hosts.ts';

const MAP_WATCH_MS = 2_000;

export interface Site {
  readonly names: LocalNames;
  readonly dns: NameService;
  readonly routing: AddressRouting;
  readonly hosts: MailHosts;
  readonly users: UserTable;
  readonly aliases: AliasFile;
  readonly directory: AliasDirectory;
  readonly expander: AliasExpander;
  readonly expanderOptions: ExpanderOptions;
  readonly defaultUser: Owner;
  readonly access: AccessMap | null;
  readonly rulesets: Rulesets;
  /** Where an address that a client named leads: not to programs and files. */
  resolve(address: string): Promise<Resolution>;
  isDeliverable(destination: Destination): Promise<boolean>;
  /** The local user whose address this is. */
  userOf(shown: string, address: string): Promise<ControllingUser | null>;
  close(): void;
}

/** `onProblem` hears of what is odd in a file; what cannot be read rejects. */
export async function openSite(
  config: MtaConfig,
  hostname: string,
  onProblem: (text: string) => void,
): Promise<Site> {
  const maps = new Maps(onProblem);
  try {
    return await makeSite(config, hostname, maps, onProblem);
  } catch (error) {
    maps.close();
    throw error;
  }
}

async function makeSite(
  config: MtaConfig,
  hostname: string,
  maps: Maps,
  onProblem: (text: string) => void,
): Promise<Site> {
  const access = await maps.open(config.AccessMap);
  const virtusertable = await maps.open(config.VirtUserTable);
  const mailertable = await maps.open(config.MailerTable);
  const names = new LocalNames({
    hostName: hostname,
    addresses: ownAddresses(),
    names: [...config.Cw, ...parseNameList(await textOf(config.Fw))],
  });
  const dns = new Dns({ servers: config.DnsServers, hosts: await textOf(config.HostsFile, true) });
  const routing = new AddressRouting({
    names,
    ...(virtusertable === null ? {} : { virtusertable }),
    ...(mailertable === null ? {} : { mailertable }),
    ...(config.DS === null ? {} : { smartHost: config.DS }),
    ...(config.Canonify ? { canonical: (domain: string) => canonicalDomain(dns, domain) } : {}),
  });
  const users = new UserTable(config.UserFile ?? '/etc/passwd');
  const aliases = new AliasFile(config.AliasFile, (parsed) => {
    for (const { line, text } of parsed.errors) onProblem(`aliases: line ${line}: ${text}`);
  });
  const defaultUser = ownerOf(config.DefaultUser ?? '8:0');
  const expanderOptions: ExpanderOptions = {
    aliases,
    users,
    resolver: routing,
    defaultUser,
    hostName: hostname,
    forwardPaths: forwardPaths(config.ForwardPath ?? ''),
    onRefused: (path, why) => onProblem(`${path}: ${why}`),
  };
  const directory = new AliasDirectory(expanderOptions);
  const accessMap = access === null ? null : new AccessMap(access);
  return {
    names,
    dns,
    routing,
    hosts: new MailHosts({ dns, names }),
    users,
    aliases,
    directory,
    expander: new AliasExpander(expanderOptions),
    expanderOptions,
    defaultUser,
    access: accessMap,
    rulesets: await rulesetsOf(config, { hostname, names, access: accessMap, dns }, onProblem),
    resolve: (address) => resolveForClient(routing, address),
    isDeliverable: (destination) => directory.isDeliverable(destination),
    userOf: (shown, address) => localUser(routing, users, shown, address),
    close: () => maps.close(),
  };
}

interface RulesParts {
  readonly hostname: string;
  readonly names: LocalNames;
  readonly access: AccessMap | null;
  readonly dns: NameService;
}

async function rulesetsOf(
  config: MtaConfig,
  { hostname, names, access, dns }: RulesParts,
  onProblem: (text: string) => void,
): Promise<Rulesets> {
  const relays = parseRelayDomains([await textOf(config.FR), ...config.CR].join('\n'));
  for (const { line, text } of relays.problems) {
    onProblem(`${config.FR ?? 'CR'}: line ${line}: ${text}`);
  }
  return new Rulesets({
    hostName: hostname,
    isLocalDomain: (domain) => names.has(domain),
    access,
    relayDomains: relays.domains,
    badSenders: new BadSenders(await textOf(config.BadMailFrom)),
    dns: policyDns(dns),
    dnsLists: config.Dnsbl.map(dnsListOf),
    acceptsUnresolvable: config.AcceptUnresolvableDomains,
    acceptsUnqualified: config.AcceptUnqualifiedSenders,
    blocksRecipients: true,
    blocksBadHelo: config.BlockBadHelo,
    requiresName: config.RequireRdns,
    defaultLimits: { ClientRate: config.ClientRate, ClientConn: config.ClientConn },
    trustedMechanisms: config.AuthFile === null ? [] : config.TrustAuthMech,
    limitCode: 421,
  });
}

function dnsListOf(text: string): DnsList {
  const [zone = '', ...message] = text.trim().split(/\s+/);
  return message.length === 0 ? { zone } : { zone, message: message.join(' ') };
}

async function resolveForClient(routing: AddressRouting, address: string): Promise<Resolution> {
  const resolution = await routing.resolve(address);
  if (resolution.kind === 'error') return resolution;
  const reply = directDeliveryProblem(resolution.destination);
  return reply === null ? resolution : { kind: 'error', reply };
}

async function localUser(
  routing: AddressRouting,
  users: UserTable,
  shown: string,
  address: string,
): Promise<ControllingUser | null> {
  if (address === '') return null;
  const resolution = await routing.resolve(address);
  if (resolution.kind === 'error' || resolution.destination.mailer !== 'local') return null;
  const user = users.find(resolution.destination.user);
  if (user === null) return null;
  return { shown, uid: user.uid, gid: user.gid, fullName: user.fullName };
}

function policyDns(dns: NameService): PolicyDns {
  return {
    async resolves(domain) {
      const literal = addressInLiteral(domain);
      const asked =
        literal === null ? [dns.mx(domain), dns.addresses(domain)] : [dns.names(literal)];
      const outcomes = await Promise.all<{ readonly kind: string }>(asked);
      if (outcomes.some(({ kind }) => kind === 'found')) return 'yes';
      return outcomes.some(({ kind }) => kind === 'temporary') ? 'unknown' : 'no';
    },
    async addresses(name) {
      const outcome = await dns.addresses(name);
      if (outcome.kind === 'temporary') return 'unknown';
      return outcome.kind === 'found' ? outcome.value : [];
    },
  };
}

/** Maps that are open, all closed together. */
class Maps {
  readonly #onProblem: (text: string) => void;
  readonly #files: MapFile[] = [];

  constructor(onProblem: (text: string) => void) {
    this.#onProblem = onProblem;
  }

  async open(path: string | null): Promise<MapFile | null> {
    if (path === null) return null;
    const file = await MapFile.open(path, { onProblem: this.#onProblem });
    file.watch(MAP_WATCH_MS);
    this.#files.push(file);
    return file;
  }

  close(): void {
    for (const file of this.#files) file.close();
  }
}

async function textOf(path: string | null, mayBeMissing = false): Promise<string> {
  if (path === null) return '';
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    if (mayBeMissing && (error as { code?: string }).code === 'ENOENT') return '';
    throw error;
  }
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).map(({ address }) => address),
  );
}

/** `8:0`. */
function ownerOf(text: string): Owner {
  const [uid = Number.NaN, gid = Number.NaN] = text.split(':').map(Number);
  if (!Number.isInteger(uid) || !Number.isInteger(gid)) {
    throw new Error(`DefaultUser is ${text}, but must be uid:gid`);
  }
  return { uid, gid };
}

/** sendmail's macros as the expander has them. */
function forwardPaths(text: string): readonly string[] {
  return text.split(':').map((path) => path.replaceAll('$z', '%h').replaceAll('$u', '%u'));
}
