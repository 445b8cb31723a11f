/**
 * `maillog mta sendmail`: the program that others call as /usr/sbin/sendmail. It hands a message on standard input
 * over to the MTA of this machine; mailq, newaliases and queue runs are those of `maillog mta`. Exit codes are those
 * of sysexits(3).
 */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { hostname as machineName, userInfo } from 'node:os';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { daemonOptions } from '../../mta/daemon-options.ts';
import { compactTime, mailDate } from '../../mta/dates.ts';
import type { CommandContext } from '../context.ts';
import { sayAs } from '../io.ts';
import { type Door, handOver } from '../mta/hand-over.ts';
import { type MtaPlace, mtaPlace } from '../mta/place.ts';
import { type SendmailRequest, sendmailArguments } from '../mta/sendmail-arguments.ts';
import { prepareSubmission } from '../mta/submission.ts';
import type { Options, ProgramExit } from '../program.ts';

const USAGE = 64;
const UNAVAILABLE = 69;
const TRY_AGAIN = 75;

export async function runSendmail(
  context: CommandContext,
  args: readonly string[],
): Promise<ProgramExit> {
  const parsed = sendmailArguments(args);
  if (parsed.kind === 'usage') {
    await sayAs(context.io, 'sendmail', `${parsed.problem}`);
    return USAGE;
  }
  const { request } = parsed;
  const options = request.config === null ? {} : { mtaConfig: request.config };
  switch (request.mode) {
    case 'message':
      return await sendMessage(context, options, request);
    case 'smtp':
      return await talkSmtp(context, options);
    case 'mailq':
      return await (await import('./mta-queue.ts')).runMtaQueue(context, {
        ...options,
        format: 'text',
      });
    case 'flush':
      return await (await import('./mta-queue.ts')).runMtaFlush(context, options, []);
    case 'newaliases':
      return await (await import('./mta-tables.ts')).runNewaliases(context, options);
    case 'verify':
      return await (await import('./mta-test.ts')).runMtaTest(context, options, request.recipients);
    case 'other':
      await sayAs(context.io, 'sendmail', `${request.modeText}: see maillog mta --help`);
      return USAGE;
  }
}

async function sendMessage(
  context: CommandContext,
  options: Options,
  request: SendmailRequest,
): Promise<ProgramExit> {
  const { io, now, zone } = context;
  if (request.recipients.length === 0 && !request.takesHeader) {
    await sayAs(io, 'sendmail', 'Recipient names must be specified');
    return USAGE;
  }
  const place = mtaPlace(io, options);
  const host = place.config.Hostname ?? machineName();
  const sender = request.sender ?? `${userName(io.env.USER)}@${host}`;
  const unique = randomBytes(6).toString('hex');
  const { text, recipients } = prepareSubmission(await buffer(io.stdin), {
    takesHeader: request.takesHeader,
    ignoresDots: request.ignoresDots,
    from: fromField(sender === '' ? `MAILER-DAEMON@${host}` : sender, request.fullName),
    date: mailDate(now.getTime(), zone),
    messageId: `<${compactTime(now.getTime())}.${unique}@${host}>`,
  });
  const all = [...new Set([...request.recipients.map(bare), ...recipients])];
  if (all.length === 0) {
    await sayAs(io, 'sendmail', 'No recipient addresses found in header');
    return USAGE;
  }
  const door = doorOf(place, host);
  if (door === null) {
    await sayAs(io, 'sendmail', 'no port of DaemonPortOptions takes mail without TLS and AUTH');
    return UNAVAILABLE;
  }
  const { notify, ret, envid } = request;
  const letter = { sender, recipients: all, text, notify, ret, envid };
  const { exitCode, messages } = await handOver(door, letter);
  for (const message of messages) await sayAs(io, 'sendmail', `${message}`);
  return exitCode;
}

function fromField(sender: string, fullName: string | null): string {
  if (fullName === null || fullName === '') return sender;
  const name = fullName.replace(/[^ -~\u0080-\u00ff]/g, ' ');
  const isAtom = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+$/.test(name);
  return `${isAtom ? name : `"${name.replace(/["\\]/g, '\\$&')}"`} <${sender}>`;
}

function bare(recipient: string): string {
  return /<([^<>]*)>/.exec(recipient)?.[1] ?? recipient.trim();
}

/** The port for submission, else the first that takes mail from this machine as it is. */
export function doorOf({ config }: MtaPlace, heloName: string): Door | null {
  const open = daemonOptions(config.DaemonPortOptions).filter(
    ({ isTls, isAuthRequired, port }) => !isTls && !isAuthRequired && port > 0,
  );
  const daemon = open.find(({ isSubmission }) => isSubmission) ?? open[0];
  if (daemon === undefined) return null;
  const loopback: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return { address: loopback[daemon.host] ?? daemon.host, port: daemon.port, heloName };
}

/** -bs: SMTP on standard input and output, by the MTA itself. */
async function talkSmtp({ io }: CommandContext, options: Options): Promise<ProgramExit> {
  const door = doorOf(mtaPlace(io, options), 'localhost');
  if (door === null) return UNAVAILABLE;
  const socket = connect({ host: door.address, port: door.port, allowHalfOpen: true });
  try {
    // What goes wrong with the socket is told by the other way.
    const towards = pipeline(io.stdin, socket).catch(() => undefined);
    await pipeline(socket, io.stdout, { end: false });
    await towards;
    return 0;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    await sayAs(io, 'sendmail', `the MTA does not answer (${why})`);
    return TRY_AGAIN;
  } finally {
    socket.destroy();
    io.stdin.destroy();
  }
}

function userName(fallback: string | undefined): string {
  try {
    return userInfo().username;
  } catch {
    return fallback ?? 'root';
  }
}
