/**
 * The composition root: every command with its options and help, and the one place that joins them to the
 * code that runs them. A command's code is loaded only when it is asked for, so that `--help` is quick.
 *
 * Exit codes: 0 done, 1 nothing found or failed, 2 wrong usage.
 */
import { Command, CommanderError, Option } from 'commander';
import type { Flags } from '../config/config.ts';
import type { ExitCode } from '../model/errors.ts';
import type { CommandContext } from './context.ts';
import type { Io } from './io.ts';
import { guarded, OutputClosed, print } from './io.ts';
import { addDemo, addMta, shielded } from './mta-program.ts';
import { VERSION } from './version.ts';

/** Options as commander hands them over, by their long names. */
export type Options = Readonly<Record<string, unknown>>;

/** Ours, or one of sysexits(3) where somebody else's program is stood in for. */
export type ProgramExit = ExitCode | 64 | 65 | 66 | 67 | 69 | 70 | 73 | 74 | 75 | 77 | 78;

/** A command's code: options and arguments in, exit code out. */
export type Run = (
  context: CommandContext,
  options: Options,
  args: readonly string[],
) => Promise<ProgramExit>;

const ROW_FORMAT = () =>
  new Option('--format <form>', 'how rows come out')
    .choices(['text', 'json', 'csv'])
    .default('text');
const PERIOD: readonly [string, string][] = [
  ['--since <time>', 'from this time or day on (2026-01-31, 24h, yesterday)'],
  ['--until <time>', 'up to this time, or through this day'],
  ['--date <day>', 'one day, month or year (2026-01-31, yesterday, 2026-01)'],
  ['--last <age>', 'the time up to now (24h, 7d)'],
];
const READING: readonly [string, string][] = [
  [
    '--tz <zone>',
    'time zone of stamps without one (IANA name); default: told by queue ids, else the site',
  ],
  ['--year <year>', 'year of the first line whose stamp has none; default: told by queue ids'],
  ['--dialect <mta>', "read every line as this MTA's"],
];

/** Runs maillog with these arguments; never throws. */
export async function runMaillog(argv: readonly string[], io: Io): Promise<ProgramExit> {
  let exitCode: ProgramExit = 0;
  const program = buildProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(shielded(argv), { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof OutputClosed) return 0;
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

/** Adds one command, of a group where one is given; `finish` takes its exit code. */
export type Register = (
  name: string,
  summary: string,
  run: () => Promise<Run>,
  group?: Command,
) => Command;

function buildProgram(io: Io, finish: (code: ProgramExit) => void): Command {
  const program = new Command('maillog')
    .description(
      'Mail logs in, right answers out: what happened to the mail, who sent what, what to look at.',
    )
    .version(VERSION, '-V, --version')
    .configureHelp({ helpWidth: Math.min(io.columns ?? 80, 100) })
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'maillog: ')),
    })
    .showHelpAfterError('(maillog --help lists the commands)')
    .exitOverride();
  const register: Register = (name, summary, load, group = program) => {
    const command = new Command(name).description(summary).copyInheritedSettings(program);
    // The mail server has none.
    if (group === program) {
      command.option(
        '--db <path>',
        'the database (default: $MAILLOG_DB, else the configuration, else the state folder)',
      );
    }
    command.option('--config <file>', 'the configuration file');
    command.action(async (...parts: unknown[]) => {
      const options = command.opts();
      finish(
        await guarded(io, async () => {
          const { makeContext } = await import('./context.ts');
          const context = makeContext(io, options as Flags & { config?: string });
          return (await load())(context, options, positional(parts));
        }),
      );
    });
    group.addCommand(command);
    return command;
  };
  addAnswers(register);
  addLists(register);
  addDaemon(register);
  addUpkeep(register, program, io);
  addKeeping(register);
  addMta(register, groupOf(program, 'mta', 'the mail server: start it, its queue, its tables'));
  addDemo(register);
  return program;
}

function groupOf(program: Command, name: string, summary: string): Command {
  const group = new Command(name).description(summary).copyInheritedSettings(program);
  program.addCommand(group);
  return group;
}

/** Commander's action arguments: positionals, then options, then the command. */
function positional(parts: readonly unknown[]): readonly string[] {
  return parts
    .slice(0, -2)
    .flatMap((part) => (part === undefined ? [] : (part as string | string[])));
}

function withOptions(command: Command, options: readonly [string, string][]): Command {
  for (const [flags, text] of options) command.option(flags, text);
  return command;
}

function addAnswers(register: Register): void {
  const report = register(
    'report',
    'the daily report, or another by name; from log files, or from the store',
    async () => (await import('./commands/report.ts')).runReport,
  );
  report.argument(
    '[name-or-file...]',
    "a report's name (daily, mailstats, senders, rejects, ...), log files",
  );
  withOptions(withOptions(report, PERIOD), READING)
    .option('--top <rows>', 'rows of a top list')
    .addOption(ROW_FORMAT())
    .option('--out <file>', 'write it to a file instead of standard output');

  withOptions(
    withOptions(
      register(
        'ingest',
        'take log files into the store, every line exactly once',
        async () => (await import('./commands/ingest.ts')).runIngest,
      ).argument('<file...>', 'files, folders, globs, - for standard input; .gz .zst .bz2 .xz too'),
      READING,
    ),
    [
      ['--batch-lines <lines>', 'lines that become durable together'],
      ['--unparsed-lines <lines>', 'lines not understood that are kept of each source'],
      ['--follow', 'go on as the logs grow, until a signal or the end of standard input'],
    ],
  ).addOption(
    new Option('--format <form>', 'how the summary comes out')
      .choices(['text', 'json'])
      .default('text'),
  );

  const stats = register(
    'stats',
    'the mailstats table of any period, from the log; or of a sendmail.st',
    async () => (await import('./commands/stats.ts')).runStats,
  );
  withOptions(withOptions(stats, PERIOD), [
    ['--file <sendmail.st>', 'read this statistics file instead'],
    ['--cf <sendmail.cf>', "mailers' names and numbers; default: the usual order"],
    ['--host <name>', 'only this host'],
    ['--msp', 'what the submission agent sent (its sm-client.st), not the daemon'],
  ]).addOption(ROW_FORMAT());
}

function addLists(register: Register): void {
  const top = register(
    'top',
    'who or what stands out',
    async () => (await import('./commands/lists.ts')).runTop,
  );
  top.argument(
    '<list>',
    'senders, recipients, sender-domains, recipient-domains, relays, clients, auth-users, reasons',
  );
  withOptions(
    top
      .addOption(
        new Option('--by <measure>', 'what counts')
          .choices(['messages', 'bytes', 'recipients'])
          .default('messages'),
      )
      .option('--top <rows>', 'rows to show'),
    PERIOD,
  ).addOption(ROW_FORMAT());

  const series = register(
    'series',
    'counts over time',
    async () => (await import('./commands/lists.ts')).runSeries,
  );
  withOptions(
    series
      .option('--by <what>', 'status, mailer, messages, bytes, rejections, host, auth', 'status')
      .option('--step <length>', 'length of a step (15m, 1h, 1d)', '1h'),
    PERIOD,
  ).addOption(ROW_FORMAT());

  const trace = register(
    'trace',
    'what happened to a message',
    async () => (await import('./commands/trace.ts')).runTrace,
  );
  trace.argument('<word>', 'an address, a queue id or a message-id');
  withOptions(trace.option('--limit <rows>', 'rows at the most', '1000'), PERIOD).addOption(
    ROW_FORMAT(),
  );

  register(
    'query',
    'read-only SQL on the views (maillog schema lists them)',
    async () => (await import('./commands/query.ts')).runQuery,
  )
    .argument('<sql>', 'one SELECT statement, or - to read it from standard input')
    .addOption(ROW_FORMAT());

  const exported = register(
    'export',
    'a view or a SELECT as a Parquet or CSV file',
    async () => (await import('./commands/export.ts')).runExport,
  );
  withOptions(
    exported
      .argument('<what>', "a view's name or one SELECT statement")
      .requiredOption('--out <file>', 'the file to write (.parquet or .csv)'),
    PERIOD,
  ).option('--force', 'write over a file that is there');
}

const LISTED = (value: string, before: string[] | undefined): string[] => [
  ...(before ?? []),
  value,
];

function addDaemon(register: Register): void {
  register(
    'serve',
    'the daemon: follows logs, listens for syslog, answers all other commands',
    async () => (await import('./commands/serve.ts')).runServe,
  )
    .argument('[file...]', 'logs to follow besides the configured ones')
    .option(
      '--follow <log>',
      'a log, folder or pattern to follow; may be given several times',
      LISTED,
    )
    .option(
      '--listen <address>',
      'udp://, tcp://, tls://, relp://, relps://HOST:PORT or unix:///PATH; several times',
      LISTED,
    )
    .option(
      '--journal <filter>',
      'take these entries of the journal (--facility=mail); several',
      LISTED,
    )
    .option('--http <address>', 'serve /health and /metrics there (127.0.0.1:9090)')
    .option('--group <group>', 'this group may use the daemon too')
    .option('--tls-key <pem>', 'key of tls:// and relps:// listeners')
    .option('--tls-cert <pem>', 'their certificate with its chain')
    .option('--tls-ca <pem>', 'clients must show a certificate of this authority')
    .option('--spool-megabytes <MiB>', 'what each listener may keep while the database is busy')
    .option('--reserve-megabytes <MiB>', 'room on the disk that is left alone')
    .option('--max-connections <n>', 'senders a listener serves at a time')
    .option('--max-per-peer <n>', 'of these, from one address')
    .option('--frame-timeout <seconds>', 'how long a sender may take for one message')
    .option('--keep-days <days>', 'drop rows older than this; 0 keeps all')
    .option('--log-level <level>', 'debug, info, warn or error')
    .option('--tz <zone>', 'time zone of stamps without one (IANA name)');
}

function addUpkeep(register: Register, program: Command, io: Io): void {
  register(
    'doctor',
    'why is this empty? looks at store, ledger, clocks and last lines',
    async () => (await import('./commands/doctor.ts')).runDoctor,
  )
    .argument('[file...]', 'log files to look at besides the store')
    .addOption(ROW_FORMAT());
  register(
    'config',
    'the settings in force and where each comes from',
    async () => (await import('./commands/config.ts')).runConfig,
  ).addOption(ROW_FORMAT());
  register(
    'schema',
    'the views and their columns',
    async () => (await import('./commands/schema.ts')).runSchema,
  )
    .argument('[view]', 'only this view')
    .addOption(ROW_FORMAT());
  register('completion', 'a completion script for bash', async () => {
    const { completionScript } = await import('./commands/completion.ts');
    return async () => {
      await print(io, completionScript(program));
      return 0;
    };
  });
  register(
    'version',
    'the version of maillog, DuckDB and Node',
    async () => (await import('./commands/version.ts')).runVersion,
  );
}

/** What is kept of the store, and for how long. */
function addKeeping(register: Register): void {
  register(
    'prune',
    'drop the rows of old days; hourly counts and the ledger stay',
    async () => (await import('./commands/prune.ts')).runPrune,
  )
    .option(
      '--keep-days <days>',
      'whole days before today whose rows stay (default: retention.days)',
    )
    .option('--dry-run', 'only say what would be dropped')
    .addOption(
      new Option('--format <form>', 'how the result comes out')
        .choices(['text', 'json'])
        .default('text'),
    );
  register(
    'backup',
    'a copy of the database, checked, as one file',
    async () => (await import('./commands/backup.ts')).runBackup,
  )
    .argument('<file>', 'the file to write')
    .option('--force', 'write over a file that is there');
  register(
    'restore',
    'a backup in the place of the database',
    async () => (await import('./commands/backup.ts')).runRestore,
  )
    .argument('<backup>', 'what "maillog backup" wrote')
    .option('--force', 'replace the database that is there; it is kept beside it');
}
