/** Small servers that speak SMTP by a script, and what a courier's job is made of. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { MtaLog } from '../../../src/mta/log/mta-log.ts';
import type {
  CourierJob,
  Destination,
  Envelope,
  FinalRecipient,
  MailerName,
  MessageFile,
} from '../../../src/mta/model.ts';

export const HANG_UP = Symbol('hang up');
export const RESET = Symbol('reset');

/**
 * What the server does: `line` is null for the connection, `.` for a whole message. Text is sent as it is;
 * null says nothing.
 */
export type Behaviour = (
  line: string | null,
  socket: Socket,
) => string | typeof HANG_UP | typeof RESET | null;

export interface FakeServer {
  readonly port: number;
  /** Commands of all sessions, in order. */
  readonly commands: string[];
  /** Messages as they came, with dots. */
  readonly messages: string[];
  connections: number;
}

export async function fakeServer(t: TestContext, behave: Behaviour): Promise<FakeServer> {
  const sockets = new Set<Socket>();
  const fake = { port: 0, commands: [] as string[], messages: [] as string[], connections: 0 };
  const server = createServer((socket) => {
    fake.connections++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, behave, fake);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  fake.port = typeof address === 'object' && address !== null ? address.port : 0;
  return fake;
}

function serve(socket: Socket, behave: Behaviour, fake: FakeServer): void {
  let [text, message, isData] = ['', '', false];
  const act = (line: string | null) => {
    const answer = behave(line, socket);
    if (answer === HANG_UP) socket.end();
    else if (answer === RESET) socket.resetAndDestroy();
    else if (answer !== null) socket.write(answer, 'latin1');
    if (typeof answer === 'string' && /^354/m.test(answer)) isData = true;
  };
  act(null);
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
    for (let end = text.indexOf('\r\n'); end !== -1; end = text.indexOf('\r\n')) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      if (!isData) {
        fake.commands.push(line);
        act(line);
      } else if (line === '.') {
        isData = false;
        fake.messages.push(message);
        message = '';
        act('.');
      } else {
        message += `${line}\r\n`;
      }
    }
  });
}

/** A server that takes everything; `replies` answers some commands otherwise, by their beginning. */
export function obliging(
  replies: Readonly<Record<string, string | typeof HANG_UP | typeof RESET>> = {},
  extensions: readonly string[] = ['PIPELINING', 'SIZE', '8BITMIME', 'DSN', 'ENHANCEDSTATUSCODES'],
): Behaviour {
  return (line) => {
    const key = Object.keys(replies).find((one) => (line ?? '<greeting>').startsWith(one));
    const reply = key === undefined ? undefined : replies[key];
    if (reply === undefined) return `${usualReply(line, extensions)}\r\n`;
    return typeof reply === 'string' ? `${reply}\r\n` : reply;
  };
}

function usualReply(line: string | null, extensions: readonly string[]): string {
  if (line === null) return '220 fake ESMTP';
  if (/^[EL]HLO/.test(line)) {
    const all = ['fake at your service', ...extensions];
    return all.map((one, at) => `250${at === all.length - 1 ? ' ' : '-'}${one}`).join('\r\n');
  }
  if (line === 'DATA') return '354 go on';
  if (line === 'QUIT') return '221 2.0.0 bye';
  return line === '.' ? '250 2.0.0 Ok: queued as AB12' : '250 2.1.0 Ok';
}

export interface LogCall {
  readonly method: string;
  readonly args: readonly unknown[];
}

/** Every call of the log, by name. */
export function recordingLog(): { log: MtaLog; calls: LogCall[] } {
  const calls: LogCall[] = [];
  const log = new Proxy({} as MtaLog, {
    get: (_, method) => {
      if (method === 'pid') return 1;
      if (method === 'as') return () => log;
      return (...args: unknown[]) => {
        calls.push({ method: String(method), args });
      };
    },
  });
  return { log, calls };
}

export function testFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'maillog-courier-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const MESSAGE = 'Subject: hello\nMIME-Version: 1.0\n\nhello\n.dot\nFrom here\n';

export function messageFile(t: TestContext, text = MESSAGE): MessageFile {
  const path = join(testFolder(t), 'df');
  writeFileSync(path, text, 'latin1');
  return { path, size: text.length };
}

export function envelopeOf(changes: Partial<Envelope> = {}): Envelope {
  return {
    id: '6AO6Daxu021036',
    arrivedAt: Date.UTC(2026, 10, 24, 6, 51, 6),
    senderShown: '<ann@partner.example>',
    sender: 'ann@partner.example',
    senderUser: null,
    size: 100,
    storedSize: 390,
    class: 0,
    messageId: '<1@x>',
    bodyType: null,
    isUtf8: false,
    envid: null,
    ret: null,
    protocol: 'ESMTP',
    client: null,
    recipients: [],
    quarantine: null,
    isBounce: false,
    ...changes,
  };
}

export function recipientOf(
  user: string,
  mailer: MailerName = 'esmtp',
  changes: Partial<FinalRecipient> & { host?: string } = {},
): FinalRecipient {
  const { host = mailer === 'esmtp' ? 'x.example' : '', ...rest } = changes;
  const destination: Destination = { mailer, host, user };
  return {
    shown: `<${user}>`,
    origin: user,
    destination,
    controllingUser: null,
    notify: null,
    orcpt: null,
    ...rest,
  };
}

export function jobOf(
  message: MessageFile,
  recipients: readonly FinalRecipient[],
  changes: Partial<Envelope> = {},
): CourierJob {
  return { envelope: envelopeOf(changes), message, recipients };
}
