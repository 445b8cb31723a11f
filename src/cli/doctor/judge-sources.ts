/** Each log by itself: does it get in, is it read in time, whose lines are they, are they understood? */

import type { SourceReport } from '../../../ingest/live/source-status.ts';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatShare,
} from '../../../reports/render/numbers.ts';
import { doubtful, type Finding, fine, withExamples, wrong } from './finding.ts';
import type { Identity } from './identity.ts';
import { type Obstacle, obstacleText, waysIn } from './permission.ts';
import type { FileFacts, FileState } from './source-files.ts';
import type { NotUnderstood, StoredSource } from './source-rows.ts';

/** The daemon as far as its sources are concerned. */
export interface DaemonReading {
  readonly sources: readonly SourceReport[];
  /** `device:inode` of files it reads. */
  readonly keys: ReadonlySet<string>;
  /** Seconds. */
  readonly uptime: number;
  readonly user: Identity | undefined;
}

export interface SourceView {
  /** Milliseconds. */
  readonly now: number;
  readonly user: Identity;
  /** Null where none answers. */
  readonly daemon: DaemonReading | null;
  /** Logs that are on this machine in the usual places. */
  readonly usualLogs: readonly string[];
  /** What keeps the daemon's user from a file. */
  readonly obstacleOf: (path: string, who: Identity) => Obstacle | undefined;
}

const CHECK = 'source';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A daemon is behind by a second or two; by this it is late, and by the other something is wrong. */
const LATE_S = 60;
const VERY_LATE_S = 3600;
/** A daemon that has just started has not come round to everything. */
const STARTING_S = 15;
const NO_DAEMON_ADVICE =
  'run maillog ingest from cron, every five minutes (crontab.example), or let maillog serve follow it (serve.follow)';
const START_ADVICE = 'start the daemon: it goes on where the store left off';

/** What is wrong with a log; empty if nothing is. */
export function judgeFile(facts: FileFacts, view: SourceView): readonly Finding[] {
  const { path, state, isCurrent } = facts;
  switch (state.kind) {
    case 'missing':
      return [wrong(CHECK, `${path}: there is no such file`, usualPlaces(view.usualLogs))];
    case 'no-match': {
      const advice = usualPlaces(view.usualLogs);
      return [doubtful(CHECK, `${path}: no log matches it now`, advice)];
    }
    case 'failed':
      return [wrong(CHECK, `${path}: ${state.problem}`, usualPlaces(view.usualLogs))];
    case 'forbidden':
      return judgeForbidden(facts, state.obstacle, view);
    case 'there':
      return isCurrent ? judgeReading(facts, state, view) : [];
  }
}

/** Where a log could be that is not where it was looked for. */
export function usualPlaces(found: readonly string[]): string {
  return found.length > 0
    ? `on this machine there is ${found.join(', ')}; if syslog writes elsewhere, name that (mail.* in /etc/rsyslog.conf and /etc/rsyslog.d)`
    : 'mail logs usually are /var/log/mail.log (Debian) or /var/log/maillog (Red Hat, BSD); here is neither: with the journal alone set serve.journal = ["--facility=mail"], else see mail.* in /etc/rsyslog.conf';
}

function liveOf(
  { path, state }: FileFacts,
  { daemon }: SourceView,
): SourceReport | 'alias' | undefined {
  const live = daemon?.sources.find(({ source }) => source === path);
  if (live !== undefined || state.kind !== 'there') return live;
  // One file with two names is followed under one of them.
  return daemon?.keys.has(state.key) ? 'alias' : undefined;
}

function judgeForbidden(
  facts: FileFacts,
  obstacle: Obstacle | undefined,
  view: SourceView,
): readonly Finding[] {
  // The daemon reads it, and answers for it: nobody else need.
  if (liveOf(facts, view) !== undefined) return [];
  const { daemon, user } = view;
  if (daemon?.user !== undefined && daemon.user.uid !== user.uid) {
    return judgeNotFollowed(facts, daemon, view);
  }
  const again = daemon === null ? 'log in again' : 'restart the daemon';
  const finding = `${facts.path}: user ${user.name} may not read it (${obstacleText(facts.path, obstacle)})`;
  return [wrong(CHECK, finding, waysIn(obstacle, user.name, again))];
}

function daemonMayNot(path: string, obstacle: Obstacle, user: Identity): Finding {
  const finding = `${path}: the daemon's user ${user.name} may not read it (${obstacleText(path, obstacle)})`;
  return wrong(CHECK, finding, waysIn(obstacle, user.name, 'restart the daemon'));
}

function judgeReading(
  facts: FileFacts,
  state: FileState & { kind: 'there' },
  view: SourceView,
): readonly Finding[] {
  if (view.daemon === null) return judgeUnread(facts, state, view);
  const live = liveOf(facts, view);
  if (live === 'alias' || state.size === 0) return [];
  if (live !== undefined) return judgeLag(live);
  if (!facts.isConfigured) return judgeUnread(facts, state, view);
  return judgeNotFollowed(facts, view.daemon, view);
}

function judgeNotFollowed(
  { path }: FileFacts,
  daemon: DaemonReading,
  view: SourceView,
): readonly Finding[] {
  const obstacle = daemon.user && view.obstacleOf(path, daemon.user);
  if (obstacle !== undefined && daemon.user !== undefined) {
    return [daemonMayNot(path, obstacle, daemon.user)];
  }
  if (daemon.uptime < STARTING_S) return [];
  const advice =
    'if it was configured after the daemon started: systemctl reload maillog; else see its log (journalctl -u maillog)';
  return [wrong(CHECK, `${path}: the daemon does not read it, though it is configured`, advice)];
}

/** A source the daemon reads. */
export function judgeLag({ source, lag, backlog }: SourceReport): readonly Finding[] {
  if (backlog === 0 || lag < LATE_S) return [];
  const finding = `${source}: the daemon is ${formatDuration(lag)} behind, ${formatBytes(backlog)} are not stored yet`;
  const advice =
    'after a start or a large rotation this goes by; if it grows, see its log (journalctl -u maillog), disk and processor';
  return [lag < VERY_LATE_S ? doubtful(CHECK, finding, advice) : wrong(CHECK, finding, advice)];
}

function judgeUnread(
  { path, isConfigured }: FileFacts,
  { size, unread, stored, modifiedAt }: FileState & { kind: 'there' },
  { now }: SourceView,
): readonly Finding[] {
  if (unread === null || unread === 0) return [];
  const advice = isConfigured ? START_ADVICE : NO_DAEMON_ADVICE;
  if (stored === undefined) {
    const finding = `${path}: nothing of its ${formatBytes(size)} has been read; it was written to ${ago(now - modifiedAt)}`;
    return [isConfigured ? wrong(CHECK, finding, advice) : doubtful(CHECK, finding, advice)];
  }
  const age = now - stored.readAt;
  if (age < HOUR) return [];
  const finding = `${path}: ${formatBytes(unread)} of ${formatBytes(size)} are not read yet; it was last read ${ago(age)}`;
  return [doubtful(CHECK, finding, advice)];
}

/** One line on a log that is well. */
export function describeFile(facts: FileFacts, view: SourceView): string {
  const { path, state } = facts;
  const live = liveOf(facts, view);
  if (state.kind !== 'there') return `${path}: read by the daemon`;
  if (live === 'alias') return `${path}: another name of a file that is read`;
  if (state.size === 0) return `${path}: empty now`;
  const { stored, unread } = state;
  if (stored === undefined && unread === null)
    return `${path}: readable, ${formatBytes(state.size)}`;
  const parts = [dialects(stored), newestText(stored, live, view.now)];
  if (live !== undefined) parts.push(`${formatBytes(state.size)} followed by the daemon`);
  else if (unread !== null && unread > 0) parts.push(`${formatBytes(unread)} to be read`);
  else parts.push(`all of ${formatBytes(state.size)} read`);
  return `${path}: ${parts.join(', ')}`;
}

export function dialects(stored: StoredSource | undefined): string {
  if (stored === undefined) return 'not in the store yet';
  return stored.mtas.length === 0 ? 'no mail event yet' : stored.mtas.join(' and ');
}

export function newestText(
  stored: StoredSource | undefined,
  live: SourceReport | undefined,
  now: number,
): string {
  const newest = Math.max(stored?.newest ?? 0, (live?.newest ?? 0) * 1000);
  return newest === 0 ? 'no line yet' : `newest line ${ago(now - newest)}`;
}

export function ago(milliseconds: number): string {
  if (milliseconds < -MINUTE) return `${formatDuration(-milliseconds / 1000)} ahead of now`;
  return milliseconds < MINUTE ? 'just now' : `${formatDuration(milliseconds / 1000)} ago`;
}

/** More of them would push out what is wrong. */
const MOST_SHOWN = 5;

/** A line for each, or one for all. */
export function describeHealthy(texts: readonly string[]): readonly Finding[] {
  if (texts.length <= MOST_SHOWN) return texts.map((text) => fine(CHECK, text));
  return [fine(CHECK, `${formatCount(texts.length)} are well, such as ${texts[0]}`)];
}

/** Findings that differ in nothing but the file become one. */
export function joinAlike(findings: readonly Finding[]): readonly Finding[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const { advice, verdict } = finding;
    const rest = finding.finding.slice(nameEnd(finding.finding));
    const key = [verdict, rest, withoutName(advice, finding.finding)].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined || group.length <= 2) return group;
    const end = nameEnd(first.finding);
    const names = group.slice(0, 3).map(({ finding }) => finding.slice(0, nameEnd(finding)));
    const others = group.length > 3 ? ` and ${formatCount(group.length - 3)} more` : '';
    return [{ ...first, finding: `${names.join(', ')}${others}${first.finding.slice(end)}` }];
  });
}

const nameEnd = (text: string): number => Math.max(0, text.indexOf(': '));

function withoutName(advice: string | null, finding: string): string {
  return (advice ?? '').replaceAll(finding.slice(0, nameEnd(finding)), '');
}

/** Shares of mail lines not understood from which on it is worth a word, and from which on it is wrong. */
const FEW = 0.01;
const MOST = 0.5;
const ENOUGH_LINES = 20;

/** Whether its lines call for a look at examples: `foreign` if none is a mail server's. */
export function isStrange({ counts }: StoredSource): 'foreign' | 'unread' | undefined {
  const { read, parsed, unsupported, malformed, duplicate } = counts;
  const strange = unsupported + malformed;
  if (read > 0 && parsed + unsupported + duplicate === 0) return 'foreign';
  const mail = parsed + strange;
  return read >= ENOUGH_LINES && strange > mail * FEW ? 'unread' : undefined;
}

/** A source with lines that call for a look. */
export interface StrangeSource {
  readonly source: StoredSource;
  readonly found: NotUnderstood | undefined;
}

/** What is to be said of lines that are no mail server's or that nobody understands; what is alike in one. */
export function judgeStrange(all: readonly StrangeSource[]): readonly Finding[] {
  const groups = new Map<string, StrangeSource[]>();
  for (const one of all) {
    const key = JSON.stringify([isStrange(one.source), isMostly(one.source), one.found?.why]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const findings = [...groups.values()].flatMap((group) =>
    group.length > MOST_APART ? [judgeGroup(group)] : group.map((one) => judgeGroup([one])),
  );
  // Those with the same advice stand together.
  return findings.toSorted((a, b) => (a.advice ?? '').localeCompare(b.advice ?? ''));
}

const MOST_APART = 2;
const NAMES_SHOWN = 3;

function judgeGroup(group: readonly StrangeSource[]): Finding {
  const [first] = group;
  const sum = (count: (counts: StoredSource['counts']) => number): number =>
    group.reduce((total, { source }) => total + count(source.counts), 0);
  const shown = group.slice(0, NAMES_SHOWN).map(({ source }) => source.name);
  const others =
    group.length > NAMES_SHOWN ? ` and ${formatCount(group.length - NAMES_SHOWN)} more` : '';
  const names = `${shown.join(', ')}${others}`;
  const lines = first?.found?.lines ?? [];
  if (first !== undefined && isStrange(first.source) === 'foreign') {
    const finding = `${names}: none of ${formatCount(sum(({ read }) => read))} lines is a mail server's`;
    return withExamples(doubtful(CHECK, finding, FOREIGN_ADVICE), lines);
  }
  const unsupported = sum((counts) => counts.unsupported);
  const strange = unsupported + sum(({ malformed }) => malformed);
  const mail = strange + sum(({ parsed }) => parsed);
  const why = first?.found === undefined ? '' : `, mostly: ${first.found.why}`;
  const finding = `${names}: ${formatCount(strange)} of ${formatCount(mail)} mail lines (${formatShare(strange, mail)}) are not understood${why}`;
  const make = first !== undefined && isMostly(first.source) ? wrong : doubtful;
  return withExamples(make(CHECK, finding, adviceOn(unsupported, strange)), lines);
}

/** Most of its mail lines are not understood. */
function isMostly({ counts }: StoredSource): boolean {
  const strange = counts.unsupported + counts.malformed;
  return strange >= (strange + counts.parsed) * MOST;
}

const FOREIGN_ADVICE =
  'if it is not meant to hold mail, leave it out (serve.follow, or what cron ingests); else look where mail.* goes in /etc/rsyslog.conf';

function adviceOn(unsupported: number, strange: number): string {
  return unsupported * 2 > strange
    ? 'most are of mail programs without a dialect: they are counted, nothing more'
    : 'see all: maillog query "FROM unparsed_lines"; lines cut off or changed on their way point at syslog (MaxMessageSize, templates), well-formed ones are worth a report';
}
