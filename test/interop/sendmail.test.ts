/**
 * A real sendmail whose /dev/log is the daemon: every line it logs arrives and is read, and the store tells
 * what happened to each message as its client and the mailboxes saw it.
 */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { digestOf, ledgerAddsUp } from '../e2e/store-digest.ts';
import { DaemonProcess, makeSite } from '../support/daemon.ts';
import { debianPackagesOrSkip } from '../support/debian-package.ts';
import {
  MAIL_DOMAIN,
  RealSendmail,
  SENDMAIL_PACKAGES,
  type Turn,
  USERS,
  whyNoNamespaces,
} from '../support/real-sendmail.ts';

const site = makeSite('sendmail');
after(() => site.remove());

const at = (user: string) => `${user}@${MAIL_DOMAIN}`;
const SENDER = at('alice');
const UNKNOWN = 'nobody-here';
/** Recipients of each message that goes in over SMTP. */
const OVER_SMTP = [
  ['alice'],
  ['alice', 'bob'],
  ['carol', 'team'],
  ['bob', UNKNOWN, 'carol'],
] as const;
const PATIENCE_MS = 20_000;

/** Line by line: who speaks before it is a turn is turned away as a pregreeter. */
function smtpDialogue(): readonly Turn[] {
  const transactions = OVER_SMTP.flatMap((users, index) => [
    [`MAIL FROM:<${SENDER}>`, 'Sender ok'],
    ...users.map((user) => [`RCPT TO:<${at(user)}>`, user === UNKNOWN ? '550 5.1.1' : '250 2.1.5']),
    ['DATA', '354 '],
    [
      `From: ${SENDER}\r\nMessage-Id: <smtp.${index}@client.example>\r\n\r\nhello\r\n.`,
      '250 2.0.0',
    ],
  ]);
  const said = [['EHLO client.example', '250 HELP'], ...transactions, ['QUIT', '']];
  let before = '220 ';
  return said.map(([command = '', answer = '']) => {
    const turn = { after: before, input: `${command}\r\n` };
    before = answer;
    return turn;
  });
}

async function submit(sendmail: RealSendmail, mode: string, user: string): Promise<void> {
  const text = `From: ${SENDER}\nTo: ${at(user)}\nSubject: submitted\n\nhello\n`;
  await sendmail.run(['-t', mode, '-f', SENDER], [{ after: '', input: text }]);
}

/** What sendmail does, and the queue ids that it told its SMTP client. */
async function sendMail(sendmail: RealSendmail): Promise<readonly string[]> {
  const silent = [{ after: '', input: '' }];
  await sendmail.run(['-bi'], silent);
  const said = await sendmail.run(['-bs', '-odi'], smtpDialogue());
  await submit(sendmail, '-odi', UNKNOWN);
  await submit(sendmail, '-odq', 'bob');
  await submit(sendmail, '-odq', 'carol');
  assert.equal(sendmail.queued, 4, 'two messages of two files each wait');
  await sendmail.run(['-q', '-v'], silent);
  assert.equal(sendmail.queued, 0);
  return [...said.matchAll(/250 2\.0\.0 (\w{14}) Message accepted/g)].map(([, id = '']) => id);
}

/** By recipient as logged: what became of it, and of how many. */
const EXPECTED = [
  'alice sent 1',
  `${at('alice')} sent 3`,
  'bob sent 1',
  `${at('bob')} sent 3`,
  `${at('carol')} sent 3`,
  `${at(UNKNOWN)} bounced 1`,
];
/**
 * At its default LogLevel of 9: two of the aliases, a `from=` of each of 7 messages, a `to=` of each of 12 results
 * and 2 times `queued`, the refusal in SMTP and the making of the bounce.
 */
const LINES = 2 + 7 + 12 + 2 + 1 + 1;

async function assertToldAsItWas(
  daemon: DaemonProcess,
  sendmail: RealSendmail,
  ids: readonly string[],
): Promise<void> {
  const accepted = await daemon.rows(
    "SELECT queue_id FROM messages WHERE message_id LIKE '<smtp.%' ORDER BY message_id",
  );
  assert.deepEqual(
    accepted.map((row) => row.queue_id),
    ids,
  );
  const final = await daemon.rows(
    `SELECT recipient, status, count(*) AS n, list(queue_id) AS ids FROM deliveries
     WHERE status <> 'queued' GROUP BY recipient, status ORDER BY recipient`,
  );
  assert.deepEqual(
    final.map(({ recipient, status, n }) => `${recipient} ${status} ${n}`),
    EXPECTED,
  );
  for (const row of final.filter(({ status }) => status === 'sent')) {
    const user = USERS.find((name) => String(row.recipient).startsWith(name));
    assert.ok(user !== undefined);
    const mailbox = sendmail.mailbox(user);
    for (const id of row.ids as unknown as readonly string[]) {
      assert.ok(mailbox.includes(` id ${id}`), `${id} is not in the mailbox of ${user}`);
    }
  }
  const refused = await daemon.rows('SELECT recipient, code, dsn, client_ip FROM rejections');
  assert.deepEqual(refused, [{ recipient: at(UNKNOWN), code: 550, dsn: '5.1.1', client_ip: null }]);
}

suite('a real sendmail logs into the daemon', { skip: whyNoNamespaces() ?? false }, () => {
  test('over its /dev/log', async (t) => {
    const packages = await debianPackagesOrSkip(t, SENDMAIL_PACKAGES);
    if (packages === undefined) return;
    const sendmail = await RealSendmail.make(site.folder, packages);
    const daemon = new DaemonProcess(site.db, ['--listen', `unix://${sendmail.logSocket}`]);
    await daemon.start();
    try {
      const ids = await sendMail(sendmail);
      assert.equal(ids.length, OVER_SMTP.length);
      const sql = `SELECT lines_read AS read, lines_parsed AS parsed FROM ledger`;
      const row = await daemon.until(sql, ({ read }) => Number(read) >= LINES, PATIENCE_MS);
      assert.deepEqual(row, { read: LINES, parsed: LINES });
      await assertToldAsItWas(daemon, sendmail, ids);
    } finally {
      assert.equal(await daemon.end(), 0);
    }
    assert.equal(Number((await digestOf(site.db)).ledger.read), LINES);
    assert.ok(await ledgerAddsUp(site.db));
  });
});
