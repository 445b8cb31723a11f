/** The store: is it there, can it be opened, what was read into it and when, and what does it hold. */
import { existsSync, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { formatBytes, formatCount, formatDuration } from '../../../reports/render/numbers.ts';
import { surroundings } from '../../config/config.ts';
import { defaultDatabase } from '../../config/places.ts';
import { MaillogError } from '../../model/errors.ts';
import { SCHEMA_VERSION } from '../../store/duckdb/migrations.ts';
import type { Query, Row } from '../../store/store.ts';
import type { CommandContext } from '../context.ts';
import { openReader } from '../open-store.ts';
import { judge } from './contents.ts';
import { doubtful, type Finding, fine, wrong } from './finding.ts';
import { readContents } from './store-contents.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
/** A log may be ahead of the store by so much, as cron reads every few minutes. */
const LAG_MS = 3_600_000;
const SOURCES_LOOKED_AT = 200;
const FROM_CRON = 'run maillog ingest from cron, every five minutes (crontab.example)';

/** `besides`: files are looked at too, so that a store is not needed. */
export async function checkStore(
  context: CommandContext,
  besides: boolean,
): Promise<readonly Finding[]> {
  const path = context.config.settings.db;
  if (!existsSync(path)) return [missing(context, besides)];
  try {
    const store = await openReader(path);
    try {
      return await checkOpened(context, store);
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof MaillogError)) throw error;
    return [wrong('store', error.message, 'see docs/errors.md for what it means')];
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
      : 'run "maillog ingest FILE..." first, or name one with --db';
  return besides ? doubtful('store', finding, advice) : wrong('store', finding, advice);
}

async function checkOpened(context: CommandContext, store: Query): Promise<readonly Finding[]> {
  const opened = await checkSchema(context, store);
  if (opened.verdict === 'fail') return [opened];
  const sources = await readSources(store);
  const read = checkSources(context, sources);
  if (read.verdict === 'fail') return [opened, read];
  const now = context.now.getTime();
  const contents = await readContents(store, context.now);
  const place = { prefix: '', now, zone: context.zone };
  return [opened, read, checkLedger(sources), ...judge(contents, place)];
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
  const text = `${db}, ${formatBytes(statSync(db).size)}, schema version ${version}`;
  if (version > SCHEMA_VERSION) {
    const advice = `this maillog knows versions up to ${SCHEMA_VERSION}: upgrade it`;
    return wrong(check, `${text}, of a newer maillog`, advice);
  }
  if (version < SCHEMA_VERSION) {
    return doubtful(check, `${text}, of an older maillog`, 'the next "maillog ingest" upgrades it');
  }
  return fine(check, text);
}

async function readSources(store: Query): Promise<readonly Row[]> {
  return (await store.query('SELECT * FROM ledger ORDER BY last_read_at DESC, source')).rows;
}

function checkSources({ now }: CommandContext, sources: readonly Row[]): Finding {
  const check = 'sources';
  if (sources.length === 0) {
    return wrong(check, 'nothing was ever read into it', 'run "maillog ingest FILE..."');
  }
  const lastRead = Date.parse(String(sources[0]?.last_read_at));
  const age = now.getTime() - lastRead;
  const text = `${formatCount(sources.length)}, the latest read ${age < MINUTE ? 'just now' : `${formatDuration(age / 1000)} ago`}: ${sources[0]?.source}`;
  const grown = sources.slice(0, SOURCES_LOOKED_AT).filter(hasGrown);
  if (grown.length > 0) {
    const names = grown.map(({ source }) => source).join(', ');
    return doubtful(check, `${text}; written to since they were read: ${names}`, FROM_CRON);
  }
  return age > DAY ? doubtful(check, text, FROM_CRON) : fine(check, text);
}

/** Whether the file that bears the source's name was written well after it was read. */
function hasGrown({ source, last_read_at: readAt }: Row): boolean {
  if (typeof source !== 'string' || !isAbsolute(source)) return false;
  const stats = statSync(source, { throwIfNoEntry: false });
  return stats?.isFile() === true && stats.mtimeMs > Date.parse(String(readAt)) + LAG_MS;
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
