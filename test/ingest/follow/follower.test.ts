/**
 * Logs that are rotated in every way while they are followed, and while nobody follows them: at the end each
 * line is in the store once.
 */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sampleLines } from '../../e2e/sample-log.ts';
import { LiveSite } from '../../support/live-site.ts';
import { randomSource } from '../../support/random.ts';

const LINES = sampleLines({ lines: 600, seed: 31 });
const text = (from: number, to: number): string =>
  LINES.slice(from, to)
    .map((line) => `${line}\n`)
    .join('');

/** Lines of the whole log by identity, as often as they occur, held against the store's. */
async function assertExactlyOnce(site: LiveSite, lines: readonly string[] = LINES): Promise<void> {
  const [ledger] = await site.rows(
    `SELECT sum(lines_read - lines_duplicate) AS own, sum(lines_read) AS read,
      sum(lines_parsed + lines_foreign + lines_unsupported + lines_malformed + lines_duplicate) AS total FROM ledger`,
  );
  assert.deepEqual([ledger?.own, ledger?.read], [lines.length, ledger?.total]);
  const clean = new LiveSite();
  try {
    writeFileSync(clean.path('all'), lines.map((line) => `${line}\n`).join(''));
    await clean.start(['all']);
    await clean.settle();
    for (const table of ['envelopes', 'deliveries', 'rejections', 'auth_events', 'daemon_events']) {
      const sql = `SELECT count(*) AS n, sum(hash(t)::HUGEINT)::VARCHAR AS digest FROM (SELECT * EXCLUDE (source_id, line_number) FROM raw.${table}) t`;
      assert.deepEqual(await site.rows(sql), await clean.rows(sql), table);
    }
  } finally {
    await clean.remove();
  }
}

/** A case: what happens to the folder, with `settle` wherever the daemon has time to look. */
function followed(name: string, steps: (site: LiveSite) => Promise<void>, patterns = ['mail.log']) {
  test(name, async () => {
    const site = new LiveSite();
    try {
      await site.start(patterns, 60_000);
      await steps(site);
      await site.settle();
      await assertExactlyOnce(site);
    } finally {
      await site.remove();
    }
  });
}

followed('a log that appears later and grows, cut anywhere', async (site) => {
  await site.settle();
  const whole = text(0, 600);
  const random = randomSource(5);
  for (let at = 0; at < whole.length; ) {
    const next = Math.min(whole.length, at + 1 + random.below(9000));
    appendFileSync(site.path('mail.log'), whole.slice(at, next));
    at = next;
    await site.settle();
  }
});

followed('renamed, written on by who has it open, and made anew', async (site) => {
  const log = site.path('mail.log');
  writeFileSync(log, text(0, 200));
  await site.settle();
  renameSync(log, `${log}.1`);
  appendFileSync(`${log}.1`, text(200, 250));
  await site.settle();
  writeFileSync(log, text(250, 400));
  appendFileSync(`${log}.1`, text(400, 420));
  await site.settle();
  appendFileSync(log, text(420, 600));
});

followed('copied and truncated, with lines that only the copy has', async (site) => {
  const log = site.path('mail.log');
  writeFileSync(log, text(0, 200));
  await site.settle();
  appendFileSync(log, text(200, 300));
  copyFileSync(log, `${log}.1`);
  truncateSync(log, 0);
  appendFileSync(log, text(300, 350));
  await site.settle();
  appendFileSync(log, text(350, 600));
});

followed('truncated and grown beyond the old end before anybody looked', async (site) => {
  const log = site.path('mail.log');
  writeFileSync(log, text(0, 20));
  await site.settle();
  copyFileSync(log, `${log}.1`);
  truncateSync(log, 0);
  appendFileSync(log, text(20, 600));
});

followed('renamed, compressed, and the plain file removed', async (site) => {
  const log = site.path('mail.log');
  writeFileSync(log, text(0, 200));
  await site.settle();
  appendFileSync(log, text(200, 260));
  renameSync(log, `${log}.1`);
  writeFileSync(log, text(260, 300));
  writeFileSync(`${log}.1.gz`, gzipSync(readFileSync(`${log}.1`)));
  unlinkSync(`${log}.1`);
  await site.settle();
  appendFileSync(log, text(300, 600));
});

followed('removed and made anew', async (site) => {
  const log = site.path('mail.log');
  writeFileSync(log, text(0, 300));
  await site.settle();
  unlinkSync(log);
  await site.settle();
  writeFileSync(log, text(300, 600));
});

followed('a link that is switched to another file', async (site) => {
  writeFileSync(site.path('first'), text(0, 300));
  symlinkSync('first', site.path('mail.log'));
  await site.settle();
  writeFileSync(site.path('second'), text(300, 500));
  unlinkSync(site.path('mail.log'));
  symlinkSync('second', site.path('mail.log'));
  await site.settle();
  appendFileSync(site.path('second'), text(500, 600));
});

followed('replaced by an older copy of itself, then put back', async (site) => {
  const log = site.path('mail.log');
  writeFileSync(log, text(0, 200));
  copyFileSync(log, site.path('backup'));
  await site.settle();
  appendFileSync(log, text(200, 400));
  await site.settle();
  renameSync(log, site.path('newer'));
  renameSync(site.path('backup'), log);
  await site.settle();
  renameSync(site.path('newer'), log);
  appendFileSync(log, text(400, 600));
});

followed('another content copied over the same inode', async (site) => {
  const log = site.path('mail.log');
  writeFileSync(log, text(0, 250));
  await site.settle();
  writeFileSync(log, text(250, 600));
});

followed('an inode that is used again after the file was let go', async (site) => {
  const log = site.path('mail.log');
  writeFileSync(log, text(0, 200));
  await site.settle();
  await site.stop();
  unlinkSync(log);
  writeFileSync(log, text(200, 600));
  await site.start(['mail.log']);
});

followed('several rotations while nobody looked', async (site) => {
  const log = site.path('mail.log');
  writeFileSync(log, text(0, 100));
  await site.settle();
  await site.stop();
  appendFileSync(log, text(100, 200));
  writeFileSync(`${log}.3.gz`, gzipSync(readFileSync(log)));
  writeFileSync(`${log}.2.gz`, gzipSync(text(200, 300)));
  writeFileSync(`${log}.1`, text(300, 450));
  writeFileSync(log, text(450, 600));
  await site.start(['mail.log']);
});

followed(
  'a folder of logs by host',
  async (site) => {
    mkdirSync(site.path('hosts/mx1'), { recursive: true });
    writeFileSync(site.path('hosts/mx1/mail.log'), text(0, 300));
    await site.settle();
    mkdirSync(site.path('hosts/mx2'));
    writeFileSync(site.path('hosts/mx2/mail.log'), text(300, 600));
  },
  ['hosts/*/mail.log'],
);

followed('a last line that is completed later', async (site) => {
  const log = site.path('mail.log');
  const whole = text(0, 300);
  writeFileSync(log, whole.slice(0, -30));
  await site.settle();
  assert.equal((await site.rows('SELECT sum(lines_read) AS n FROM ledger'))[0]?.n, 299);
  appendFileSync(log, whole.slice(-30));
  await site.settle();
  appendFileSync(log, text(300, 600));
});

followed('a rotation that lacks its last newline for good', async (site) => {
  const log = site.path('mail.log');
  writeFileSync(log, text(0, 300).slice(0, -1));
  await site.settle();
  renameSync(log, `${log}.1`);
  const old = new Date(Date.now() - 3_600_000);
  utimesSync(`${log}.1`, old, old);
  writeFileSync(log, text(300, 600));
  await site.settle();
  // Only who finds it anew knows by its time that it is complete.
  await site.stop();
  await site.start(['mail.log']);
});

followed('a compressed rotation that is still being written', async (site) => {
  const log = site.path('mail.log');
  writeFileSync(log, text(400, 600));
  const packed = gzipSync(text(0, 400));
  writeFileSync(`${log}.1.gz`, packed.subarray(0, packed.length >> 1));
  await site.settle();
  writeFileSync(`${log}.1.gz`, packed);
});

for (const seed of [1, 2, 3, 4, 5, 6]) {
  followed(`rotated at random, and restarted at random (seed ${seed})`, async (site) => {
    const random = randomSource(seed);
    const log = site.path('mail.log');
    const rotate = (): void => {
      for (let n = 6; n >= 1; n -= 1) {
        for (const end of ['', '.gz']) {
          if (existsSync(`${log}.${n}${end}`)) {
            renameSync(`${log}.${n}${end}`, `${log}.${n + 1}${end}`);
          }
        }
      }
      if (!existsSync(log)) return;
      if (random.below(2) === 0) renameSync(log, `${log}.1`);
      else {
        copyFileSync(log, `${log}.1`);
        truncateSync(log, 0);
      }
      if (random.below(2) === 0) return;
      writeFileSync(`${log}.1.gz`, gzipSync(readFileSync(`${log}.1`)));
      rmSync(`${log}.1`);
    };
    let rotations = 0;
    for (let at = 0; at < LINES.length; ) {
      const next = Math.min(LINES.length, at + 1 + random.below(40));
      appendFileSync(log, text(at, next));
      at = next;
      if (random.below(4) === 0 && rotations < 6) {
        rotations += 1;
        rotate();
      }
      if (random.below(3) === 0) await site.ingester.round();
      if (random.below(8) === 0) {
        await site.stop();
        await site.start(['mail.log'], 60_000);
      }
    }
  });
}
