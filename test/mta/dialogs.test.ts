/**
 * Dialogues as plain text, `test/dialogs/*.smtp`, played against the server: `C: ` is sent, `S: ` must come. A line
 * `set NAME = VALUE` (JSON) is a setting, `ID` stands for any queue id, `DATE` for any date. `C| ` is sent with the
 * line before, as one packet.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { startMtaSite } from '../support/small-mta-site.ts';

const FOLDER = 'test/dialogs';
const PATIENCE_MS = 10_000;

interface Dialog {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

function readDialog(text: string): Dialog {
  const settings: Record<string, unknown> = {};
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const [, name, value] = /^set (\S+) = (.+)$/.exec(line) ?? [];
    if (name !== undefined) settings[name] = JSON.parse(value ?? 'null');
    else if (/^[CS][:|]/.test(line)) lines.push(line);
  }
  return { settings, lines };
}

const masked = (text: string) =>
  text
    .replace(/\b[0-9A-Za-x]{8}\d{6}\b/g, 'ID')
    .replace(/\w{3}, \d+ \w{3} \d{4} [\d:]{8} \S+/, 'DATE');

/** What is sent at a time, and how many lines come back. */
function turnsOf(lines: readonly string[]): { send: string; expected: string[] }[] {
  const turns: { send: string; expected: string[] }[] = [{ send: '', expected: [] }];
  let last = '';
  for (const line of lines) {
    const text = line.slice(3).replaceAll('\\n', '\n');
    const turn = turns.at(-1);
    if (line.startsWith('S')) turn?.expected.push(text);
    else if (line.startsWith('C|') && turn !== undefined) turn.send += `${text}\r\n`;
    else turns.push({ send: `${text}\r\n`, expected: [] });
    last = line;
  }
  assert.ok(last !== '', 'an empty dialogue');
  return turns;
}

async function play(port: number, lines: readonly string[]): Promise<void> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  let text = '';
  let wake = () => {};
  socket.on('data', (part: string) => {
    text += part;
    wake();
  });
  socket.on('close', () => wake()).on('error', () => wake());
  const line = async (): Promise<string> => {
    const until = Date.now() + PATIENCE_MS;
    while (!text.includes('\r\n') && Date.now() < until && !socket.closed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PATIENCE_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const end = text.indexOf('\r\n');
    const found = end < 0 ? '<closed>' : text.slice(0, end);
    text = end < 0 ? '' : text.slice(end + 2);
    return masked(found);
  };
  for (const { send, expected } of turnsOf(lines)) {
    if (send !== '') socket.write(send, 'latin1');
    const said: string[] = [];
    while (said.length < expected.length) said.push(await line());
    assert.deepEqual(said, expected, `after ${JSON.stringify(send)}`);
  }
  socket.destroy();
}

suite('dialogues', () => {
  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.smtp'))) {
    test(name.replace(/\.smtp$/, ''), async () => {
      const { settings, lines } = readDialog(readFileSync(join(FOLDER, name), 'utf8'));
      const site = await startMtaSite(settings);
      try {
        await play(site.port, lines);
      } finally {
        await site.close();
      }
    });
  }
});
