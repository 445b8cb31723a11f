import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { makeReport, type Report } from '../../reports/daily.ts';
import { REPORT_NAMES, REPORTS } from '../../reports/registry.ts';
import { DAY, storeHandMadeDay } from './hand-made-day.ts';
import { MemoryStore } from './memory-store.ts';

const ASK = { ...DAY, zone: 'UTC', top: 10 };

suite('the report on a day counted by hand', () => {
  let store: MemoryStore;
  let report: Report;

  before(async () => {
    store = await MemoryStore.open();
    await storeHandMadeDay(store);
    report = await makeReport(store, { report: 'daily', ...ASK });
  });
  after(() => store.close());

  const rowsOf = (id: string) => report.sections.find((section) => section.id === id)?.rows ?? [];

  test('has the form that is printed as JSON', () => {
    assert.deepEqual(Object.keys(report), ['report', 'period', 'totals', 'ledger', 'sections']);
    assert.deepEqual(report.period, {
      start: '2026-11-24T00:00:00Z',
      end: '2026-11-25T00:00:00Z',
    });
    for (const section of report.sections) {
      assert.deepEqual(Object.keys(section), ['id', 'title', 'rows']);
    }
  });

  test('totals', () => {
    assert.deepEqual(report.totals, {
      messages: 8,
      hops: 9,
      deliveries: 8,
      deferred_messages: 4,
      deferrals: 4,
      bounced: 1,
      expired: 1,
      rejected: 5,
      discarded: 1,
      quarantined: 1,
      bytes_received: 8000,
      bytes_delivered: 7750,
      senders: 4,
      recipients: 8,
      sending_hosts: 2,
      recipient_domains: 2,
      carried_in: 2,
      carried_out: 3,
    });
  });

  test('ledger', () => {
    assert.deepEqual(report.ledger, {
      read: 61,
      parsed: 55,
      foreign: 3,
      unsupported: 0,
      malformed: 2,
      duplicate: 1,
    });
    const [file] = rowsOf('ledger');
    assert.equal(file?.source, '/var/log/maillog');
    assert.deepEqual(rowsOf('unparsed'), [
      { outcome: 'malformed', why: 'to= line without delay=', lines: 2 },
    ]);
    assert.deepEqual(
      rowsOf('unparsed_examples').map((row) => row.line_number),
      [7, 9],
    );
  });

  test('hours', () => {
    assert.equal(rowsOf('hours').length, 24);
    assert.deepEqual(rowsOf('hours')[10], {
      hour: '2026-11-24T10:00:00Z',
      messages: 1,
      bytes_received: 2000,
      deliveries: 2,
      deferrals: 1,
      bounced: 0,
      rejected: 0,
    });
    assert.equal(rowsOf('hours')[13]?.rejected, 5);
    assert.equal(rowsOf('hours')[23]?.messages, 2);
  });

  test('mailers', () => {
    assert.deepEqual(rowsOf('mailers'), [
      {
        mailer: 'local',
        deliveries: 6,
        bytes: 4750,
        relayed: 0,
        deferrals: 0,
        bounced: 0,
        expired: 0,
        mean_delay: 1.333,
      },
      {
        mailer: 'esmtp',
        deliveries: 2,
        bytes: 3000,
        relayed: 0,
        deferrals: 4,
        bounced: 1,
        expired: 1,
        mean_delay: 3000,
      },
      {
        mailer: 'relay',
        deliveries: 0,
        bytes: 0,
        relayed: 1,
        deferrals: 0,
        bounced: 0,
        expired: 0,
        mean_delay: null,
      },
    ]);
  });

  test('senders, recipients and their domains', () => {
    assert.deepEqual(rowsOf('senders')[0], {
      sender: 'bob@corp.example',
      messages: 3,
      bytes: 3800,
      recipients: 4,
    });
    assert.deepEqual(
      rowsOf('senders_by_bytes').map((row) => row.sender),
      ['bob@corp.example', 'ann@partner.example', 'zoe@partner.example', 'eve@corp.example'],
    );
    assert.deepEqual(rowsOf('sender_domains'), [
      { domain: 'corp.example', messages: 4, bytes: 4100, recipients: 5 },
      { domain: 'partner.example', messages: 4, bytes: 3900, recipients: 4 },
    ]);
    assert.deepEqual(rowsOf('recipients_by_bytes')[0], {
      recipient: 'carol@corp.example',
      deliveries: 1,
      bytes: 2000,
    });
    assert.deepEqual(rowsOf('recipient_domains'), [
      { domain: 'corp.example', deliveries: 6, bytes: 4750, mean_delay: 1.333 },
      { domain: 'far.example', deliveries: 2, bytes: 3000, mean_delay: 3000 },
    ]);
  });

  test('hosts', () => {
    assert.deepEqual(rowsOf('clients'), [
      { client: '192.0.2.1', host: 'client.isp.example', messages: 7, bytes: 7700 },
      { client: '127.0.0.1', host: 'localhost', messages: 1, bytes: 300 },
    ]);
    assert.deepEqual(rowsOf('relays'), [
      { relay: 'mx.far.example', deliveries: 2, bytes: 3000, mean_delay: 3000 },
    ]);
  });

  test('delays', () => {
    assert.deepEqual(rowsOf('delays'), [
      { deliveries: 8, p50: 1, p90: 4200, p95: 4200, p99: 4200, longest: 4200, mean: 751 },
    ]);
    assert.deepEqual(
      rowsOf('delays_by_destination').map((row) => [row.domain, row.deliveries, row.p50]),
      [
        ['far.example', 2, 1800],
        ['corp.example', 6, 1],
      ],
    );
  });

  test('bounces', () => {
    assert.deepEqual(rowsOf('bounces_by_class'), [
      { bounce_class: 'InvalidRecipient', recipients: 1, share: 0.5 },
      { bounce_class: 'MessageExpired', recipients: 1, share: 0.5 },
    ]);
    assert.deepEqual(rowsOf('bounces_by_reason'), [
      {
        recipients: 1,
        bounce_class: 'InvalidRecipient',
        reason: '550 5.1.1 <*>: no such user',
      },
      { recipients: 1, bounce_class: 'MessageExpired', reason: 'Connection refused by *.' },
    ]);
  });

  test('deferrals', () => {
    assert.deepEqual(rowsOf('deferrals_by_reason'), [
      {
        deferrals: 4,
        messages: 4,
        bounce_class: 'NoAnswerFromHost',
        reason: 'Connection refused by *.',
      },
    ]);
    assert.deepEqual(rowsOf('deferrals_by_destination'), [
      { domain: 'far.example', deferrals: 4, messages: 4, longest: 428_400 },
    ]);
  });

  test('refusals', () => {
    assert.deepEqual(
      rowsOf('rejects_by_rule').map((row) => [row.stage, row.action, row.rule, row.refusals]),
      [
        ['rcpt', 'reject', 'check_rcpt', 2],
        ['data', 'reject', 'after data', 1],
        ['other', 'reject', 'bad parameter', 1],
        ['connect', 'tempfail', 'check_relay', 1],
        ['content', 'quarantine', 'milter', 1],
        ['rcpt', 'reject', 'user unknown', 1],
      ],
    );
    assert.deepEqual(rowsOf('rejects_by_reason')[0], {
      refusals: 2,
      code: 550,
      reason: 'Relaying denied',
    });
    assert.deepEqual(rowsOf('rejected_clients'), [
      { client: '203.0.113.9', host: 'spam.bad.example', refusals: 4 },
      { client: '192.0.2.1', host: 'client.isp.example', refusals: 1 },
    ]);
  });

  test('logins, encryption, odd connections', () => {
    assert.deepEqual(rowsOf('auth_users'), [
      { service: 'smtp', user: 'alice', ok: 1, failed: 1, clients: 2 },
      { service: 'smtp', user: 'root', ok: 0, failed: 1, clients: 1 },
    ]);
    assert.deepEqual(rowsOf('auth_clients'), [
      { client: '203.0.113.9', host: null, failed: 2, ok: 0, users: 2 },
    ]);
    assert.deepEqual(
      rowsOf('tls').map((row) => [row.version, row.sessions]),
      [
        ['TLSv1.3', 2],
        ['TLSv1.2', 1],
      ],
    );
    assert.deepEqual(rowsOf('tls_share'), [
      { transport: 'plain text', messages: 7, share: 0.875 },
      { transport: 'local', messages: 1, share: 0.125 },
    ]);
    assert.deepEqual(
      rowsOf('probes').map((row) => [row.what, row.connections, row.clients]),
      [
        ['attack', 1, 1],
        ['probe', 1, 1],
      ],
    );
    assert.deepEqual(rowsOf('probing_clients'), [
      { client: '203.0.113.9', host: null, connections: 2, kinds: 'attack, probe' },
    ]);
  });

  test('server events and notices', () => {
    assert.deepEqual(
      rowsOf('daemon_events').map((row) => [row.severity, row.what, row.latest]),
      [
        ['critical', 'SYSERR', '2026-11-24T07:00:00Z'],
        ['info', 'start', '2026-11-24T06:00:00Z'],
      ],
    );
    assert.deepEqual(
      rowsOf('notices').map((row) => [row.what, row.events]),
      [
        ['dsn', 1],
        ['expired', 1],
      ],
    );
  });

  test('reconciliation', () => {
    const states = (id: string) => rowsOf(id).map((row) => [row.state, row.entries, row.examples]);
    assert.deepEqual(states('reconciliation'), [
      ['complete', 6, 'M11 M2 M3A M9'],
      ['none', 3, 'M10 M7 M8'],
    ]);
    assert.deepEqual(states('begun_elsewhere'), [
      ['carried', 2, 'M1 M4'],
      ['notices', 2, 'N11 N4'],
    ]);
    assert.deepEqual(states('recipients_reconciled'), [
      ['same', 5, 'M11 M2 M3A M7'],
      ['more', 1, 'M12'],
      ['unseen', 2, 'M10 M8'],
    ]);
  });

  for (const name of REPORT_NAMES) {
    test(`report ${name} says the same as the daily one`, async () => {
      const other = await makeReport(store, { report: name, ...ASK });
      assert.deepEqual(other.totals, report.totals);
      for (const { id, rows } of other.sections) {
        // The table of mailstats(8) is a report of its own: its counts are sendmail's, not the day's.
        if (id !== 'mailstats') assert.deepEqual(rows, rowsOf(id), id);
      }
    });
  }

  test('rows have the columns of their section', () => {
    for (const { id, columns } of REPORTS.daily.sections) {
      const keys = columns.map(({ key }) => key);
      for (const row of rowsOf(id)) {
        assert.deepEqual(Object.keys(row), keys, id);
      }
    }
  });
});

test('an empty store has a report of zeros', async () => {
  const store = await MemoryStore.open();
  const report = await makeReport(store, { report: 'daily', ...ASK });
  assert.ok(Object.values(report.totals).every((figure) => figure === 0));
  assert.ok(report.sections.every(({ rows }) => rows.length === 0));
  store.close();
});

test('a queue id used twice in the period makes no delivery two', async () => {
  const store = await MemoryStore.open();
  for (const [at, size] of [
    ['01:00:00', 100],
    ['02:00:00', 300],
  ] as const) {
    const row = { queue_id: 'A1B2C', mta: 'postfix' };
    const arrival = { sender: 'a@x.example', size, nrcpts: 1, accepted: 'yes' };
    const delivery = { recipient: `r${size}@y.example`, status: 'sent', delay: 0 };
    await store.event('envelopes', at, { ...row, ...arrival });
    await store.event('deliveries', at, { ...row, ...delivery });
  }
  const { totals } = await makeReport(store, { report: 'daily', ...ASK });
  assert.deepEqual(
    [totals.messages, totals.hops, totals.deliveries, totals.bytes_delivered, totals.carried_out],
    [2, 2, 2, 400, 0],
  );
  store.close();
});
