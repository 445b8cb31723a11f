/** The commands of the mail server, `maillog mta ...` and `maillog demo`, with their options and help. */
import { type Command, Option } from 'commander';
import type { Register, Run } from './program.ts';

const ROW_FORMAT = () =>
  new Option('--format <form>', 'how rows come out')
    .choices(['text', 'json', 'csv'])
    .default('text');

/**
 * sendmail's own options are not of our form: behind its name all are words to us.
 */
export function shielded(argv: readonly string[]): readonly string[] {
  const [group, command, first] = argv;
  const isSendmail = group === 'mta' && command === 'sendmail' && first !== '--help';
  return isSendmail ? ['mta', 'sendmail', '--', ...argv.slice(2)] : argv;
}

export function addMta(register: Register, group: Command): void {
  const add = (name: string, summary: string, load: () => Promise<Run>): Command =>
    register(name, summary, load, group).option(
      '--mta-config <file>',
      "the MTA's configuration (default: $MAILLOG_MTA_CONFIG, else mta.toml beside maillog.toml)",
    );
  addServer(add);
  addQueue(add);
  addTables(add);
  addSubmission(add);
}

type Add = (name: string, summary: string, load: () => Promise<Run>) => Command;

function addServer(add: Add): void {
  add(
    'start',
    'the mail server, in the foreground until a signal',
    async () => (await import('./commands/mta-start.ts')).runMtaStart,
  );
  add(
    'config',
    'all its settings: value, meaning, and who set it',
    async () => (await import('./commands/mta-config.ts')).runMtaConfig,
  ).addOption(ROW_FORMAT());
  add(
    'import',
    'an mta.toml out of a sendmail.cf, with what could not be taken over as comments',
    async () => (await import('./commands/mta-config.ts')).runMtaImport,
  )
    .argument('<sendmail.cf>', 'the file, or - for standard input')
    .option('--out <file>', 'write it to a file instead of standard output');
}

function addQueue(add: Add): void {
  const commands = () => import('./commands/mta-queue.ts');
  add('queue', 'what waits (mailq)', async () => (await commands()).runMtaQueue).addOption(
    ROW_FORMAT(),
  );
  add('flush', 'try what waits now', async () => (await commands()).runMtaFlush)
    .argument('[id...]', 'only these messages')
    .option('--sender <part>', 'only where the sender has this in it')
    .option('--recipient <part>', 'only where a recipient or its host has this in it');
  add('hold', 'keep messages back', async () => (await commands()).runMtaHold)
    .argument('<id...>', 'queue ids')
    .option('--reason <text>', 'why, for mailq and the log', 'held by hand');
  add('release', 'let them go again', async () => (await commands()).runMtaRelease).argument(
    '<id...>',
    'queue ids',
  );
  add(
    'delete',
    'drop messages; nobody hears of it',
    async () => (await commands()).runMtaDelete,
  ).argument('<id...>', 'queue ids');
}

function addTables(add: Add): void {
  const tables = () => import('./commands/mta-tables.ts');
  add(
    'newaliases',
    'check the aliases and say what they are',
    async () => (await tables()).runNewaliases,
  );
  add('makemap', 'a map out of text on standard input', async () => (await tables()).runMakemap)
    .argument('<type>', 'hash, btree, dbm or cdb; cdb is what is written')
    .argument('<map>', "the map's name, without its ending");
  add(
    'passwd',
    'set the password of a user in AuthFile, read from standard input',
    async () => (await tables()).runPasswd,
  )
    .argument('<user>', 'as he gives it with AUTH')
    .option('--plain', 'keep the password itself, which CRAM-MD5 needs');
  add(
    'test',
    'where mail for an address goes, and whether a client may send it',
    async () => (await import('./commands/mta-test.ts')).runMtaTest,
  )
    .argument('<address...>', 'addresses')
    .option('--client <address>', 'IP address of the client that names it')
    .option('--from <sender>', 'the sender it names');
}

function addSubmission(add: Add): void {
  add('sendmail', 'hand a message on standard input over, as /usr/sbin/sendmail', async () => {
    const { runSendmail } = await import('./commands/mta-sendmail.ts');
    return (context, _options, args) => runSendmail(context, args);
  })
    .argument('[argument...]', "sendmail's options (-t -i -f -F -bs -bp -N ...) and recipients")
    .helpOption('--help', 'display help for command');
}

export function addDemo(register: Register): void {
  register(
    'demo',
    "an afternoon of two mail servers in half a minute, and its log's report",
    async () => (await import('./commands/demo.ts')).runDemo,
  )
    .option('--minutes <n>', 'minutes of the afternoon that are played', '240')
    .option('--keep <folder>', 'keep all that came of it there')
    .option('--port <port>', 'port of the mail servers on 127.x.y.z; default: a free one')
    .option('--seed <number>', 'another afternoon', '1');
}
