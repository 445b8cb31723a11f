import assert from 'node:assert/strict';
import {
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Spool } from '../../../src/mta/queue/spool.ts';
import type { SpoolFiles, SpoolHandle } from '../../../src/mta/queue/spool-files.ts';
import { DISK, SpoolError } from '../../../src/mta/queue/spool-files.ts';
import { envelopeOf, SENT, START, temporaryFolder } from '../../support/mta-queue.ts';
import { randomSource } from '../../support/random.ts';
import { fillDisk, withTinyDisk } from '../../support/tiny-disk.ts';

async function withFolder(work: (path: string) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  try {
    await work(join(folder.path, 'mqueue'));
  } finally {
    folder.remove();
  }
}

async function queue(spool: Spool, id: string, text = 'Subject: x\n\nx\n'): Promise<void> {
  const writer = spool.create(id);
  await writer.write(Buffer.from(text));
  await writer.commit(envelopeOf(id));
}

/** A disk on which operation number `failing` fails; `count` tells how many there were. */
function failingDisk(failing: number, code: string) {
  const seen = { count: 0 };
  const step = () => {
    seen.count += 1;
    if (seen.count === failing) throw Object.assign(new Error(`${code}: made up`), { code });
  };
  const wrap = (handle: SpoolHandle): SpoolHandle => ({
    writeFile: async (data) => {
      step();
      await handle.writeFile(data);
    },
    datasync: async () => {
      step();
      await handle.datasync();
    },
    sync: async () => {
      step();
      await handle.sync();
    },
    close: () => handle.close(),
  });
  const files: SpoolFiles = {
    ...DISK,
    open: async (...args) => {
      if (args[1] !== 'r') step();
      return wrap(await DISK.open(...args));
    },
    rename: async (...args) => {
      step();
      await DISK.rename(...args);
    },
  };
  return { files, seen };
}

suite('spool', () => {
  test('a message is there when commit resolves, in a folder for nobody else', () =>
    withFolder(async (path) => {
      const spool = await Spool.open(path);
      await queue(spool, 'AA1', 'Subject: x\n\nbody\n');
      assert.deepEqual(readdirSync(path).sort(), ['dfAA1', 'qfAA1']);
      assert.equal(readFileSync(join(path, 'dfAA1'), 'utf8'), 'Subject: x\n\nbody\n');
      assert.equal(statSync(path).mode & 0o777, 0o700);
      assert.equal(statSync(join(path, 'qfAA1')).mode & 0o777, 0o600);
      const file = await spool.read('AA1');
      assert.equal(file.kind === 'message' && file.state.envelope.sender, 'ann@partner.example');
      await spool.close();
    }));

  test('a big message goes to the disk while it comes; one broken off leaves nothing', () =>
    withFolder(async (path) => {
      const spool = await Spool.open(path, { memoryLimit: 1000 });
      const writer = spool.create('BIG1');
      for (let part = 0; part < 20; part += 1) await writer.write(Buffer.alloc(300, 65 + part));
      assert.ok(statSync(join(path, 'dfBIG1')).size > 4000);
      await writer.commit(envelopeOf('BIG1'));
      const data = readFileSync(join(path, 'dfBIG1'));
      assert.equal(data.length, 6000);
      assert.equal(data[5999], 84);
      const other = spool.create('BIG2');
      for (let part = 0; part < 20; part += 1) await other.write(Buffer.alloc(300));
      await other.abort();
      assert.deepEqual(await spool.ids(), ['BIG1']);
      assert.equal(readdirSync(path).length, 2);
      await spool.close();
    }));

  test('whatever operation fails, nothing is left and the queue goes on', () =>
    withFolder(async (path) => {
      const counting = failingDisk(0, 'EIO');
      const first = await Spool.open(path, { files: counting.files });
      await queue(first, 'OK0');
      await first.close();
      assert.ok(counting.seen.count >= 7, String(counting.seen.count));
      for (let failing = 1; failing <= counting.seen.count; failing += 1) {
        const code = failing % 2 === 0 ? 'ENOSPC' : 'EIO';
        const spool = await Spool.open(path, { files: failingDisk(failing, code).files });
        await assert.rejects(queue(spool, `X${failing}`), (error: unknown) => {
          assert.ok(error instanceof SpoolError);
          assert.equal(error.fault, code === 'ENOSPC' ? 'full' : 'broken');
          return true;
        });
        assert.deepEqual(readdirSync(path).sort(), ['dfOK0', 'qfOK0'], `operation ${failing}`);
        await queue(spool, `Y${failing}`);
        await spool.finish(`Y${failing}`);
        await spool.close();
      }
    }));

  test('a message of the same id is never overwritten', () =>
    withFolder(async (path) => {
      const spool = await Spool.open(path);
      await queue(spool, 'SAME', 'first\n');
      await assert.rejects(queue(spool, 'SAME', 'second\n'), SpoolError);
      assert.equal(readFileSync(join(path, 'dfSAME'), 'utf8'), 'first\n');
      assert.deepEqual(await spool.ids(), ['SAME']);
      await spool.close();
    }));

  test('messages that come together share the syncs of the folder', () =>
    withFolder(async (path) => {
      let syncs = 0;
      const files: SpoolFiles = {
        ...DISK,
        open: async (...args) => {
          const handle = await DISK.open(...args);
          return {
            writeFile: (data) => handle.writeFile(data),
            datasync: () => handle.datasync(),
            close: () => handle.close(),
            sync: async () => {
              syncs += 1;
              await handle.sync();
            },
          };
        },
      };
      const spool = await Spool.open(path, { files });
      await Promise.all(Array.from({ length: 50 }, (_, n) => queue(spool, `M${n}`)));
      assert.equal((await spool.ids()).length, 50);
      assert.ok(syncs < 50, String(syncs));
      await spool.close();
    }));

  test('a record that could not be written is remembered and goes with the next', () =>
    withFolder(async (path) => {
      const whole = await Spool.open(path);
      await queue(whole, 'REC');
      await whole.close();
      const spool = await Spool.open(path, { files: failingDisk(2, 'ENOSPC').files });
      await assert.rejects(spool.append('REC', [{ t: 'tried', at: START, next: START + 1 }]));
      const before = await spool.read('REC');
      assert.equal(before.kind === 'message' && before.state.tries, 1);
      await spool.append('REC', [{ t: 'tried', at: START + 1, next: START + 2 }]);
      await spool.close();
      const again = await Spool.open(path);
      const after = await again.read('REC');
      assert.equal(after.kind === 'message' && after.state.tries, 2);
      await again.close();
    }));

  test('a record that was cut off spoils only itself', () =>
    withFolder(async (path) => {
      const spool = await Spool.open(path);
      await queue(spool, 'CUT');
      await spool.append('CUT', [{ t: 'tried', at: START, next: START }]);
      await spool.append('CUT', [{ t: 'warned', at: START }]);
      const file = join(path, 'qfCUT');
      truncateSync(file, statSync(file).size - 5);
      const torn = await spool.read('CUT');
      assert.ok(torn.kind === 'message' && torn.state.warnedAt === null && torn.skipped === 1);
      await spool.append('CUT', [{ t: 'held', reason: 'later' }]);
      const after = await spool.read('CUT');
      assert.ok(after.kind === 'message' && after.state.quarantine === 'later');
      assert.equal(after.kind === 'message' && after.state.tries, 1);
      await spool.close();
    }));

  test('the start removes what no message came of, and puts damaged ones aside', () =>
    withFolder(async (path) => {
      const spool = await Spool.open(path);
      for (const id of ['GOOD', 'BAD', 'NODATA']) await queue(spool, id);
      for (const name of ['dfOLD', 'tfOLD', 'dfYOUNG', 'tfGOOD'])
        writeFileSync(join(path, name), 'x');
      const old = START / 1000 - 3600;
      for (const name of ['dfOLD', 'tfOLD', 'tfGOOD', 'dfGOOD', 'dfBAD'])
        utimesSync(join(path, name), old, old);
      writeFileSync(join(path, 'qfBAD'), '{"version":1,"envelope":{}}\n');
      await DISK.unlink(join(path, 'dfNODATA'));
      const recovery = await spool.recover(START);
      assert.deepEqual(recovery.ids, ['GOOD']);
      assert.deepEqual(recovery.lost.map(({ id }) => id).sort(), ['BAD', 'NODATA']);
      assert.equal(recovery.orphans, 3);
      const left = ['QfBAD', 'QfNODATA', 'dfBAD', 'dfGOOD', 'dfYOUNG', 'qfGOOD'];
      assert.deepEqual(readdirSync(path).sort(), left);
      await spool.recover(START);
      assert.deepEqual(readdirSync(path).sort(), left);
      await spool.close();
    }));

  test('a copy shares the data and outlives the original', () =>
    withFolder(async (path) => {
      const spool = await Spool.open(path);
      await queue(spool, 'ORIG', 'shared\n');
      const copy = spool.create('COPY');
      await copy.shareData('ORIG');
      await copy.commit(envelopeOf('COPY'));
      assert.equal(statSync(join(path, 'dfCOPY')).nlink, 2);
      await spool.finish('ORIG');
      assert.equal(readFileSync(join(path, 'dfCOPY'), 'utf8'), 'shared\n');
      assert.deepEqual(await spool.ids(), ['COPY']);
      await spool.close();
    }));

  test('an id that is no id names no file', () =>
    withFolder(async (path) => {
      const spool = await Spool.open(path);
      for (const id of ['../x', '', 'a/b', 'a.b', 'x'.repeat(65), '\0'])
        assert.throws(() => spool.create(id), SpoolError);
      await spool.close();
    }));

  test('a record of a removed message does not bring it back', () =>
    withFolder(async (path) => {
      const spool = await Spool.open(path);
      await queue(spool, 'GONE');
      await spool.finish('GONE');
      await assert.rejects(
        spool.append('GONE', [{ t: 'results', at: START, results: [[0, SENT]] }]),
      );
      assert.deepEqual(readdirSync(path), []);
      await spool.finish('GONE');
      await spool.close();
    }));

  test('control files that were changed at random are read, or damaged, and never throw', () =>
    withFolder(async (path) => {
      const spool = await Spool.open(path);
      await queue(spool, 'FUZZ');
      await spool.append('FUZZ', [
        { t: 'tried', at: START, next: START },
        { t: 'notified', recipients: [0], problems: [] },
        { t: 'results', at: START, results: [[0, SENT]] },
      ]);
      const file = join(path, 'qfFUZZ');
      const whole = readFileSync(file);
      const random = randomSource(6152);
      const kinds = { message: 0, damaged: 0, missing: 0 };
      for (let round = 0; round < 600; round += 1) {
        const bytes = Buffer.from(whole);
        for (let change = random.below(4); change >= 0; change -= 1)
          bytes[random.below(bytes.length)] = random.below(256);
        const end = random.chance(0.3) ? random.below(bytes.length) : bytes.length;
        writeFileSync(file, bytes.subarray(0, end));
        kinds[(await spool.read('FUZZ')).kind] += 1;
      }
      assert.ok(kinds.message > 50 && kinds.damaged > 50, JSON.stringify(kinds));
      await spool.close();
    }));

  test('a full disk refuses, loses nothing and takes again when there is room', () =>
    withFolder(async (path) => {
      await mkdir(path);
      await withTinyDisk(join(path, 'disk'), async (disk) => {
        const spool = await Spool.open(join(disk, 'mqueue'));
        await queue(spool, 'BEFORE');
        assert.ok((await spool.freeBytes()) > 1_000_000);
        fillDisk(join(disk, 'ballast'));
        const big = 'x'.repeat(100_000);
        await assert.rejects(queue(spool, 'FULL', big), { fault: 'full' });
        assert.deepEqual(readdirSync(join(disk, 'mqueue')).sort(), ['dfBEFORE', 'qfBEFORE']);
        await DISK.unlink(join(disk, 'ballast'));
        await queue(spool, 'AFTER', big);
        assert.deepEqual([...(await spool.ids())].sort(), ['AFTER', 'BEFORE']);
        await spool.close();
      });
    }));
});
