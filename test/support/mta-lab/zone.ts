/** The names of the lab's world, as a configuration of dnsmasq. Nothing outside it resolves. */

/** Domains, where their mail goes (preference and host), and those hosts' addresses. */
const MAIL: Readonly<Record<string, readonly (readonly [number, string])[]>> = {
  'partner.example': [[10, 'mail.partner.example']],
  'relayed.example': [[10, 'mail.partner.example']],
  'custom.example': [[10, 'mail.partner.example']],
  'discard.example': [[10, 'mail.partner.example']],
  'quar.example': [[10, 'mail.partner.example']],
  'picky.example': [[10, 'mail.picky.example']],
  'old.example': [[10, 'mail.old.example']],
  'later.example': [[10, 'mail.later.example']],
  'bothdown.example': [
    [10, 'a.bothdown.example'],
    [20, 'b.bothdown.example'],
  ],
  'twomx.example': [
    [10, 'down.twomx.example'],
    [20, 'up.twomx.example'],
  ],
  'tls.example': [[10, 'mail.tls.example']],
  'isp.example': [[10, 'mail.isp.example']],
  'corp.example': [[10, 'mx1.corp.example']],
};

const ADDRESSES: Readonly<Record<string, string>> = {
  'mail.partner.example': '198.51.100.10',
  'mail.picky.example': '198.51.100.40',
  'mail.old.example': '198.51.100.60',
  'mail.later.example': '198.51.100.25',
  'a.bothdown.example': '198.51.100.22',
  'b.bothdown.example': '198.51.100.23',
  'down.twomx.example': '198.51.100.20',
  'up.twomx.example': '198.51.100.21',
  'mail.tls.example': '198.51.100.50',
  'mail.isp.example': '198.51.100.30',
  'temp.partner.example': '198.51.100.10',
  'smart.example': '198.51.100.80',
  'mx1.corp.example': '192.0.2.10',
  // Its address has another name.
  'forged110.isp.example': '203.0.113.111',
};

/** Clients 20 to 60 and some more have names that lead back to them. */
const CLIENTS = [...Array.from({ length: 41 }, (_, index) => 20 + index)];

export function dnsmasqConfiguration(port: number): string {
  const lines = [
    `port=${port}`,
    'listen-address=127.0.0.1',
    'bind-interfaces',
    'no-resolv',
    'no-hosts',
    'no-poll',
    'user=root',
    'local=/example/',
    'local=/invalid/',
    'local=/113.0.203.in-addr.arpa/',
    'local=/100.51.198.in-addr.arpa/',
    // Nobody answers there: a lookup fails for now.
    'server=/211.113.0.203.in-addr.arpa/127.0.0.1#9',
    'server=/servfail.example/127.0.0.1#9',
    'ptr-record=110.113.0.203.in-addr.arpa,forged110.isp.example',
    'host-record=bad.isp.example,203.0.113.150',
    ...Object.entries(ADDRESSES).map(([name, address]) => `host-record=${name},${address}`),
    ...CLIENTS.map((number) => `host-record=client${number}.isp.example,203.0.113.${number}`),
    ...Object.entries(MAIL).flatMap(([domain, hosts]) =>
      hosts.map(([preference, host]) => `mx-host=${domain},${host},${preference}`),
    ),
  ];
  return `${lines.join('\n')}\n`;
}
