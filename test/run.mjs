#!/usr/bin/env node
/**
 * `npm test [-- WORD...]`: installs and builds where need be, then runs every test whose file has one of
 * the words in its path, two files at a time.
 *
 * On a terminal the tests are shown as they run. Elsewhere only the closing lines are, which name what
 * failed and why; in CI ($CI set) a skipped test is a failure too, since nobody would see that it was.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, ROOT } from '../src/cli/prepare.mjs';

const FILES_AT_ONCE = 2;
/** No test takes as long; one that hangs ends here and says so. */
const PATIENCE_MS = 600_000;
const CLOSING = /^\S+ tests \d+$/m;

/** By the sources: of a deleted test the built file may still be there. */
function testFiles(words) {
  return readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', name))
    .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
    .sort()
    .map((name) => join('dist', name.replace(/\.ts$/, '.js')));
}

function runTests(files, isTerminal) {
  const options = [
    '--enable-source-maps',
    '--test',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-concurrency=${FILES_AT_ONCE}`,
    `--test-timeout=${PATIENCE_MS}`,
  ];
  // Without colours, which would be mistaken for words.
  const { FORCE_COLOR: _, ...plain } = process.env;
  const child = spawn(process.execPath, [...options, ...files], {
    cwd: ROOT,
    env: isTerminal ? process.env : plain,
    stdio: ['ignore', isTerminal ? 'inherit' : 'pipe', 'inherit'],
  });
  const parts = [];
  child.stdout?.on('data', (part) => parts.push(part));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output: Buffer.concat(parts).toString('utf8') }));
  });
}

/** From the totals on; all of it where there are none, for then something broke. */
function closingLines(output) {
  const found = CLOSING.exec(output);
  return found === null ? output : output.slice(found.index);
}

/** Their lines end in what node:test calls a directive, with or without a reason behind it. */
const skippedTests = (output) => output.split('\n').filter((line) => / # [A-Z]{4}\b/.test(line));

const files = testFiles(process.argv.slice(2));
prepare();
if (files.length === 0) {
  process.stderr.write('maillog: no test file has such a word in its path\n');
  process.exit(1);
}
const { code, output } = await runTests(files, process.stdout.isTTY === true && !process.env.CI);
process.stdout.write(closingLines(output));
const skipped = process.env.CI ? skippedTests(output) : [];
if (skipped.length > 0)
  process.stdout.write(`skipped, which CI does not allow:\n${skipped.join('\n')}\n`);
process.exitCode = code === 0 && skipped.length === 0 ? 0 : 1;
