/** Rounds over many sources: turns, parsers that are shared out, other readers of the same content, stops. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { sampleLines } from '../../e2e/sample-log.ts';
import { LiveSite } from '../../support/live-site.ts';

const LINES = sampleLines({ lines: 400, seed: 91 });
const text = (from: number, to: number): string =>
  LINES.slice(from, to)
    .map((line) => `${line}\n`)
    .join('');

function siteOf(t: TestContext): LiveSite {
  const site = new LiveSite();
  t.after(() => site.remove());
  return site;
}

const OWN =
  'SELECT sum(lines_read - lines_duplicate)::BIGINT AS own, count(*) AS sources FROM ledger';

test('more sources than parsers: each goes on where it was', async (t) => {
  const site = siteOf(t);
  const hosts = Array.from(
    { length: 90 },
    (_, index) => `hosts/h${String(index).padStart(2, '0')}`,
  );
  const lines = hosts.map((host) =>
    sampleLines({ lines: 40, seed: 5, host: host.slice(6) }).map((line) => `${line}\n`),
  );
  for (const host of hosts) mkdirSync(site.path(host), { recursive: true });
  await site.start(['hosts/*/mail.log']);
  for (let part = 0; part < 4; part += 1) {
    hosts.forEach((host, index) => {
      const own = lines[index] ?? [];
      appendFileSync(site.path(`${host}/mail.log`), own.slice(part * 10, part * 10 + 10).join(''));
    });
    await site.settle();
  }
  assert.deepEqual(await site.rows(OWN), [{ own: 90 * 40, sources: 90 }]);
});

test('a source far behind does not keep the others waiting', async (t) => {
  const site = siteOf(t);
  const many = sampleLines({ lines: 60_000, seed: 3, host: 'old' });
  writeFileSync(site.path('big.log'), many.map((line) => `${line}\n`).join(''));
  await site.start(['big.log', 'mail.log']);
  await site.ingester.round();
  appendFileSync(site.path('mail.log'), text(0, 50));
  await site.ingester.round();
  await site.ingester.round();
  const sql = "SELECT lines_read FROM ledger WHERE source LIKE '%/mail.log'";
  assert.deepEqual(await site.rows(sql), [{ lines_read: 50 }]);
  await site.settle();
  assert.deepEqual(await site.rows(OWN), [{ own: 60_050, sources: 2 }]);
});

test('another reader of the same content is met, and nothing is taken twice', async (t) => {
  const site = siteOf(t);
  writeFileSync(site.path('mail.log'), text(0, 200));
  await site.start(['mail.log']);
  await site.settle();
  // A complete copy, which then gets what the log itself gets too: both are the same source.
  writeFileSync(site.path('mail.log.1'), text(0, 200));
  await site.settle();
  appendFileSync(site.path('mail.log.1'), text(200, 300));
  appendFileSync(site.path('mail.log'), text(200, 400));
  await site.settle();
  assert.equal((await site.rows(OWN))[0]?.own, 400);
  const [envelopes] = await site.rows('SELECT count(*) AS n FROM raw.envelopes');
  const clean = siteOf(t);
  writeFileSync(clean.path('mail.log'), text(0, 400));
  await clean.start(['mail.log']);
  await clean.settle();
  assert.deepEqual(envelopes, (await clean.rows('SELECT count(*) AS n FROM raw.envelopes'))[0]);
});

test('the status tells how far each source is', async (t) => {
  const site = siteOf(t);
  await site.start(['mail.log']);
  writeFileSync(site.path('mail.log'), text(0, 100));
  await site.settle();
  const [report] = site.ingester.status().map((status) => status.report());
  assert.equal(report?.source, site.path('mail.log'));
  assert.equal(report?.counts.read, 100);
  assert.equal(report?.offset, Buffer.byteLength(text(0, 100)));
  assert.equal(report?.backlog, 0);
  assert.equal(report?.lag, 0);
  assert.ok((report?.newest ?? 0) > Date.UTC(2026, 10, 24) / 1000 - 1);
});

test('what is there when it is told to stop still gets in', async (t) => {
  const site = siteOf(t);
  writeFileSync(site.path('mail.log'), text(0, 400));
  await site.start(['mail.log']);
  const running = site.ingester.run();
  site.ingester.stop();
  await running;
  assert.equal((await site.rows(OWN))[0]?.own, 400);
});
