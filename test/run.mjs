#!/usr/bin/env node
/**
 * `npm test [-- WORD...]`: installs and builds where need be, then runs every test whose file has one of
 * the words in its path, two files at a time. `--suite crash` and `--suite load` run the long ones instead
 * (*.crash.ts, *.load.ts), one file at a time, and show them as they run.
 *
 * On a terminal the tests are shown as they run. Elsewhere only the closing lines are, which name what
 * failed and why; in CI ($CI set) a skipped test is a failure too, since nobody would see that it was.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, ROOT } from '../src/cli/prepare.mjs';

/** How many files run at once. */
const SUITES = { test: 2, crash: 1, load: 1 };
/** No test takes as long; one that hangs ends here and says so. */
const PATIENCE_MS = 600_000;
const CLOSING = /^\S+ tests \d+$/m;

function readArguments(args) {
  if (args[0] !== '--suite') return { suite: 'test', words: args };
  const [, suite, ...words] = args;
  if (Object.hasOwn(SUITES, suite)) return { suite, words };
  process.stderr.write(`maillog: --suite is one of ${Object.keys(SUITES).join(', ')}\n`);
  process.exit(1);
}

/** By the sources: of a deleted test the built file may still be there. */
function testFiles({ suite, words }) {
  return readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(`.${suite}.ts`))
    .map((name) => join('test', name))
    .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
    .sort()
    .map((name) => join('dist', name.replace(/\.ts$/, '.js')));
}

function runTests({ files, filesAtOnce, isShown }) {
  const options = [
    '--enable-source-maps',
    '--test',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-concurrency=${filesAtOnce}`,
    `--test-timeout=${PATIENCE_MS}`,
  ];
  // Without colours, which would be mistaken for words.
  const { FORCE_COLOR: _, ...plain } = process.env;
  const child = spawn(process.execPath, [...options, ...files], {
    cwd: ROOT,
    env: process.stdout.isTTY ? process.env : plain,
    stdio: ['ignore', isShown ? 'inherit' : 'pipe', 'inherit'],
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

const chosen = readArguments(process.argv.slice(2));
const files = testFiles(chosen);
prepare();
if (files.length === 0) {
  process.stderr.write('maillog: no test file has such a word in its path\n');
  process.exit(1);
}
const { code, output } = await runTests({
  files,
  filesAtOnce: SUITES[chosen.suite],
  // The long ones print figures.
  isShown: !process.env.CI && (process.stdout.isTTY === true || chosen.suite !== 'test'),
});
process.stdout.write(chosen.suite === 'test' ? closingLines(output) : output);
const skipped = process.env.CI ? skippedTests(output) : [];
if (skipped.length > 0)
  process.stdout.write(`skipped, which CI does not allow:\n${skipped.join('\n')}\n`);
process.exitCode = code === 0 && skipped.length === 0 ? 0 : 1;
