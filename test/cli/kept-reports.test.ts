/** Kept reports: good for one state of the store and one question, and never in the way. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Report, ReportRequest } from '../../reports/daily.ts';
import { KeptReports } from '../../src/cli/kept-reports.ts';

const REQUEST: ReportRequest = {
  report: 'daily',
  start: new Date('2026-11-23T00:00:00Z'),
  end: new Date('2026-11-24T00:00:00Z'),
  zone: 'UTC',
  top: 10,
};
const REPORT = { report: 'daily', sections: [] } as unknown as Report;
const NOW = new Date('2026-11-25T00:00:00Z');

function withStore(run: (db: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'maillog-kept-'));
  const db = join(folder, 'm.duckdb');
  writeFileSync(db, 'state one');
  try {
    run(db);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a report is found again while the store is as it was, and only for the same question', () => {
  withStore((db) => {
    new KeptReports(db).keep(REQUEST, REPORT, NOW);
    assert.deepEqual(new KeptReports(db).find(REQUEST), REPORT);
    assert.equal(new KeptReports(db).find({ ...REQUEST, zone: 'Asia/Taipei' }), undefined);
    assert.equal(new KeptReports(db).find({ ...REQUEST, top: 11 }), undefined);
    appendFileSync(db, '.');
    assert.equal(new KeptReports(db).find(REQUEST), undefined);
  });
});

test('a change that is only in the write-ahead log counts as well', () => {
  withStore((db) => {
    new KeptReports(db).keep(REQUEST, REPORT, NOW);
    writeFileSync(`${db}.wal`, 'rows');
    assert.equal(new KeptReports(db).find(REQUEST), undefined);
  });
});

test('a period that is not over is not kept, nor one that ended just now', () => {
  withStore((db) => {
    for (const now of ['2026-11-23T12:00:00Z', '2026-11-24T00:00:00Z', '2026-11-24T00:00:30Z']) {
      new KeptReports(db).keep(REQUEST, REPORT, new Date(now));
    }
    assert.ok(!existsSync(`${db}.reports`));
  });
});

test('only the owner may read what is kept, rubbish there is no answer, and it does not grow for ever', () => {
  withStore((db) => {
    for (let top = 1; top <= 80; top += 1)
      new KeptReports(db).keep({ ...REQUEST, top }, REPORT, NOW);
    const files = readdirSync(`${db}.reports`);
    assert.ok(files.length <= 64);
    for (const file of files) {
      const path = join(`${db}.reports`, file);
      assert.equal(statSync(path).mode & 0o077, 0);
      writeFileSync(path, '{"state":');
    }
    assert.equal(new KeptReports(db).find({ ...REQUEST, top: 80 }), undefined);
  });
});

test('without a store, or where nothing may be written, nothing is kept and nothing fails', () => {
  withStore((db) => {
    rmSync(db);
    new KeptReports(db).keep(REQUEST, REPORT, NOW);
    assert.equal(new KeptReports(db).find(REQUEST), undefined);
    writeFileSync(db, 'x');
    writeFileSync(`${db}.reports`, 'a file where the folder should be');
    chmodSync(`${db}.reports`, 0o400);
    new KeptReports(db).keep(REQUEST, REPORT, NOW);
    assert.equal(new KeptReports(db).find(REQUEST), undefined);
  });
});
