/** What the daemon's state means: should there be one, may it be asked, does it store what it reads? */
import { formatBytes, formatCount, formatDuration } from '../../../reports/render/numbers.ts';
import type { Hello } from '../../store/remote/protocol.ts';
import type { Health } from '../serve/health.ts';
import type { DaemonState, SocketAccess } from './daemon-state.ts';
import { doubtful, type Finding, fine, wrong } from './finding.ts';
import type { Identity } from './identity.ts';
import { ownershipText } from './permission.ts';

export interface DaemonWanted {
  /** Settings by which there should be a daemon, such as `serve.follow`. */
  readonly settings: readonly string[];
  /** The version of this maillog. */
  readonly version: string;
  /** Who asks. */
  readonly user: string;
}

const CHECK = 'daemon';
const START =
  'start it: systemctl enable --now maillog (unit file: docs/systemd/maillog.service), or run maillog serve';
const RESTART = 'restart it: systemctl restart maillog';

/** Nothing to say where no daemon is wanted and none is there. */
export function judgeDaemon(state: DaemonState, wanted: DaemonWanted): readonly Finding[] {
  switch (state.kind) {
    case 'absent':
      return wanted.settings.length === 0 ? [] : [judgeAbsence(state, wanted)];
    case 'forbidden':
      return [judgeForbidden(state.socket, state.access, wanted.user)];
    case 'silent':
      return [
        wrong(
          CHECK,
          `a daemon listens at ${state.socket}, but does not answer: it is starting, ending, or hangs`,
          `wait a minute and look again; then see its log (journalctl -u maillog), and ${RESTART}`,
        ),
      ];
    case 'strange':
      return [wrong(CHECK, otherVersion(state.hello, wanted), RESTART)];
    case 'store-only':
      return wanted.settings.length === 0 ? [] : [judgeStoreOnly(state.hello, wanted)];
    case 'mute':
      return [
        doubtful(
          CHECK,
          `process ${state.hello.pid} answers, but cannot say how it is: ${state.problem}`,
          'look again in a minute; if it stays so, see its log (journalctl -u maillog)',
        ),
      ];
    case 'here':
      return judgeHealth(state.health, state.user, wanted);
  }
}

function judgeAbsence(
  { isLeftBehind }: DaemonState & { kind: 'absent' },
  { settings }: DaemonWanted,
): Finding {
  const set = settings.join(', ');
  const are = settings.length === 1 ? 'is' : 'are';
  const was = isLeftBehind ? '; one was here and ended without tidying up' : '';
  return wrong(CHECK, `none is running, though ${set} ${are} set${was}`, START);
}

function judgeStoreOnly({ pid, version }: Hello, { settings }: DaemonWanted): Finding {
  const finding = `process ${pid} (maillog ${version}) has the database, but takes in no logs, though ${settings.join(', ')} is set`;
  return wrong(CHECK, finding, `end it, or wait until it ends; then ${START}`);
}

function judgeForbidden(socket: string, access: SocketAccess | undefined, user: string): Finding {
  const who = access === undefined ? '' : ` (${ownershipText(access)})`;
  const hasGroup = access !== undefined && (access.mode & 0o060) === 0o060;
  const advice = hasGroup
    ? `usermod -aG ${access.group} ${user} makes you a member of group ${access.group}; then log in again`
    : `set serve.group to a group that ${user} is in and restart the daemon, or ask as its user: sudo -u ${access?.owner ?? 'root'} maillog doctor`;
  return wrong(CHECK, `user ${user} may not ask the daemon at ${socket}${who}`, advice);
}

const otherVersion = ({ pid, version }: Hello, { version: own }: DaemonWanted): string =>
  `process ${pid} is maillog ${version}, which does not understand this one, ${own}`;

function judgeHealth(
  health: Health,
  user: Identity | undefined,
  { version }: DaemonWanted,
): readonly Finding[] {
  const { pid, uptime, memory, sources, listeners, blocked } = health;
  const as = user === undefined ? '' : ` of user ${user.name}`;
  const parts = [
    `process ${pid}${as}, up ${formatDuration(uptime)}`,
    formatBytes(memory),
    plural(sources.length, 'source'),
    ...(listeners.length === 0 ? [] : [plural(listeners.length, 'listener')]),
  ];
  const text = parts.join(', ');
  const findings: Finding[] = [];
  if (blocked !== null) findings.push(judgeBlocked(text, blocked));
  if (health.version !== version) {
    const finding = `it is maillog ${health.version}, this is ${version}`;
    findings.push(doubtful(CHECK, finding, RESTART));
  }
  return findings.length > 0 ? findings : [fine(CHECK, text)];
}

function judgeBlocked(text: string, blocked: string): Finding {
  const isFull = /room|full|space/i.test(blocked);
  const advice = isFull
    ? 'free some of the disk (df -h), or keep fewer days (retention.days, maillog prune); it then goes on by itself, and nothing is lost as long as logs and spools last'
    : 'see its log (journalctl -u maillog); what it could not store is tried again';
  // What the catalogue advises is for a command that can be run again.
  const reason = blocked.replace(/: free some and run this again$/, '');
  return wrong(CHECK, `${text}: it can store nothing now: ${reason}`, advice);
}

function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}
