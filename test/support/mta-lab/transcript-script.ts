/**
 * Written-down SMTP sessions as scripts: what the client said is said again, and for each of its lines as many
 * replies are waited for as it had. Data is written down by its size (`<175 data bytes and final dot>`); what is
 * wrong with it, only the reply tells.
 */
import type { SessionScript, Step } from './scenario.ts';

/** `C: ` and `S: ` lines; `E: 3` is the fourth of the answers that several lines long. */
export interface WrittenSession {
  readonly from: string;
  readonly port: number;
  readonly lines: readonly string[];
}

const PIPELINED =
  'MAIL FROM:<ann@partner.example>\r\nRCPT TO:<alice@corp.example>\r\nRCPT TO:<bob@corp.example>\r\nDATA\r\n';
const CRAM_ANSWER = /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export function scriptOf(
  { from, port, lines }: WrittenSession,
  passwords: Readonly<Record<string, string>>,
): SessionScript {
  const isEarly = lines[0]?.startsWith('C: ') ?? false;
  const steps: Step[] = [];
  for (const [index, line] of lines.entries()) {
    if (!line.startsWith('C: ')) continue;
    const next = lines.slice(index + 1);
    const end = next.findIndex((one) => one.startsWith('C: '));
    const answers = end < 0 ? next : next.slice(0, end);
    steps.push(stepOf(line.slice(3), { answers, before: lines[index - 1] ?? '', passwords }));
  }
  const isTls = port === 465;
  const end = steps.at(-1)?.send === 'QUIT\r\n' ? {} : ({ end: 'close' } as const);
  return {
    from,
    port,
    steps,
    ...(isEarly ? { isEarly } : {}),
    ...(isTls ? { isTls } : {}),
    ...end,
  };
}

/** What the server said, in the form of the fixture. */
export function written(
  said: readonly string[],
  answers: readonly (readonly string[])[],
): string[] {
  const lines = said
    .filter((line) => line.startsWith('S: ') && line !== 'S: <closed>')
    .filter((line) => !/^S: 250[- ]AUTH /.test(line))
    .map((line) =>
      line
        .replace(/^S: 220 mx1\.corp\.example ESMTP .*/, 'S: 220')
        .replace(/^(S: 250 2\.0\.0 )\w{14} /, '$1QID ')
        .replace(/^S: 334 PD[\w+/=]{20,}$/, 'S: 334 CHALLENGE'),
    );
  return spelledOut(lines, answers);
}

/** The server's lines of a written session. */
export function expected(
  { lines }: WrittenSession,
  answers: readonly (readonly string[])[],
): string[] {
  return spelledOut(
    lines.filter((line) => !line.startsWith('C: ')),
    answers,
  );
}

function spelledOut(lines: readonly string[], answers: readonly (readonly string[])[]): string[] {
  return lines.flatMap((line) => {
    const number = /^E: (\d+)$/.exec(line)?.[1];
    if (number === undefined) return [line];
    return (answers[Number(number)] ?? []).map((one) => `S: ${one}`);
  });
}

interface Around {
  readonly answers: readonly string[];
  readonly before: string;
  readonly passwords: Readonly<Record<string, string>>;
}

function stepOf(text: string, { answers, before, passwords }: Around): Step {
  const replies = answers.length;
  const [first = ''] = answers;
  if (text === '<pipelined MAIL, two RCPT, DATA>') return { send: PIPELINED, replies };
  if (text === '<data, dot, QUIT>') return { send: `${dataOf(100, first)}QUIT\r\n`, replies };
  const bytes = /^<(\d+) data bytes and final dot>$/.exec(text)?.[1];
  if (bytes !== undefined) return { send: dataOf(Number(bytes), first), replies };
  if (before === 'S: 334 CHALLENGE' && CRAM_ANSWER.test(text)) {
    const [user = ''] = Buffer.from(text, 'base64')
      .toString('latin1')
      .split(/ [0-9a-f]{32}$/);
    const isRight = first.startsWith('S: 235');
    const password = isRight ? (passwords[user] ?? '') : 'wrong';
    return { send: '', replies, cramMd5: { user, password } };
  }
  const send = text.replace(/<(\d+) times (.)>/g, (_, count: string, what: string) =>
    what.repeat(Number(count)),
  );
  const step = { send: `${send.replaceAll('\n', '\r\n')}\r\n`, replies };
  return text === 'STARTTLS' && first.startsWith('S: 220') ? { ...step, startsTls: true } : step;
}

/** So many bytes of a message with its dot, or with the fault that the reply names. */
function dataOf(bytes: number, answer: string): string {
  const head = 'Subject: replayed\r\n\r\n';
  if (answer.includes('Bare linefeed')) return `${head}bare\nlf\r\n.\r\n`;
  if (answer.includes('Bare carriage')) return `${head}bare\rcr\r\n.\r\n`;
  const room = Math.max(0, bytes - head.length);
  const line = `${'x'.repeat(70)}\r\n`;
  const body = line.repeat(Math.floor(room / line.length));
  const rest = room - body.length;
  const last = rest > 2 ? `${'y'.repeat(rest - 2)}\r\n` : '';
  return `${head}${body}${last}.\r\n`;
}
