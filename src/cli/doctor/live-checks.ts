/**
 * The daemon, and each log and listener that is to get in: gathers what the system, the daemon and the store
 * tell, and has it judged. Works the same where there is no daemon or no store yet.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { SourceReport } from '../../../ingest/live/source-status.ts';
import { formatDuration } from '../../../reports/render/numbers.ts';
import type { Query } from '../../store/store.ts';
import type { CommandContext } from '../context.ts';
import { VERSION } from '../version.ts';
import type { DaemonState } from './daemon-state.ts';
import { doubtful, type Finding, wrong } from './finding.ts';
import { thisUser } from './identity.ts';
import { judgeDaemon } from './judge-daemon.ts';
import { judgeListeners } from './judge-listeners.ts';
import type { DaemonReading, SourceView } from './judge-sources.ts';
import {
  describeFile,
  describeHealthy,
  dialects,
  isStrange,
  joinAlike,
  judgeFile,
  judgeLag,
  judgeStrange,
  newestText,
} from './judge-sources.ts';
import { obstacleOf } from './permission.ts';
import { type FileFacts, lookAtFiles } from './source-files.ts';
import { readNotUnderstood, type StoredSource } from './source-rows.ts';

const MEBIBYTE = 1024 * 1024;
/** A journal that is followed has entries of mail within this time, if ever. */
const JOURNAL_PATIENCE_S = 600;
const JOURNAL = 'journal';
/** Sources whose lines are looked at, the latest read first. */
const MOST_STRANGE = 5000;
const RECENT = 7 * 86_400_000;

const USUAL_LOGS: readonly string[] = [
  '/var/log/mail.log',
  '/var/log/maillog',
  '/var/log/mail',
  '/var/log/mail/mail.log',
  '/var/log/mail.info',
];

export function checkDaemon({ config }: CommandContext, state: DaemonState): readonly Finding[] {
  const { follow, listen, journal } = config.settings;
  const settings = Object.entries({ follow, listen, journal })
    .filter(([, list]) => list.length > 0)
    .map(([name]) => `serve.${name}`);
  return judgeDaemon(state, { settings, version: VERSION, user: thisUser().name });
}

/** Logs, the journal, listeners. `known`: the sources of the store; null where they cannot be known. */
export async function checkSources(
  context: CommandContext,
  state: DaemonState,
  known: readonly StoredSource[] | null,
  strange: StrangeSources = NONE_STRANGE,
): Promise<readonly Finding[]> {
  const view = viewOf(context, state);
  const sources = known ?? [];
  const { follow } = context.config.settings;
  const files = await lookAtFiles(follow, known, view.user);
  const journal = checkJournal(context, state);
  const others = othersOf(view, files).filter(
    ({ source }) => source !== JOURNAL || journal.length === 0,
  );
  const isWell = (facts: FileFacts): boolean =>
    facts.isCurrent &&
    !strange.names.has(facts.path) &&
    isShown(facts, files) &&
    judgeFile(facts, view).length === 0;
  const describeLive = (live: SourceReport): string => {
    const stored = sources.find(({ name }) => name === live.source);
    const newest = newestText(stored, live, view.now);
    return `${live.source}: ${dialects(stored)}, ${newest}, read by the daemon`;
  };
  const healthy = [
    ...files.filter(isWell).map((facts) => describeFile(facts, view)),
    ...others
      .filter((live) => !strange.names.has(live.source) && judgeLag(live).length === 0)
      .map(describeLive),
  ];
  const sick = [...files.flatMap((facts) => judgeFile(facts, view)), ...others.flatMap(judgeLag)];
  return [
    ...joinAlike(sick),
    ...journal,
    ...strange.findings,
    ...describeHealthy(healthy),
    ...checkListeners(context, state),
  ];
}

/** What the daemon reads besides the files that were looked at; each name once. Listeners are told of apart. */
function othersOf({ daemon }: SourceView, files: readonly FileFacts[]): readonly SourceReport[] {
  const named = new Set(files.map(({ path }) => path));
  return (daemon?.sources ?? []).filter((live) => {
    const isNew = !named.has(live.source) && !isListener(live);
    named.add(live.source);
    return isNew;
  });
}

/** An empty log beside others is not worth a line. */
function isShown({ state }: FileFacts, all: readonly FileFacts[]): boolean {
  return all.length === 1 || state.kind !== 'there' || state.size > 0;
}

const isListener = ({ source }: SourceReport): boolean => /^\w+:\/\//.test(source);

function viewOf({ now }: CommandContext, state: DaemonState): SourceView {
  return {
    now: now.getTime(),
    user: thisUser(),
    daemon: state.kind === 'here' ? readingOf(state) : null,
    usualLogs: USUAL_LOGS.filter((path) => existsSync(path)),
    obstacleOf,
  };
}

function readingOf({ health, user }: DaemonState & { kind: 'here' }): DaemonReading {
  const keys = new Set<string>();
  for (const { source } of health.sources) {
    if (!source.startsWith('/')) continue;
    try {
      const { dev, ino } = statSync(source);
      keys.add(`${dev}:${ino}`);
    } catch {
      // Gone, or not to be looked at by this user.
    }
  }
  return { sources: health.sources, keys, uptime: health.uptime, user };
}

function checkJournal({ config, io }: CommandContext, state: DaemonState): readonly Finding[] {
  const { journal } = config.settings;
  if (journal.length === 0) return [];
  const folders = (io.env.PATH ?? '').split(delimiter);
  if (!folders.some((folder) => existsSync(join(folder, 'journalctl')))) {
    const advice =
      'the journal is read through journalctl, of systemd: install it, or unset serve.journal';
    return [wrong('source', `${JOURNAL}: there is no journalctl in the PATH`, advice)];
  }
  return state.kind === 'here' ? judgeJournal(journal, state) : [];
}

function judgeJournal(
  filters: readonly string[],
  { health, user }: DaemonState & { kind: 'here' },
): readonly Finding[] {
  const { sources, uptime } = health;
  const live = sources.find(({ source }) => source === JOURNAL);
  if ((live?.counts.read ?? 0) > 0 || uptime < JOURNAL_PATIENCE_S) return [];
  const finding = `${JOURNAL}: no entry has come since the daemon began, ${formatDuration(uptime)} ago`;
  const whose = user === undefined ? 'its user' : `user ${user.name}`;
  const advice = `as ${whose} try: journalctl ${filters.join(' ')} -n 3; without entries it must be in group systemd-journal (or adm), or the filter matches none`;
  return [doubtful('source', finding, advice)];
}

function checkListeners({ config, now }: CommandContext, state: DaemonState): readonly Finding[] {
  if (state.kind !== 'here') return [];
  const { health } = state;
  return judgeListeners({
    configured: config.settings.listen,
    listeners: health.listeners,
    uptime: health.uptime,
    spoolLimit: config.settings.spoolMegabytes * MEBIBYTE,
    receiveLimit: receiveLimit(),
    quietFor: (address) => {
      const at = health.sources.find(({ source }) => source === address)?.committedAt;
      return at == null ? undefined : now.getTime() / 1000 - at;
    },
  });
}

/** See socket(7). */
function receiveLimit(): number | undefined {
  try {
    return Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8'));
  } catch {
    return undefined;
  }
}

/** Sources with lines that are not understood: what is said of them, and which they are. */
export interface StrangeSources {
  readonly findings: readonly Finding[];
  readonly names: ReadonlySet<string>;
}

const NONE_STRANGE: StrangeSources = { findings: [], names: new Set() };

export async function findStrange(
  store: Query,
  sources: readonly StoredSource[],
): Promise<StrangeSources> {
  // Of old archives there is nothing to mend; `lines` counts them in.
  const latest = Math.max(...sources.map(({ readAt }) => readAt));
  const strange = sources
    .filter((source) => isStrange(source) !== undefined && source.readAt > latest - RECENT)
    .slice(0, MOST_STRANGE);
  const found = await readNotUnderstood(
    store,
    strange.map(({ id }) => id),
  );
  const findings = judgeStrange(strange.map((source) => ({ source, found: found.get(source.id) })));
  return { findings, names: new Set(strange.map(({ name }) => name)) };
}
