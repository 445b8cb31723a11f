/**
 * Who there is in the play: the campus and its people, and an internet of a few domains (RFC 2606). All of it is on
 * addresses of the loopback, which is a network of sixteen million hosts.
 */
export const CAMPUS = {
  domain: 'campus.example',
  host: 'mx.campus.example',
  address: '127.10.0.25',
};

export const USERS = [
  'alice',
  'bob',
  'carol',
  'dave',
  'erin',
  'frank',
  'grace',
  'heidi',
  'ivan',
  'judy',
  'root',
] as const;
/** Of the stolen account. */
export const VICTIM = { user: 'dave', password: 'sunshine1' };

export const INTERNET_HOST = 'mail.partner.example';
/** Domains of the internet that one server of ours plays, and its addresses. */
export const INTERNET: readonly (readonly [domain: string, host: string, address: string])[] = [
  ['partner.example', INTERNET_HOST, '127.20.0.10'],
  ['isp.example', 'mx.isp.example', '127.20.0.20'],
  ['university.example', 'mx.university.example', '127.20.0.40'],
];
export const FRIENDS = ['ann', 'ben', 'chris', 'dora', 'ella', 'finn', 'gus', 'hana'] as const;

/** Played by hosts that are moody. */
export const GREY = { domain: 'grey.example', host: 'mx.grey.example', address: '127.20.0.50' };
export const SLOW = { domain: 'slow.example', host: 'mx.slow.example', address: '127.20.0.60' };
export const LATER = { domain: 'later.example', host: 'mx.later.example', address: '127.20.0.80' };
/** Nobody answers there. */
export const DOWN = { domain: 'down.example', host: 'mx.down.example', address: '127.20.0.70' };

/** Clients with a name. */
export const CLIENTS = {
  university: ['out.university.example', '127.20.0.41'],
  isp: ['out.isp.example', '127.20.0.21'],
  news: ['mailer.news.example', '127.20.0.30'],
  ads: ['track.ads.example', '127.40.0.30'],
  casino: ['win.casino.example', '127.40.0.66'],
  phone: ['client7.isp.example', '127.20.7.7'],
  stolen: ['host19.far.example', '127.40.0.77'],
  relay: ['open.scanner.example', '127.40.0.88'],
} as const satisfies Readonly<Record<string, readonly [host: string, address: string]>>;
/** Has no name. */
export const GUESSER = '127.40.0.99';
/** May relay. */
export const LAB_NETWORK = '127.30';
export const LAB = Array.from(
  { length: 8 },
  (_, index) => [`pc${index + 1}.lab.campus.example`, `127.30.1.${index + 1}`] as const,
);

export const ALIASES = `# aliases of the campus
postmaster: root
mailer-daemon: postmaster
webmaster: carol
helpdesk: erin, frank
staff: alice, bob, carol, dave, erin, frank, grace
announce: alice, bob, grace, ann@partner.example, ben@isp.example
owner-announce: grace
alumni: hana@university.example, finn@isp.example
`;

export const ACCESS = `# who is not wanted, and who is not here any more
Connect:127.40.0.66	REJECT
From:casino.example	REJECT
From:ads.example	DISCARD
To:retired@campus.example	ERROR:5.1.6:550 Moved away, ask helpdesk@campus.example
`;

/** For the DNS. */
export function worldHosts(): ReadonlyMap<string, string> {
  const moody = [CAMPUS, GREY, SLOW, LATER, DOWN].map(
    ({ host, address }) => [host, address] as const,
  );
  const servers = INTERNET.map(([, host, address]) => [host, address] as const);
  const domains = ['news.example', 'ads.example', 'casino.example', 'far.example'].map(
    (domain) => [domain, '127.20.0.1'] as const,
  );
  return new Map([...moody, ...servers, ...Object.values(CLIENTS), ...LAB, ...domains]);
}

export function worldExchangers(): ReadonlyMap<string, string> {
  const own = [CAMPUS, GREY, SLOW, LATER, DOWN].map(({ domain, host }) => [domain, host] as const);
  return new Map([...own, ...INTERNET.map(([domain, host]) => [domain, host] as const)]);
}
