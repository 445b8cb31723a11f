/**
 * One day of mail written by hand, small enough that every figure of its report can be counted on fingers:
 * carried in and out, two recipients of which one waits, a hop, an expiry, refusals, a discarded and a
 * quarantined message, a bounce with its notice, an alias. 24 Nov 2026, UTC.
 */
import type { GivenRow, MemoryStore } from './memory-store.ts';

export const DAY = {
  start: new Date('2026-11-24T00:00:00Z'),
  end: new Date('2026-11-25T00:00:00Z'),
};

const CLIENT = { relay_host: 'client.isp.example', relay_ip: '192.0.2.1', protocol: 'ESMTP' };
const LOCAL = { relay_host: 'localhost', relay_ip: '127.0.0.1', protocol: null };
const TO_FAR = { mailer: 'esmtp', relay_host: 'mx.far.example', relay_ip: '198.51.100.1' };

type Fill = (at: string, queueId: string, row: GivenRow) => Promise<void>;

const domainOf = (address: string): string => address.split('@')[1]?.toLowerCase() ?? '';

/** What the hand-made lines have in common. */
function tools(store: MemoryStore): Record<'arrive' | 'deliver' | 'wait', Fill> {
  return {
    arrive: (at, queue_id, row) =>
      store.event('envelopes', at, {
        queue_id,
        nrcpts: 1,
        accepted: 'yes',
        ...CLIENT,
        sender_domain: domainOf(String(row.sender)),
        ...row,
      }),
    deliver: (at, queue_id, row) =>
      store.event('deliveries', at, {
        queue_id,
        status: 'sent',
        stat: 'Sent',
        mailer: 'local',
        delay: 1,
        transactions: 1,
        recipient_domain: domainOf(String(row.recipient ?? '')) || null,
        ...row,
      }),
    wait: (at, queue_id, row) =>
      store.event('deliveries', at, {
        queue_id,
        status: 'deferred',
        stat: 'Deferred',
        ...TO_FAR,
        reply: 'Connection refused by mx.far.example.',
        bounce_class: 'NoAnswerFromHost',
        delay: 2,
        transactions: 1,
        recipient_domain: domainOf(String(row.recipient)),
        ...row,
      }),
  };
}

async function storeDelivered(store: MemoryStore): Promise<void> {
  const { arrive, deliver, wait } = tools(store);
  // Came in the day before, delivered today.
  await arrive('2026-11-23 23:50:00', 'M1', { sender: 'ann@partner.example', size: 1000 });
  await wait('2026-11-23 23:51:00', 'M1', { recipient: 'x@far.example', delay: 60 });
  await wait('00:10:00', 'M1', { recipient: 'x@far.example', delay: 1200 });
  await deliver('01:00:00', 'M1', { recipient: 'x@far.example', ...TO_FAR, delay: 4200 });
  // Two recipients, one of them at the second try.
  await arrive('10:00:00', 'M2', { sender: 'bob@corp.example', size: 2000, nrcpts: 2 });
  await deliver('10:00:01', 'M2', { recipient: 'carol@corp.example' });
  await wait('10:00:02', 'M2', { recipient: 'dave@far.example' });
  await deliver('10:30:00', 'M2', {
    recipient: 'dave@far.example',
    ...TO_FAR,
    delay: 1800,
  });
  // Submitted to one queue of ours, handed to another.
  await arrive('11:00:00', 'M3A', { sender: 'eve@corp.example', size: 300, ...LOCAL });
  await deliver('11:00:01', 'M3A', {
    recipient: 'frank@corp.example',
    mailer: 'relay',
    relay_host: 'localhost',
    reply: 'M3B Message accepted for delivery',
  });
  await arrive('11:00:01', 'M3B', { sender: 'eve@corp.example', size: 350, ...LOCAL });
  await deliver('11:00:02', 'M3B', { recipient: 'frank@corp.example' });
  await store.insert('hops', {
    host: 'mx1',
    queue_id: 'M3A',
    next_host: 'mx1',
    next_queue_id: 'M3B',
    handed_at: '2026-11-24 11:00:01',
  });
  // An alias makes one recipient two.
  await arrive('17:00:00', 'M12', { sender: 'ann@partner.example', size: 1200 });
  await deliver('17:00:01', 'M12', { recipient: 'h1@corp.example' });
  await deliver('17:00:01', 'M12', { recipient: 'h2@corp.example', delay: 3 });
}

async function storeUndelivered(store: MemoryStore): Promise<void> {
  const { arrive, deliver, wait } = tools(store);
  // Given up after five days; the notice goes to its sender.
  await arrive('2026-11-19 12:00:00', 'M4', { sender: 'gina@corp.example', size: 400 });
  await wait('11:00:00', 'M4', { recipient: 'gone@far.example', delay: 428400 });
  await store.event('queue_events', '12:00:00', {
    queue_id: 'M4',
    what: 'expired',
    child_queue_id: 'N4',
    detail: 'Cannot send message for 5 days',
  });
  await deliver('12:00:05', 'N4', { recipient: 'gina@corp.example' });
  // Bounced, with a notice; the sender is spelt differently.
  await arrive('16:00:00', 'M11', { sender: 'Bob@Corp.example', size: 1100 });
  await deliver('16:00:03', 'M11', {
    recipient: 'nobody@far.example',
    ...TO_FAR,
    status: 'bounced',
    stat: 'User unknown',
    reply: '550 5.1.1 <nobody@far.example>: no such user',
    bounce_class: 'InvalidRecipient',
  });
  await store.event('queue_events', '16:00:03', {
    queue_id: 'M11',
    what: 'dsn',
    child_queue_id: 'N11',
    detail: 'User unknown',
  });
  await deliver('16:00:04', 'N11', { recipient: 'bob@corp.example' });
  // Still waiting at midnight: after a try, before any, and held.
  await arrive('23:00:00', 'M7', { sender: 'bob@corp.example', size: 700 });
  await wait('23:01:00', 'M7', { recipient: 'y@far.example', delay: 60 });
  await arrive('23:59:30', 'M8', { sender: 'ann@partner.example', size: 800 });
  await deliver('2026-11-25 00:00:30', 'M8', { recipient: 'z@corp.example', delay: 60 });
  await arrive('15:00:00', 'M10', { sender: 'zoe@partner.example', size: 1000 });
  await arrive('14:00:00', 'M9', { sender: 'zoe@partner.example', size: 900 });
  await deliver('14:00:00', 'M9', {
    status: 'discarded',
    stat: 'discarded',
    mailer: null,
    delay: null,
  });
}

async function storeRefusals(store: MemoryStore): Promise<void> {
  const { arrive } = tools(store);
  const refuse = (at: string, row: GivenRow): Promise<void> =>
    store.event('rejections', at, {
      stage: 'rcpt',
      action: 'reject',
      extent: 'recipient',
      code: 550,
      ...row,
    });
  const spammer = { client_host: 'spam.bad.example', client_ip: '203.0.113.9' };
  const relaying = { rule: 'check_rcpt', reason: 'Relaying denied', ...spammer };
  await refuse('15:00:00', {
    queue_id: 'M10',
    stage: 'content',
    action: 'quarantine',
    rule: 'milter',
    code: null,
  });
  // Refused behind its data, told once for the message and once for its recipient.
  await arrive('13:00:00', 'M5', { sender: 'spam@bad.example', size: 5000 });
  const afterData = {
    queue_id: 'M5',
    stage: 'data',
    rule: 'after data',
    reason: 'Message rejected',
  };
  await refuse('13:00:01', { ...afterData, extent: 'message', ...spammer });
  await refuse('13:00:02', { ...afterData, recipient: 'carol@corp.example', ...spammer });
  await refuse('13:10:00', { ...relaying, recipient: 'a@far.example' });
  await refuse('13:10:01', { ...relaying, recipient: 'b@far.example' });
  // No client in this line: it is in the from= line that follows.
  await refuse('13:20:00', {
    queue_id: 'M6',
    rule: 'user unknown',
    reason: 'User unknown',
    recipient: 'who@corp.example',
  });
  await arrive('13:20:01', 'M6', {
    sender: 'ann@partner.example',
    size: 0,
    nrcpts: 0,
    accepted: 'no',
  });
  await refuse('13:30:00', {
    stage: 'connect',
    action: 'tempfail',
    rule: 'check_relay',
    code: 421,
    reason: 'Connection rate limit exceeded',
    ...spammer,
  });
  await refuse('13:40:00', {
    stage: 'other',
    rule: 'bad parameter',
    reason: 'Bad argument',
    ...spammer,
  });
}

async function storeSessions(store: MemoryStore): Promise<void> {
  const login = { service: 'smtp', mechanism: 'PLAIN', client_ip: '203.0.113.9' };
  await store.event('auth_events', '09:00:00', { ...login, outcome: 'failed', auth_user: 'alice' });
  await store.event('auth_events', '09:00:01', { ...login, outcome: 'failed', auth_user: 'root' });
  const own = { ...login, client_ip: '192.0.2.7' };
  await store.event('auth_events', '09:01:00', { ...own, outcome: 'ok', auth_user: 'alice' });
  const session = { side: 'server', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256, verify: 'NO' };
  await store.event('tls_sessions', '09:02:00', { ...session, version: 'TLSv1.3' });
  await store.event('tls_sessions', '09:03:00', { ...session, version: 'TLSv1.3' });
  await store.event('tls_sessions', '09:04:00', { ...session, version: 'TLSv1.2' });
  const odd = { client_ip: '203.0.113.9' };
  await store.event('connections', '09:05:00', { ...odd, what: 'probe', detail: 'EXPN root' });
  await store.event('connections', '09:06:00', { ...odd, what: 'attack', detail: 'command=NOOP' });
  await store.event('connections', '09:07:00', { ...odd, what: 'connect' });
  const daemon = { severity: 'info', what: 'start', detail: 'starting daemon (8.17.1.9): SMTP' };
  await store.event('daemon_events', '06:00:00', daemon);
  await store.event('daemon_events', '07:00:00', {
    severity: 'critical',
    what: 'SYSERR',
    detail: '\u001b[31mcannot bind',
  });
}

async function storeLines(store: MemoryStore): Promise<void> {
  await store.insert('sources', {
    source_id: 1,
    name: '/var/log/maillog',
    bytes: 9000,
    lines_read: 61,
    lines_parsed: 55,
    lines_foreign: 3,
    lines_unsupported: 0,
    lines_malformed: 2,
    lines_duplicate: 1,
  });
  for (const line_number of [7, 9]) {
    const line = 'Nov 24 10:00:00 mx1 sm-mta[1]: M2: to=?';
    const why = 'to= line without delay=';
    await store.insert('unparsed_lines', {
      source_id: 1,
      line_number,
      outcome: 'malformed',
      line,
      why,
    });
  }
}

export async function storeHandMadeDay(store: MemoryStore): Promise<void> {
  await storeDelivered(store);
  await storeUndelivered(store);
  await storeRefusals(store);
  await storeSessions(store);
  await storeLines(store);
}
