#!/usr/bin/env node
/**
 * `npm start`: maillog out of a fresh clone, installed and built where need be (see prepare.mjs).
 *
 * With arguments it is maillog with these arguments. Without any it shows what maillog is for: the daily
 * report of real sendmail logs that come with it, and how to have one's own.
 */
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare, ROOT } from './prepare.mjs';

/** Logs in which much happens: many recipients, retries, refusals, logins, TLS, access rules, aliases. */
const LOGS = [
  'multi_rcpt',
  'defer_retry',
  'unknown_user',
  'auth',
  'starttls',
  'access_db',
  'aliases',
].map((name) => join(ROOT, 'test/fixtures/sendmail', `${name}.maillog`));

const HINT = `
This was the daily report of ${LOGS.length} logs of a real sendmail that come with maillog. Your own:

    npm start -- report /var/log/mail.log     the same, of your log, with no database
    npm start -- ingest /var/log/mail.log     into the database, every line exactly once
    npm start -- --help                       all commands
`;

const args = process.argv.slice(2);
prepare();
goToCaller();
if (args.length === 0) process.argv.push('report', 'daily', ...LOGS, '--top', '5');
// It reads process.argv and is done when the command is.
await import(new URL('../../dist/src/cli/main.js', import.meta.url));
if (args.length === 0) process.stderr.write(HINT);

/** npm runs its scripts in the package's folder; names in arguments are meant where npm was called. */
function goToCaller() {
  const { INIT_CWD: caller, npm_package_json: file } = process.env;
  if (caller === undefined || file === undefined) return;
  if (resolve(file) === resolve(fileURLToPath(new URL('../../package.json', import.meta.url)))) {
    process.chdir(caller);
  }
}
