/** `maillog mta start` as it is on the PATH: from its start to its signals. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandsSite } from '../../support/mta-commands-site.ts';
import { ServeCommand } from '../../support/serve-command.ts';

const site = new CommandsSite();
after(() => site.remove());

function start(): ServeCommand {
  return new ServeCommand(['mta', 'start'], {
    HOME: site.folder,
    MAILLOG_MTA_CONFIG: site.path('mta.toml'),
  });
}

async function says(command: ServeCommand, text: RegExp, times = 1): Promise<RegExpMatchArray> {
  for (let tries = 0; tries < 1000; tries += 1) {
    const found = [...command.stdout.matchAll(new RegExp(text, 'g'))];
    const [last] = found.slice(times - 1);
    if (last !== undefined) return last;
    if (command.isOver) break;
    await sleep(20);
  }
  throw new Error(`never said ${text}: ${command.stdout} ${command.stderr}`);
}

/** One reply to each line, and to the connection. */
async function talk(port: number, lines: readonly string[]): Promise<readonly string[]> {
  const socket = connect({ host: '127.0.0.1', port });
  const replies: string[] = [];
  const left = [...lines];
  createInterface({ input: socket }).on('line', (line) => {
    if (line.charAt(3) === '-') return;
    replies.push(line);
    const next = left.shift();
    if (next !== undefined) socket.write(`${next}\r\n`);
  });
  await once(socket, 'close');
  return replies;
}

test('it listens, takes mail, is told to, and ends', async () => {
  const command = start();
  const [, port = ''] = await says(command, /listening on 127\.0\.0\.1:(\d+) \(MTA-v4\)/);
  await says(command, /queue \S+mqueue, log \S+maillog/);
  const replies = await talk(Number(port), [
    'EHLO client.example',
    'MAIL FROM:<ann@campus.example>',
    'RCPT TO:<bob@campus.example>',
    'RCPT TO:<x@partner.example>',
    'DATA',
    'Subject: hi\r\n\r\nhello\r\n.',
    'QUIT',
  ]);
  assert.deepEqual(
    replies.map((line) => line.slice(0, 3)),
    ['220', '250', '250', '250', '250', '354', '250', '221'],
  );

  const second = start();
  const refused = await second.ended();
  assert.equal(refused.code, 1);
  assert.deepEqual(refused.said, [
    `maillog: the MTA cannot start: the queue ${site.path('mqueue')} is in use by process ${command.child.pid}`,
  ]);

  command.child.kill('SIGUSR1');
  await says(command, /all that waits is tried/);
  site.write('aliases', 'postmaster: root\nteam: bob\n');
  command.child.kill('SIGHUP');
  const [, again = ''] = await says(command, /listening on 127\.0\.0\.1:(\d+)/, 2);
  await says(command, /configuration, tables and log opened again/);
  assert.equal((await talk(Number(again), ['QUIT'])).length, 2);

  site.write('mta.toml', 'Hostnam = "x"\n');
  command.child.kill('SIGHUP');
  await command.says('not reloaded: nothing was changed');
  assert.equal((await talk(Number(again), ['QUIT'])).length, 2);
  site.configure(0);

  const queue = await site.run(['mta', 'queue']);
  assert.match(queue.stdout, /<x@partner\.example>[\s\S]*Total requests: 1/);
  command.child.kill('SIGTERM');
  const { code } = await command.ended();
  assert.equal(code, 0);
  assert.match(site.read('mail/bob'), /^Subject: hi$/m);
  assert.match(site.read('maillog'), /to=<bob@campus\.example>.* stat=Sent/);
});

test('what cannot be is one line', async () => {
  const taken = await site.start();
  for (const [toml, why] of [
    [
      `DaemonPortOptions = ["Port=${taken}, Addr=127.0.0.1"]\nQueueDirectory = "other"\n`,
      `cannot listen on 127.0.0.1:${taken}: another program listens there already`,
    ],
    ['DaemonPortOptions = ["Port=x"]\nQueueDirectory = "other"\n', 'Port=x is no port'],
    [
      'DaemonPortOptions = ["Port=0, Addr=127.0.0.1"]\nQueueDirectory = "other"\nServerCertFile = "none.pem"\nServerKeyFile = "none.pem"\n',
      'none.pem does not exist: check the name',
    ],
  ] as const) {
    site.write('bad.toml', toml);
    const command = new ServeCommand(['mta', 'start', '--mta-config', site.path('bad.toml')]);
    const { code, said } = await command.ended();
    assert.equal(code, 1);
    assert.equal(said.length, 1, said.join('\n'));
    assert.ok(said[0]?.includes(why), said[0]);
  }
});
