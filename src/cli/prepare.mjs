#!/usr/bin/env node
/**
 * Makes a fresh clone runnable with nothing but Node: installs the packages where they are missing or older
 * than package-lock.json, and builds where the sources are newer than what was built of them.
 *
 * Promise: quiet while all goes well; what npm or the compiler said is shown only when it failed, with what
 * to do. JavaScript of Node alone, since it runs before anything is installed.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

const SOURCES = ['src', 'ingest', 'reports', 'web', 'test', 'tsconfig.json', 'package.json'];
/** Data that no build reads. */
const NO_SOURCES = new Set([join(ROOT, 'test/fixtures')]);
const PACKAGES = join(ROOT, 'node_modules');
/** npm writes this at the end of every installation. */
const INSTALLED = join(PACKAGES, '.package-lock.json');
/** Bears the time at which the last good build began. */
const BUILT = join(ROOT, 'dist/.built');
const COMPILER = join(PACKAGES, 'typescript/bin/tsc');
const MOST_OUTPUT = 64 * 1024 * 1024;

/** Installs and builds what is missing or old; with `clean`, builds all anew. Ends the process on failure. */
export function prepare({ clean = false } = {}) {
  checkNode();
  if (timeOf(INSTALLED) < timeOf(join(ROOT, 'package-lock.json'))) install();
  if (clean) rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
  if (timeOf(BUILT) < newest(SOURCES.map((name) => join(ROOT, name)))) build();
}

function checkNode() {
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const [needed, least] = /(\d+)\.(\d+)/.exec(engines.node).slice(1).map(Number);
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > needed || (major === needed && minor >= least)) return;
  fail(`Node ${engines.node} is needed, this is ${process.version}: install a newer one`);
}

function install() {
  // npm empties the folder first, and would do so through a link: it may be somebody else's.
  if (lstatSync(PACKAGES, { throwIfNoEntry: false })?.isSymbolicLink()) {
    fail('node_modules is a link and its packages are missing or old: run "npm ci" where it leads');
  }
  say('installing packages, once');
  // Under npm this is npm's own script (other package managers put theirs there).
  const { npm_execpath: npm = '' } = process.env;
  const command = /npm-cli\.c?js$/.test(npm) ? [process.execPath, npm] : ['npm'];
  const options = [
    '--include=dev',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  run(
    [...command, 'ci', ...options],
    'the packages cannot be installed: see above, check that the npm registry can be reached, try again',
  );
}

function build() {
  say('building');
  const began = new Date();
  run(
    [process.execPath, COMPILER, '-b'],
    'the build failed: see above; in a clone without changes, run "npm ci" and try again',
  );
  mkdirSync(dirname(BUILT), { recursive: true });
  writeFileSync(BUILT, '');
  utimesSync(BUILT, began, began);
}

/** Runs a command in the root; if it fails, shows all it said and gives up. */
function run([command, ...args], advice) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: MOST_OUTPUT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  if (error !== undefined) process.stderr.write(`${error.message}\n`);
  fail(advice);
}

/** When a file was last written, in milliseconds; long ago if it is not there. */
function timeOf(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

/** The latest time of files and folders; a folder's own tells of files that were deleted. */
function newest(paths) {
  let latest = 0;
  for (const path of paths) {
    if (NO_SOURCES.has(path) || !existsSync(path)) continue;
    const stats = statSync(path);
    const inside = stats.isDirectory() ? readdirSync(path).map((name) => join(path, name)) : [];
    latest = Math.max(latest, stats.mtimeMs, newest(inside));
  }
  return latest;
}

function say(text) {
  process.stderr.write(`maillog: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  prepare({ clean: process.argv.includes('--clean') });
}
