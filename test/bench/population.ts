/**
 * Who writes to whom at an invented university: local users, the world's mail domains, and the
 * machines they connect from. All names end in .example (RFC 2606), all addresses are from
 * documentation, benchmarking and private ranges (RFC 5737, 3849, 2544, 1918).
 */
import type { Random } from './random.ts';
import { Zipf } from './random.ts';
import type { Peer, Route } from './traffic-model.ts';
import { MAIL_DOMAIN } from './traffic-model.ts';

const LOCAL_USERS = 20000;
const REMOTE_DOMAINS = 1500;
const BOTS = 6000;
const FIRST =
  'anna ben clara david elif felix greta hannes ines jonas katrin lukas maria niklas olga paul ruth stefan tina uwe vera wolfgang yusuf zoe mehmet sofia andrea giulia pierre chloe james emily'.split(
    ' ',
  );
const LAST =
  'mueller schmidt schneider fischer weber meyer wagner becker schulz hoffmann koch richter klein wolf neumann schwarz zimmermann braun krueger hartmann lange werner krause lehmann koehler maier walter rossi dubois smith jones garcia yilmaz nowak novak ivanova'.split(
    ' ',
  );
const WORDS =
  'alpha north river stone green blue quick solar metro atlas delta prime cloud field harbor summit vector urban global inter'.split(
    ' ',
  );
const TRADES =
  'mail post web labs press shop group institute media systems travel bank books clinic energy sports news'.split(
    ' ',
  );

/** How a domain's exchangers word their answers. */
export const STYLES = ['postfix', 'gmail', 'outlook', 'exim', 'sendmail'] as const;
export type Style = (typeof STYLES)[number];
export type Health = 'up' | 'greylisting' | 'flaky' | 'down' | 'missing';

export interface RemoteDomain {
  readonly rank: number;
  readonly route: Route;
  readonly style: Style;
  readonly health: Health;
}

export interface LocalUser {
  readonly address: string;
  readonly login: string;
  readonly uid: number;
}

export interface NamedPeer {
  readonly peer: Peer;
  readonly helo: string;
}

const at = (list: readonly string[], index: number): string => list[index % list.length] ?? '';

function personName(hash: number): string {
  const number = hash % 7 === 0 ? String(hash % 97) : '';
  return `${at(FIRST, hash)}.${at(LAST, hash >>> 5)}${number}`;
}

function benchmarkIp(number: number): string {
  return `198.${18 + ((number >>> 16) & 1)}.${(number >>> 8) & 255}.${1 + (number % 254)}`;
}

const scramble = (number: number): number => Math.imul(number + 1, 2654435761) >>> 0;

export class Population {
  readonly #random: Random;
  readonly #userRanks = new Zipf(LOCAL_USERS, 0.95);
  readonly #domainRanks = new Zipf(REMOTE_DOMAINS, 1.05);
  readonly #botRanks = new Zipf(BOTS, 0.8);
  readonly #domains: readonly RemoteDomain[];

  constructor(random: Random) {
    this.#random = random;
    this.#domains = Array.from({ length: REMOTE_DOMAINS }, (_, rank) => makeDomain(rank));
  }

  user(): LocalUser {
    return makeUser(this.#userRanks.draw(this.#random));
  }

  /** A name nobody here has: old accounts, guesses, typing errors. */
  unknownAddress(): string {
    const name = personName(this.#random.below(0xffffff));
    return `${name}.${this.#random.below(99)}@${MAIL_DOMAIN}`;
  }

  domain(): RemoteDomain {
    const domain = this.#domains[this.#domainRanks.draw(this.#random)];
    return domain ?? makeDomain(0);
  }

  remoteAddress(domain: RemoteDomain): string {
    const users = 200000 / (domain.rank + 4);
    const person = Math.floor(this.#random.share() ** 3 * users);
    return `${personName(scramble(person * 1511 + domain.rank))}@${domain.route.domain}`;
  }

  /** Mailing systems put the recipient into the sender's address (VERP), unlike people. */
  remoteSender(domain: RemoteDomain): string {
    if (!this.#random.chance(0.12)) return this.remoteAddress(domain);
    return `bounce+${this.#random.hex(12).toLowerCase()}@news.${domain.route.domain}`;
  }

  remoteServer(domain: RemoteDomain): NamedPeer {
    const machine = 1 + this.#random.below(domain.rank < 20 ? 40 : 2);
    const host = `out${machine}.${domain.route.domain}`;
    if (domain.rank % 16 === 7) {
      const ip = `2001:db8:${(domain.rank + 16).toString(16)}::${machine.toString(16)}`;
      return { peer: { host, ip, forged: false }, helo: host };
    }
    const ip = benchmarkIp(40000 + domain.rank * 40 + machine);
    return { peer: { host, ip, forged: false }, helo: host };
  }

  /** A person's machine: on the campus, or at home behind a provider. */
  desk(user: LocalUser): NamedPeer {
    const hash = scramble(user.uid * 4 + this.#random.below(3));
    const helo = `[192.168.${(hash >>> 4) & 15}.${2 + (hash % 250)}]`;
    if (hash % 3 > 0) {
      const ip = `10.${20 + ((hash >>> 16) % 8)}.${(hash >>> 8) & 255}.${1 + (hash % 254)}`;
      const host = `dyn-${ip.replaceAll('.', '-')}.wlan.${MAIL_DOMAIN}`;
      return { peer: { host, ip, forged: false }, helo };
    }
    const ip = benchmarkIp(hash >>> 15);
    const host = `p${ip.replaceAll('.', '-')}.dip0.isp${hash % 9}.example`;
    return { peer: { host, ip, forged: false }, helo };
  }

  /** Servers of the house that may send without a login: teaching platform, printers, monitoring. */
  houseServer(): NamedPeer & { readonly sender: string } {
    const number = Math.floor(this.#random.share() ** 2 * 40);
    const host = `${at(['moodle', 'campus', 'erp', 'library', 'print', 'monitor'], number)}${number}.${MAIL_DOMAIN}`;
    const ip = `10.1.${number % 4}.${10 + number}`;
    return { peer: { host, ip, forged: false }, helo: host, sender: `noreply@${host}` };
  }

  bot(): NamedPeer {
    const number = scramble(this.#botRanks.draw(this.#random) * 7919);
    const ip = benchmarkIp(number >>> 13);
    const helo = at(
      ['localhost', `[${ip}]`, 'ylmf-pc', `mail.${at(WORDS, number)}.example`],
      number,
    );
    if (number % 2 === 0) return { peer: { host: '', ip, forged: false }, helo };
    const host = `${ip.replaceAll('.', '-')}.pool.isp${number % 9}.example`;
    return { peer: { host, ip, forged: number % 7 === 1 }, helo };
  }
}

function makeUser(rank: number): LocalUser {
  const uid = 1000 + rank;
  if (rank % 5 < 3) {
    const login = `s${(2100000 + (scramble(rank) % 90000) * 10 + (rank % 10)).toString()}`;
    return { address: `${login}@students.${MAIL_DOMAIN}`, login, uid };
  }
  const login = `${personName(scramble(rank)).replace('.', '')}${rank}`;
  return { address: `${personName(scramble(rank))}.${rank}@${MAIL_DOMAIN}`, login, uid };
}

function makeDomain(rank: number): RemoteDomain {
  const hash = scramble(rank * 31);
  const word = `${at(WORDS, hash)}${at(TRADES, hash >>> 6)}`;
  const name =
    rank < 3 ? `${at(['gemail', 'outlock', 'jahoo'], rank)}.example` : `${word}${rank}.example`;
  const style = rank < 2 ? rank + 1 : [0, 0, 0, 2, 3, 4, 1, 0][hash % 8];
  const exchanger = {
    host: `mx${hash % 3}.${name}`,
    ip: benchmarkIp(rank * 20 + (hash % 3)),
    forged: false,
  };
  return {
    rank,
    route: { local: false, domain: name, exchanger, tls: rank < 20 || hash % 10 < 7 },
    style: STYLES[style ?? 0] ?? 'postfix',
    health: rank < 20 ? 'up' : healthOf(hash >>> 9),
  };
}

function healthOf(hash: number): Health {
  const share = hash % 1000;
  if (share < 8) return 'missing';
  if (share < 16) return 'down';
  if (share < 36) return 'flaky';
  return share < 130 ? 'greylisting' : 'up';
}

export const LOCAL_ROUTE: Route = {
  local: true,
  domain: MAIL_DOMAIN,
  exchanger: { host: '', ip: '', forged: false },
  tls: false,
};
