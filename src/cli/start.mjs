#!/usr/bin/env node
/**
 * `npm start`: maillog out of a fresh clone, installed and built where need be (see prepare.mjs).
 *
 * With arguments it is maillog with these arguments. Without any it shows what maillog is for: an afternoon of two
 * mail servers, played in seconds, and the daily report of its log.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from './prepare.mjs';

const args = process.argv.slice(2);
prepare();
goToCaller();
if (args.length === 0) process.argv.push('demo');
// It reads process.argv.
await import(new URL('../../dist/src/cli/main.js', import.meta.url));

/** npm runs its scripts in the package's folder; names in arguments are meant where npm was called. */
function goToCaller() {
  const { INIT_CWD: caller, npm_package_json: file } = process.env;
  if (caller === undefined || file === undefined) return;
  if (resolve(file) === resolve(fileURLToPath(new URL('../../package.json', import.meta.url)))) {
    process.chdir(caller);
  }
}
