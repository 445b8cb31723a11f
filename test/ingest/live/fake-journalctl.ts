/**
 * A program that behaves as `journalctl --follow -o json` over a file of entries: begins behind the cursor
 * it is given, prints in pieces, goes on as the file grows, and dies when it is told to.
 */
import { writeFileSync } from 'node:fs';

const SCRIPT = `
import { readFileSync, rmSync, writeSync } from 'node:fs';
const [, own, ...args] = process.argv;
const script = own.slice(0, -'.mjs'.length);
const entries = script + '.entries';
const cursor = args.find((arg) => arg.startsWith('--after-cursor='))?.slice('--after-cursor='.length);
process.stderr.write(read(script + '.stderr'));
let dieAfter = Number(read(script + '.die') || Infinity);
rmSync(script + '.die', { force: true });
let place = 0;
let found = cursor === undefined;
process.stdout.on('error', () => process.exit(0));
print();
setInterval(print, 10);

function print() {
  const text = readFileSync(entries, 'utf8');
  const end = text.lastIndexOf('\\n') + 1;
  const lines = text.slice(place, end).split('\\n').slice(0, -1);
  place = end;
  let out = '';
  for (const line of lines) {
    if (found) out += line + '\\n';
    if (!found && line.includes(JSON.stringify(cursor))) found = true;
  }
  if (out.length > dieAfter) {
    writeSync(1, out.slice(0, dieAfter));
    process.exit(3);
  }
  dieAfter -= out.length;
  process.stdout.write(out);
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
`;

/** Writes the program to \`path\`. Entries are read from \`path.entries\`, bytes until its death from \`path.die\`. */
export function writeFakeJournalctl(path: string): void {
  writeFileSync(`${path}.mjs`, SCRIPT);
  const run = `#!/bin/sh\nexec '${process.execPath}' '${path}.mjs' "$@"\n`;
  writeFileSync(path, run, { mode: 0o755 });
}
