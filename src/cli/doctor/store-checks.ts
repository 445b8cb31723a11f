/** The store: is it there, can it be opened, what was read into it and when, and what does it hold. */
import { existsSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { formatBytes, formatCount, formatDuration } from '../../../reports/render/numbers.ts';
import { surroundings } from '../../config/config.ts';
import { defaultDatabase } from '../../config/places.ts';
import type { Settings } from '../../config/settings.ts';
import { MaillogError } from '../../model/errors.ts';
import { SCHEMA_VERSION } from '../../store/duckdb/migrations.ts';
import { findRetentionMark } from '../../store/retention-mark.ts';
import type { Query, Row } from '../../store/store.ts';
import type { CommandContext } from '../context.ts';
import { openReader } from '../open-store.ts';
import { type Contents, judge } from './contents.ts';
import type { DaemonState } from './daemon-state.ts';
import { doubtful, type Finding, fine, withExamples, wrong } from './finding.ts';
import { judgeClocks, judgeSilence } from './judge-hosts.ts';
import { judgeRetention, judgeRoom } from './judge-room.ts';
import { checkSources, findStrange } from './live-checks.ts';
import { readStoreView, type StoreView } from './source-rows.ts';
import { readContents } from './store-contents.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const MEBIBYTE = 1024 * 1024;
const FROM_CRON = 'run maillog ingest from cron, every five minutes (crontab.example)';

/** `besides`: files are looked at too, so that a store is not needed. */
export async function checkStore(
  context: CommandContext,
  daemon: DaemonState,
  besides: boolean,
): Promise<readonly Finding[]> {
  const path = context.config.settings.db;
  // Without the store, whether logs can be read can still be told.
  const logs = async (): Promise<readonly Finding[]> => checkSources(context, daemon, null);
  if (!existsSync(path)) return [missing(context, besides), ...(await logs())];
  // It cannot be opened, and what keeps it is told of already.
  if (daemon.kind === 'silent' || daemon.kind === 'strange') return [];
  try {
    const store = await openReader(path);
    try {
      return await checkOpened(context, daemon, store);
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof MaillogError)) throw error;
    if (daemon.kind === 'forbidden' && error.code === 'E_NO_ACCESS') return [];
    const finding = wrong('store', error.message, 'see docs/errors.md for what it means');
    return [finding, ...(await logs())];
  }
}

function missing(context: CommandContext, besides: boolean): Finding {
  const { config, io } = context;
  const { db } = config.settings;
  const finding = `there is no database at ${db} (${config.origins.db})`;
  const around = { ...surroundings(io.env, io.cwd), isRoot: true };
  const ofRoot = defaultDatabase(around);
  const advice =
    db !== ofRoot && existsSync(ofRoot)
      ? `there is one at ${ofRoot}, where root keeps it: name it with --db or $MAILLOG_DB`
      : howToMake(config.settings);
  return besides ? doubtful('store', finding, advice) : wrong('store', finding, advice);
}

function howToMake({ follow, listen, journal }: Settings): string {
  return follow.length + listen.length + journal.length > 0
    ? 'the daemon makes it when it starts; or name another with --db'
    : 'run "maillog ingest FILE..." first, or name one with --db';
}

async function checkOpened(
  context: CommandContext,
  daemon: DaemonState,
  store: Query,
): Promise<readonly Finding[]> {
  const opened = await checkSchema(context, store);
  if (opened.verdict === 'fail') return [opened];
  const ledger = await readLedger(store);
  const overview = checkOverview(context, daemon, ledger);
  if (overview.verdict === 'fail') {
    return [opened, overview, ...(await checkSources(context, daemon, []))];
  }
  const seen = await readStoreView(store, context.now);
  const contents = await readContents(store, context.now);
  const strange = await findStrange(store, seen.sources);
  // Of a single source all that is to be said of its lines is said of the store.
  const isSingle = seen.sources.length === 1;
  const apart = isSingle ? undefined : strange;
  const examples = isSingle ? (strange.findings[0]?.examples ?? []) : [];
  return [
    opened,
    ...(await checkUpkeep(context, store, contents)),
    overview,
    ...(await checkSources(context, daemon, seen.sources, apart)),
    checkLedger(ledger),
    ...judgeStore(context, seen, contents, examples),
  ];
}

/** Lines, events and clocks: of all together, and of those hosts that differ. */
function judgeStore(
  { now, zone }: CommandContext,
  { hosts, stamped }: StoreView,
  contents: Contents,
  examples: readonly string[],
): readonly Finding[] {
  const judged = judge(contents, { prefix: '', now: now.getTime(), zone });
  const clocks = judgeClocks(hosts, stamped, now);
  const silent = judgeSilence(hosts, now.getTime());
  return judged.flatMap((finding) => {
    if (finding.check === 'lines') return [withExamples(finding, examples)];
    if (finding.check === 'events') return [finding, ...silent];
    return finding.check === 'clock' && clocks.length > 0 ? clocks : [finding];
  });
}

async function checkUpkeep(
  { config, now }: CommandContext,
  store: Query,
  { first, last }: Contents,
): Promise<readonly Finding[]> {
  const { db, reserveMegabytes, retentionDays } = config.settings;
  const folder = dirname(db);
  const mark = await findRetentionMark(store);
  const retention = { days: retentionDays, mark, first, now: now.getTime() };
  const { bavail, blocks, bsize } = statfsSync(folder);
  const room = {
    folder,
    free: bavail * bsize,
    total: blocks * bsize,
    used: bytesOf(db),
    reserve: reserveMegabytes * MEBIBYTE,
    days: first === null || last === null ? 0 : (last - first) / DAY,
  };
  return [...judgeRoom(room), ...judgeRetention(retention)];
}

async function checkSchema(context: CommandContext, store: Query): Promise<Finding> {
  const { db } = context.config.settings;
  const check = 'store';
  const { rows } = await store.query(
    "SELECT count(*) AS amount FROM information_schema.tables WHERE table_schema = 'raw' AND table_name IN ('schema_versions', 'sources')",
  );
  if (Number(rows[0]?.amount ?? 0) < 2) {
    return wrong(check, `${db} is a DuckDB file, but not maillog's`, 'name another with --db');
  }
  const versions = await store.query('SELECT max(version) AS version FROM raw.schema_versions');
  const version = Number(versions.rows[0]?.version ?? 0);
  const text = `${db}, ${formatBytes(bytesOf(db))}, schema version ${version}`;
  if (version > SCHEMA_VERSION) {
    const advice = `this maillog knows versions up to ${SCHEMA_VERSION}: upgrade it`;
    return wrong(check, `${text}, of a newer maillog`, advice);
  }
  if (version < SCHEMA_VERSION) {
    return doubtful(check, `${text}, of an older maillog`, 'the next "maillog ingest" upgrades it');
  }
  return fine(check, text);
}

/** The file, and the log of what is not in it yet. */
function bytesOf(db: string): number {
  return statSync(db).size + (statSync(`${db}.wal`, { throwIfNoEntry: false })?.size ?? 0);
}

async function readLedger(store: Query): Promise<readonly Row[]> {
  return (await store.query('SELECT * FROM ledger ORDER BY last_read_at DESC, source')).rows;
}

function checkOverview(
  { now }: CommandContext,
  daemon: DaemonState,
  sources: readonly Row[],
): Finding {
  const check = 'sources';
  if (sources.length === 0) {
    return wrong(check, 'nothing was ever read into it', 'run "maillog ingest FILE..."');
  }
  const lastRead = Date.parse(String(sources[0]?.last_read_at));
  const age = now.getTime() - lastRead;
  const text = `${formatCount(sources.length)}, the latest read ${age < MINUTE ? 'just now' : `${formatDuration(age / 1000)} ago`}: ${sources[0]?.source}`;
  // A daemon reads whatever comes; that nothing comes is told by the events.
  return age > DAY && daemon.kind === 'absent'
    ? doubtful(check, text, FROM_CRON)
    : fine(check, text);
}

function checkLedger(sources: readonly Row[]): Finding {
  const check = 'ledger';
  const off = sources.filter((row) => {
    const outcomes = ['parsed', 'foreign', 'unsupported', 'malformed', 'duplicate'];
    const sum = outcomes.reduce((total, name) => total + Number(row[`lines_${name}`]), 0);
    return sum !== Number(row.lines_read);
  });
  if (off.length === 0) {
    const read = sources.reduce((sum, row) => sum + Number(row.lines_read), 0);
    return fine(check, `adds up: each of ${formatCount(read)} lines read has one outcome`);
  }
  return wrong(
    check,
    `does not add up for ${off.map(({ source }) => source).join(', ')}`,
    'this is a defect of maillog, please report it; the figures of these files are not to be trusted',
  );
}
