/** Rows of three hosts' logs (sub, hub, mx) and of what is outside, and the hops that they tell of. */
export interface Entry {
  readonly table: 'envelopes' | 'deliveries';
  readonly row: Readonly<Record<string, string | number>>;
}

type More = Readonly<Record<string, string | number>>;

const DAY = '2026-11-24';

/** `where` is host, queue id and time of day. */
export function from(where: string, messageId: string, more: More = {}): Entry {
  return {
    table: 'envelopes',
    row: {
      ...placed(where),
      sender: 'ann@a.example',
      accepted: 'yes',
      message_id: messageId,
      relay_host: 'client.example',
      relay_ip: '192.0.2.9',
      ...more,
    },
  };
}

/** Delivered to `relay`, which answered `reply`. */
export function to(where: string, relay: string, reply: string, more: More = {}): Entry {
  const outcome = { recipient: 'bob@b.example', status: 'sent', delay: 1, xdelay: 1 };
  return {
    table: 'deliveries',
    row: { ...placed(where), ...outcome, relay_host: relay, reply, ...more },
  };
}

function placed(where: string): Readonly<Record<string, string>> {
  const [host = '', id = '', time = ''] = where.split(' ');
  return { host, queue_id: id, logged_at: `${DAY} ${time}` };
}

const accepted = (id: string) => `${id} Message accepted for delivery`;
const OUTSIDE = 'mail.x.example';

interface Story {
  readonly entries: readonly Entry[];
  /** `host id > next-host next-id`, with `unnamed` behind where the reply named none. */
  readonly hops: readonly string[];
}

/** From sub over hub to mx and out; the hub's and mx's clocks differ from sub's by these times. */
const threeHosts = (hub: string, hubOut: string, mx: string, mxOut: string): readonly Entry[] => [
  from('sub S1 06:00:00', '<1@a>'),
  from(`hub H1 ${hub}`, '<1@a>', { relay_host: 'sub.a.example' }),
  to('sub S1 06:00:01', 'hub.a.example', accepted('H1')),
  from(`mx M1 ${mx}`, '<1@a>', { relay_host: 'hub.a.example' }),
  to(`hub H1 ${hubOut}`, 'mx.a.example', 'Ok: queued as M1'),
  to(`mx M1 ${mxOut}`, OUTSIDE, 'Ok: queued as X1'),
];

const THREE_HOPS = ['sub S1 > hub H1', 'hub H1 > mx M1'];

export const STORIES: Readonly<Record<string, Story>> = {
  'three hosts with one clock': {
    entries: threeHosts('06:00:01', '06:10:00', '06:10:00', '06:10:03'),
    hops: THREE_HOPS,
  },
  'clocks that differ by five minutes either way': {
    entries: threeHosts('05:55:01', '06:05:00', '06:15:00', '06:15:03'),
    hops: THREE_HOPS,
  },
  'clocks that differ by an hour are wrong, not skewed': {
    entries: threeHosts('08:00:01', '08:10:00', '08:10:00', '08:10:03'),
    hops: ['hub H1 > mx M1'],
  },
  'one id on two hosts, for different messages': {
    entries: [
      from('sub S1 06:00:00', '<1@a>'),
      from('hub Q7 06:00:01', '<1@a>'),
      from('mx Q7 06:00:01', '<other@a>'),
      to('sub S1 06:00:01', 'mail.a.example', accepted('Q7')),
      to('hub Q7 06:00:02', OUTSIDE, 'ok'),
      to('mx Q7 06:00:02', OUTSIDE, 'ok'),
    ],
    hops: ['sub S1 > hub Q7'],
  },
  'one id on two hosts, our envelope unknown: the relay decides': {
    entries: [
      from('mx Q7 06:00:01', '<other@a>', { relay_host: 'sub.a.example' }),
      from('hub Q7 06:00:05', '<1@a>', { relay_host: 'sub.a.example' }),
      to('sub S1 06:00:01', 'hub.a.example', accepted('Q7')),
    ],
    hops: ['sub S1 > hub Q7'],
  },
  'one id on two hosts, the relay telling nothing: the nearest': {
    entries: [
      from('mx Q7 06:00:01', '<other@a>', { relay_host: 'sub.a.example' }),
      from('hub Q7 06:04:00', '<1@a>', { relay_host: 'sub.a.example' }),
      to('sub S1 06:00:01', 'mail.a.example', accepted('Q7')),
    ],
    hops: ['sub S1 > mx Q7'],
  },
  'a reply that names one of our ids with another message-id': {
    entries: [
      from('hub H1 06:00:00', '<1@a>'),
      from('mx M1 06:00:01', '<2@a>'),
      to('hub H1 06:00:02', OUTSIDE, accepted('M1')),
      to('mx M1 06:00:02', OUTSIDE, accepted('M1')),
    ],
    hops: [],
  },
  'a reply that names one of our ids, our envelope unknown and nothing bearing it out': {
    entries: [from('mx M1 06:00:01', '<2@a>'), to('hub H1 06:00:02', OUTSIDE, accepted('M1'))],
    hops: [],
  },
  'two name one arrival: the one that it came from': {
    entries: [
      from('sub S1 06:00:00', '<1@a>'),
      from('hub H1 06:00:01', '<1@a>', { relay_host: 'sub.a.example' }),
      to('sub S1 06:00:01', 'hub.a.example', accepted('H1')),
      from('mx M9 06:00:00', '<9@a>'),
      to('mx M9 06:00:01', OUTSIDE, accepted('H1')),
    ],
    hops: ['sub S1 > hub H1'],
  },
  'a message that comes back to the host it left': {
    entries: [
      from('hub H1 06:00:00', '<1@a>'),
      from('mx M1 06:00:01', '<1@a>', { relay_host: 'hub' }),
      to('hub H1 06:00:01', 'mx', accepted('M1')),
      from('hub H2 06:00:02', '<1@a>', { relay_host: 'mx' }),
      to('mx M1 06:00:02', 'hub', accepted('H2')),
      to('hub H2 06:00:03', OUTSIDE, 'ok'),
    ],
    hops: ['hub H1 > mx M1', 'mx M1 > hub H2'],
  },
  'one message to two next hosts': {
    entries: [
      from('sub S1 06:00:00', '<1@a>'),
      from('hub H1 06:00:01', '<1@a>'),
      to('sub S1 06:00:01', 'hub', accepted('H1'), { recipient: 'b@b.example' }),
      from('mx M1 06:00:01', '<1@a>'),
      to('sub S1 06:00:01', 'mx', 'Ok: queued as M1', { recipient: 'c@c.example' }),
    ],
    hops: ['sub S1 > hub H1', 'sub S1 > mx M1'],
  },
  'an id that is used again the next hour': {
    entries: [
      from('sub S1 06:00:00', '<1@a>'),
      from('hub AB12 06:00:01', '<1@a>'),
      to('sub S1 06:00:01', 'hub', 'Ok: queued as AB12'),
      from('hub AB12 07:30:01', '<2@a>'),
    ],
    hops: ['sub S1 > hub AB12'],
  },
  'a submission on one host, over its loopback': {
    entries: [
      to('hub S1 06:00:01', '[127.0.0.1]', accepted('H1'), { relay_ip: '127.0.0.1' }),
      from('hub H1 06:00:01', '<1@a>', { relay_host: 'localhost', relay_ip: '127.0.0.1' }),
    ],
    hops: ['hub S1 > hub H1'],
  },
  'a reply without an id: message-id, sender, client and relay agree': {
    entries: [
      from('sub S1 06:00:00', '<1@a>', { sender: 'ann' }),
      from('hub H1 06:04:00', '<1@a>', { relay_host: 'sub.a.example' }),
      to('sub S1 06:00:01', 'hub.a.example', '2.0.0 OK'),
      to('hub H1 06:04:02', OUTSIDE, '2.0.0 OK'),
    ],
    hops: ['sub S1 > hub H1 unnamed'],
  },
  'a reply with an id of another make': {
    entries: [
      from('sub S1 06:00:00', '<1@a>'),
      from('hub H1 06:00:00', '<1@a>', { relay_host: 'sub' }),
      to('sub S1 06:00:01', 'hub', '2.0.0 Ok: queued as 4711-proxy'),
    ],
    hops: ['sub S1 > hub H1 unnamed'],
  },
  'a reply without an id, and two arrivals that fit: neither': {
    entries: [
      from('sub S1 06:00:00', '<1@a>'),
      from('hub H1 06:00:00', '<1@a>', { relay_host: 'sub' }),
      from('hub H2 06:00:01', '<1@a>', { relay_host: 'sub' }),
      to('sub S1 06:00:01', 'hub', '2.0.0 OK'),
    ],
    hops: [],
  },
  'a reply without an id from outside, the message coming back from there': {
    entries: [
      from('sub S1 06:00:00', '<1@a>'),
      to('sub S1 06:00:01', OUTSIDE, '2.0.0 OK'),
      from('hub H1 06:00:02', '<1@a>', { relay_host: OUTSIDE }),
    ],
    hops: [],
  },
  'envelopes without message-id: the connection decides': {
    entries: [
      from('sub S1 06:00:00', ''),
      from('hub H1 06:00:01', '', { relay_host: 'sub.a.example' }),
      to('sub S1 06:00:01', 'hub.a.example', accepted('H1')),
      from('mx M1 06:00:01', ''),
      to('hub H1 06:00:02', OUTSIDE, accepted('M1')),
    ],
    hops: ['sub S1 > hub H1'],
  },
  'the log of the first host is missing': {
    entries: threeHosts('06:00:01', '06:10:00', '06:10:00', '06:10:03').filter(
      ({ row }) => row.host !== 'sub',
    ),
    hops: ['hub H1 > mx M1'],
  },
};
