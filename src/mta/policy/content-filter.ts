/**
 * A program that judges messages: it gets the message on its standard input and says by its exit code what
 * becomes of it (sysexits.h): 0 accept, 75 try later, 69 and 77 refuse, 99 discard. The first line of its
 * standard output is the text of a refusal.
 *
 * Promises: no shell, arguments only from configuration; it is killed at its time limit; whatever else
 * happens (no such program, another code, a signal) is a temporary failure and no message is lost.
 */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import type { Reply } from '../model.ts';
import { printable } from './tokens.ts';

export interface ContentFilterConfig {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly timeoutMs: number;
}

/** What the program finds in its environment, besides PATH. */
export interface ContentFilterFacts {
  readonly queueId: string;
  readonly sender: string;
  readonly clientAddress: string;
}

export type ContentVerdict =
  | { readonly kind: 'accept' }
  | { readonly kind: 'discard' }
  | { readonly kind: 'refuse'; readonly reply: Reply; readonly problem: string | null };

const DISCARD = 99;
const TEMPORARY = 75;
const REFUSALS = new Set([69, 77]);
const LONGEST_TEXT = 200;
const PATH = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';

/** `path` is the message's file. Never rejects. */
export async function runContentFilter(
  config: ContentFilterConfig,
  path: string,
  facts: ContentFilterFacts,
): Promise<ContentVerdict> {
  const { code, output, problem } = await run(config, path, facts);
  if (code === 0) return { kind: 'accept' };
  if (code === DISCARD) return { kind: 'discard' };
  const text = printable(output.split('\n', 1)[0] ?? '').trim();
  if (code !== null && REFUSALS.has(code)) {
    const reply = { code: 554, status: '5.7.1', text: text === '' ? 'Message refused' : text };
    return { kind: 'refuse', reply, problem: null };
  }
  const isTold = code === TEMPORARY && text !== '';
  const reply = { code: 451, status: '4.3.2', text: isTold ? text : 'Please try again later' };
  return { kind: 'refuse', reply, problem: code === TEMPORARY ? null : problem };
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly problem: string;
}

function run(config: ContentFilterConfig, path: string, facts: ContentFilterFacts): Promise<Ended> {
  const clean = (text: string) => text.split('\0').join('');
  const child = spawn(config.program, [...config.arguments], {
    shell: false,
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    cwd: '/',
    env: {
      PATH,
      QUEUE_ID: facts.queueId,
      SENDER: clean(facts.sender),
      CLIENT_ADDR: facts.clientAddress,
    },
  });
  let output = '';
  let problem = '';
  const kill = (why: string) => {
    problem ||= why;
    // Its children too: it leads a group of its own.
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      child.kill('SIGKILL');
    }
  };
  const timer = setTimeout(() => kill('content filter took too long'), config.timeoutMs);
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    output = (output + text).slice(0, LONGEST_TEXT);
  });
  // A program may well exit before it has read everything.
  child.stdin.on('error', () => undefined);
  const message = createReadStream(path);
  message.on('error', (error) => kill(`content filter: ${error.message}`));
  message.pipe(child.stdin);
  return new Promise((resolve) => {
    const end = (code: number | null, why: string) => {
      clearTimeout(timer);
      message.destroy();
      const isOurs = problem !== '';
      resolve({ code: isOurs ? null : code, output, problem: problem || why });
    };
    child.on('error', (error) => end(null, `content filter: ${error.message}`));
    child.on('close', (code, signal) => {
      end(code, `content filter ended with ${code ?? signal ?? 'nothing'}`);
    });
  });
}
