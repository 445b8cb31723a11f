/**
 * Holds a store against what truly happened and lists the differences in words; an empty list is agreement.
 * Every comparison is of multisets: something counted twice is as wrong as something missed.
 */
import type { Row } from '../../src/store/store.ts';
import type { LoadedLog } from '../support/load-log.ts';
import type { TrueMessage, TrueRecipient, Truth } from './truth.ts';
import { isYes } from './truth.ts';

type Check = (log: LoadedLog, truth: Truth) => Promise<readonly string[]>;

/** All differences between the store and the truth. */
export async function differences(log: LoadedLog, truth: Truth): Promise<string[]> {
  const found: string[] = [];
  for (const check of CHECKS) found.push(...(await check(log, truth)));
  return found;
}

/** What one multiset has more than the other, both ways, after `what`. */
function compare(what: string, expected: readonly string[], read: readonly string[]): string[] {
  const left = [...read];
  const missing: string[] = [];
  for (const text of expected) {
    const at = left.indexOf(text);
    if (at < 0) missing.push(`${what}, not read: ${text}`);
    else left.splice(at, 1);
  }
  return [...missing, ...left.map((text) => `${what}, read but untrue: ${text}`)];
}

const text = (...values: readonly unknown[]): string =>
  values.map((value) => String(value)).join(' ');

/** `550 5.7.1 <addr>... text` as its three parts, the address left out. */
function replyParts(reply: string): { code: number; dsn: string | null; text: string } {
  const match = /^(\d{3})[ -](?:(\d\.\d+\.\d+) )?(?:<.*>\.\.\. )?(.*)$/s.exec(reply);
  return { code: Number(match?.[1]), dsn: match?.[2] ?? null, text: match?.[3] ?? reply };
}

const checkMessages: Check = async (log, truth) => {
  const rows = await log.rows(
    `SELECT queue_id, sender, size, message_id, nrcpts FROM messages WHERE NOT from_own_queue`,
  );
  const accepted = truth.messages.filter((message) => message.accepted === true);
  const sameMessage = (row: Row, message: TrueMessage): string =>
    text(row.queue_id, row.sender, row.size, message.message_id && row.message_id);
  const byId = new Map(accepted.map((message) => [message.queue_id, message]));
  return compare(
    'message',
    accepted.map((m) => text(m.queue_id, m.mail_from.replace('<>', ''), m.bytes_lf, m.message_id)),
    rows.map((row) => {
      const message = byId.get(String(row.queue_id));
      return message === undefined ? text(row.queue_id, 'unknown') : sameMessage(row, message);
    }),
  );
};

/** Recipients of one mailbox are merged, so nrcpts is at most the distinct ones and at least one. */
const checkRecipientCounts: Check = async (log, truth) => {
  const rows = await log.rows('SELECT queue_id, nrcpts FROM messages');
  const nrcpts = new Map(rows.map((row) => [row.queue_id, Number(row.nrcpts)]));
  return truth.messages
    .filter((message) => message.accepted === true)
    .flatMap((message) => {
      const yes = message.rcpts.filter(({ reply }) => isYes(reply)).map(({ addr }) => addr);
      const counted = nrcpts.get(message.queue_id ?? null) ?? 0;
      const distinct = new Set(yes.map((addr) => addr.toLowerCase().replace(/@.*$/, ''))).size;
      return counted >= distinct && counted <= yes.length
        ? []
        : [`nrcpts of ${message.queue_id}: ${counted}, not ${yes.length}`];
    });
};

const refusedRecipients = (truth: Truth): TrueRecipient[] =>
  truth.messages.flatMap(({ rcpts }) => rcpts.filter(({ reply }) => !isYes(reply)));

/** A refusal row fits when it names the recipient (or nobody) and contradicts neither code nor dsn. */
function fits(row: Row, { addr, reply }: TrueRecipient): boolean {
  const { code, dsn, text: reason } = replyParts(reply);
  const named = row.recipient ?? null;
  if (named !== addr && !(named === null && String(row.reason).includes(reason))) return false;
  if (row.code !== null && row.code !== code) return false;
  return row.dsn === null || row.dsn === dsn;
}

const checkRefusedRecipients: Check = async (log, truth) => {
  const rows = [
    ...(await log.rows(
      `SELECT recipient, code, dsn, reason, client_ip FROM rejections
       WHERE stage = 'rcpt' AND action IN ('reject', 'tempfail')`,
    )),
  ];
  const missing = refusedRecipients(truth).flatMap((recipient) => {
    const at = rows.findIndex((row) => fits(row, recipient));
    if (at < 0) return [`RCPT refused, not read: ${recipient.addr} ${recipient.reply}`];
    const [row] = rows.splice(at, 1);
    return row?.client_ip ? [] : [`RCPT refused, client unknown: ${recipient.addr}`];
  });
  return [
    ...missing,
    ...rows.map((row) => `RCPT refused, read but untrue: ${JSON.stringify(row)}`),
  ];
};

/** Refused MAIL commands: for their sender, or because the connection was refused before. */
const checkRefusedSenders: Check = async (log, truth) => {
  const rows = await log.rows(
    `SELECT stage, sender, code, dsn, reason FROM rejections
     WHERE stage IN ('mail', 'connect') AND action IN ('reject', 'tempfail')`,
  );
  const refused = truth.messages.filter(
    ({ mail_reply: reply }) => reply !== undefined && !isYes(reply),
  );
  const senders = refused.map(({ mail_from: sender }) => sender);
  return [
    ...compare(
      'MAIL refused',
      refused.map(({ mail_reply: reply = '' }) => {
        const { code, dsn, text: reason } = replyParts(reply);
        return text(code, dsn, reason);
      }),
      rows.map((row) => text(row.code, row.dsn, row.reason)),
    ),
    ...rows
      .filter((row) => row.stage === 'mail' && !senders.includes(String(row.sender)))
      .map((row) => `MAIL refused, sender untrue: ${row.sender}`),
  ];
};

/** A refused message is one in which a row says so, and each of its recipients is named once. */
const checkRefusedData: Check = async (log, truth) => {
  const rows = await log.rows(
    `SELECT queue_id, recipient, sender FROM rejections
     WHERE stage IN ('data', 'content') AND action IN ('reject', 'tempfail')`,
  );
  const refused = truth.messages.filter(
    ({ data_reply: reply }) => reply !== undefined && !isYes(reply),
  );
  const ids = new Set(rows.map((row) => row.queue_id));
  const named = rows.filter((row) => row.recipient !== null);
  const recipients = refused.flatMap(({ rcpts }) => rcpts.filter(({ reply }) => isYes(reply)));
  return [
    ...(ids.size === refused.length ? [] : [`data refused: ${ids.size}, not ${refused.length}`]),
    ...(named.length === 0
      ? []
      : compare(
          'data refused for',
          recipients.map(({ addr }) => addr),
          named.map((row) => String(row.recipient)),
        )),
  ];
};

/** Clients that talked before the greeting: the server says 554 instead of 220. */
const checkRefusedConnections: Check = async (log, truth) => {
  const rows = await log.rows(`SELECT DISTINCT client_ip FROM connections WHERE what = 'pregreet'`);
  const refused = truth.refused_commands.filter(({ refused: commands }) =>
    commands.some(({ reply }) => reply.includes('not accepting messages')),
  );
  return compare(
    'connection refused',
    refused.map(({ client_ip: ip }) => ip),
    rows.map((row) => String(row.client_ip)),
  );
};

const REMOTE = "mailer NOT IN ('local', 'prog', '*file*') AND relay_ip IS NOT NULL";

const checkRemoteSent: Check = async (log, truth) => {
  const rows = await log.rows(
    `SELECT reply FROM deliveries WHERE status IN ('sent', 'relayed') AND ${REMOTE}`,
  );
  return compare(
    'sent to a remote host',
    truth.remote.flatMap(({ rcpts, data_reply: reply }) =>
      isYes(reply)
        ? rcpts.filter((to) => isYes(to.reply)).map(() => replyParts(reply ?? '').text)
        : [],
    ),
    rows.map((row) => String(row.reply).replace(/^\d\.\d+\.\d+ /, '')),
  );
};

/**
 * What became of each recipient that a remote host did not take: by its answer to RCPT, else to the data.
 * The hosts kept only transactions that came to the data, so more may be read than is known to be true.
 */
const checkRemoteRefused: Check = async (log, truth) => {
  const rows = await log.rows(
    `SELECT recipient, status FROM deliveries
     WHERE status IN ('bounced', 'deferred') AND ${REMOTE} AND reply SIMILAR TO '[45][0-9][0-9][ -].*'`,
  );
  return compare(
    'refused by a remote host',
    truth.remote.flatMap(({ rcpts, data_reply: data }) =>
      rcpts.flatMap(({ addr, reply }) => {
        const answer = isYes(reply) ? data : reply;
        if (answer === undefined || isYes(answer)) return [];
        return [text(addr, answer.startsWith('4') ? 'deferred' : 'bounced')];
      }),
    ),
    rows.map((row) => text(row.recipient, row.status)),
  ).filter((difference) => !difference.includes('read but untrue'));
};

const checkMailboxes: Check = async (log, truth) => {
  const rows = await log.rows(
    `SELECT mailer, count(*) AS n FROM deliveries WHERE status = 'sent' AND recipient <> '/dev/null' GROUP BY ALL`,
  );
  const sent = new Map(rows.map((row) => [row.mailer, Number(row.n)]));
  const got = { local: 0, '*file*': 0 };
  for (const [path, messages] of Object.entries(truth.mailboxes)) {
    got[path.startsWith('/var/mail/') ? 'local' : '*file*'] += messages.length;
  }
  return Object.entries(got)
    .filter(([mailer, count]) => (sent.get(mailer) ?? 0) !== count)
    .map(([mailer, count]) => `${mailer}: ${sent.get(mailer) ?? 0} sent, not ${count}`);
};

const checkQueue: Check = async (log, truth) => {
  const rows = await log.rows(
    `SELECT queue_id, recipient, arg_max(status, logged_at) AS status FROM deliveries GROUP BY ALL`,
  );
  const quarantined = await log.rows(`SELECT queue_id FROM rejections WHERE action = 'quarantine'`);
  const held = new Set(quarantined.map((row) => row.queue_id));
  return truth.queue_left.flatMap(({ file, rcpts }) => {
    const id = file.replace(/^.*\/[qh]f/, '');
    return rcpts.flatMap((rcpt) => {
      const recipient = rcpt.replace(/^[A-Z]*:/, '').replace(/^<(.*)>$/, '$1');
      const row = rows.find((r) => r.queue_id === id && r.recipient === recipient);
      const status = held.has(id) ? 'quarantined' : row?.status;
      return WAITING.includes(String(status))
        ? []
        : [`in the queue, but last read as ${status}: ${id} ${recipient}`];
    });
  });
};

const WAITING = ['deferred', 'queued', 'quarantined'];

/** The envelope is logged when the data has come: within seconds of the offer. */
const checkTimes: Check = async (log, truth) => {
  const rows = await log.rows('SELECT queue_id, epoch(logged_at) AS at FROM messages');
  const times = new Map(rows.map((row) => [row.queue_id, Number(row.at)]));
  return truth.messages.flatMap(({ queue_id: id, t, accepted }) => {
    const at = times.get(id ?? null);
    if (accepted !== true || t === undefined || at === undefined) return [];
    const late = at - Math.floor(t);
    return late >= 0 && late <= 20 ? [] : [`time of ${id} is off by ${late} s`];
  });
};

const CHECKS: readonly Check[] = [
  checkMessages,
  checkRecipientCounts,
  checkRefusedRecipients,
  checkRefusedSenders,
  checkRefusedData,
  checkRefusedConnections,
  checkRemoteSent,
  checkRemoteRefused,
  checkMailboxes,
  checkQueue,
  checkTimes,
];
