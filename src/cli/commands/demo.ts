/**
 * `maillog demo`: an afternoon of a campus mail server and its internet, played in seconds, and the daily report of
 * its log. Everything is on the loopback and in one folder; nothing goes on when it has ended.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { formatCount } from '../../../reports/render/numbers.ts';
import { surroundings } from '../../config/config.ts';
import { mtaStateFolder } from '../../config/places.ts';
import type { ExitCode } from '../../model/errors.ts';
import { fileError, maillogError } from '../../model/errors.ts';
import { fromWallClock, toWallClock } from '../../model/zone.ts';
import { queueOwner } from '../../mta/queue/queue-lock.ts';
import { type CommandContext, makeContext } from '../context.ts';
import { complain, type Io, print } from '../io.ts';
import { type Played, play } from '../mta/demo/play.ts';
import { explainStart } from '../mta/explain-start.ts';
import type { Options } from '../program.ts';

const MARK = 'demo.json';
const DAY = 86_400_000;
const HOUR = 3_600_000;
const BEGINS = 13 * HOUR;
const LONGEST = 600;

export async function runDemo(context: CommandContext, options: Options): Promise<ExitCode> {
  const { io, zone } = context;
  const minutes = numberOf(options.minutes, '--minutes', LONGEST);
  const folder = prepareFolder(io, options.keep as string | undefined);
  const { beginsAt, day } = afternoon(context);
  const port = options.port === undefined ? 0 : numberOf(options.port, '--port', 65_535);
  const seed = numberOf(options.seed, '--seed', 2 ** 31);
  await print(
    io,
    `An afternoon of ${day} from 13:00 on, ${minutes} minutes of it, seed ${seed} ...\n`,
  );
  const began = performance.now();
  const played = await explainStart(() =>
    play({
      folder,
      port,
      beginsAt,
      minutes,
      seed,
      zone,
      onProblem: (text) => void complain(io, text),
    }),
  );
  writeFileSync(join(folder, MARK), `${JSON.stringify({ day, minutes, seed, played })}\n`);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  await print(io, `${playedText(played)}\nplayed in ${seconds} s.\n\n`);
  const code = await tellOf(io, folder, { zone, day });
  await print(io, hints(folder, day));
  return code;
}

function playedText(played: Played): string {
  const count = (number: number, one: string, many = `${one}s`) =>
    `${formatCount(number)} ${number === 1 ? one : many}`;
  return [
    `Clients of the campus: ${count(played.sessions, 'connection')}, ${count(played.accepted, 'message')} accepted for ${count(played.recipientsAccepted, 'recipient')};`,
    `${count(played.recipientsRefused, 'recipient')} and ${count(played.refused, 'sender or message', 'senders or messages')} refused, ${count(played.loginsFailed, 'login')} failed;`,
  ].join('\n');
}

/** The log into a store, and its daily report. */
async function tellOf(
  io: Io,
  folder: string,
  { zone, day }: { readonly zone: string; readonly day: string },
): Promise<ExitCode> {
  const store = makeContext(io, { db: join(folder, 'mail.duckdb'), tz: zone });
  const { runIngest } = await import('./ingest.ts');
  const { runReport } = await import('./report.ts');
  const taken = await runIngest(store, { format: 'text' }, [join(folder, 'maillog')]);
  await print(io, '\n');
  const told = await runReport(makeReportContext(store), { date: day, format: 'text' }, ['daily']);
  return taken === 0 ? told : taken;
}

/** Not more than fits on a page or two. */
function makeReportContext(context: CommandContext): CommandContext {
  const settings = { ...context.config.settings, top: 5 };
  return { ...context, config: { ...context.config, settings } };
}

function hints(folder: string, day: string): string {
  const at = (name: string) => join(folder, name);
  const db = `--db ${at('mail.duckdb')}`;
  return `
Of this afternoon there are, in ${folder}:
    maillog       the mail log, as sendmail writes it      mail/        mailboxes
    mail.duckdb   the store                                sendmail.st  statistics, for mailstats
    mta.toml      the campus server's configuration        internet/    the other side

To look further (from a clone, "npm start -- ..." is "maillog ..."):
    maillog trace dave@campus.example ${db}
    maillog top auth-users --date ${day} ${db}
    maillog series --by status --step 15m --date ${day} ${db}
    maillog stats --file ${at('sendmail.st')}
    maillog mta queue --mta-config ${at('mta.toml')}
Your own log:
    maillog report /var/log/mail.log
`;
}

/** Today's where it is over, else yesterday's. */
function afternoon({ now, zone }: CommandContext): { beginsAt: number; day: string } {
  const wall = toWallClock(now.getTime(), zone);
  const today = Math.floor(wall / DAY) * DAY;
  const start = wall - today >= BEGINS + LONGEST * 60_000 ? today : today - DAY;
  return {
    beginsAt: fromWallClock(start + BEGINS, zone),
    day: new Date(start).toISOString().slice(0, 10),
  };
}

/** Empty, ours from the last time, or not there yet. */
function prepareFolder(io: Io, keep: string | undefined): string {
  const usual = join(mtaStateFolder(surroundings(io.env, io.cwd)), 'demo');
  const folder = keep === undefined ? usual : resolve(io.cwd, keep);
  const isOurs = existsSync(join(folder, MARK));
  if (existsSync(folder) && !isOurs && readdirSync(folder).length > 0) {
    throw maillogError('E_USAGE', { problem: `${folder} is not empty: name another with --keep` });
  }
  const player = isOurs ? queueOwner(join(folder, 'mqueue')) : undefined;
  if (player !== undefined) {
    throw maillogError('E_USAGE', {
      problem: `process ${player.pid} plays in ${folder}: name another with --keep`,
    });
  }
  try {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // From now on it is known as ours, whatever becomes of the play.
    writeFileSync(join(folder, MARK), '{}\n');
  } catch (error) {
    throw fileError(error, folder);
  }
  return folder;
}

function numberOf(value: unknown, name: string, most: number): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= 1 && number <= most) return number;
  throw maillogError('E_USAGE', { problem: `${name} ${value}: give a number from 1 to ${most}` });
}
