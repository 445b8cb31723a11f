/** The catalogue of errors: what system errors become, and that docs/errors.md tells all of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  ERRORS,
  type ErrorCode,
  fileError,
  MaillogError,
  maillogError,
  toMaillogError,
} from '../../src/model/errors.ts';

const CODES = Object.keys(ERRORS) as ErrorCode[];

/** Details in which each detail is its own name: `<path>`. */
const PLACEHOLDERS: never = new Proxy({}, { get: (_, name) => `<${String(name)}>` }) as never;

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: something`), { code });
}

test('docs/errors.md has one line for each error, in order, and no other', () => {
  const documented = readFileSync('docs/errors.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `E_'));
  const expected = CODES.map((code) => {
    const { exitCode, httpStatus, about, message } = ERRORS[code];
    return `| \`${code}\` | ${exitCode} | ${httpStatus} | ${about} | \`${message(PLACEHOLDERS)}\` |`;
  });
  assert.deepEqual(documented, expected);
});

test('every message is one line, says no more than fits and tells what to do', () => {
  for (const code of CODES) {
    const message = ERRORS[code].message(PLACEHOLDERS);
    assert.match(message, /^[^\n`|]+$/, code);
    assert.ok(message.length < 140, code);
    assert.match(message, /[:;(]|give|must be/, code);
  }
});

test('exit codes are 1 or 2, and usage is a fault of the asker over HTTP as well', () => {
  for (const code of CODES) {
    const { exitCode, httpStatus } = ERRORS[code];
    assert.ok(exitCode === 1 || exitCode === 2, code);
    assert.ok(httpStatus >= 400 && httpStatus < 600, code);
    if (exitCode === 2) {
      assert.ok(httpStatus < 500, code);
    }
  }
});

test('an error carries code, exit code, HTTP status, message and cause', () => {
  const cause = new Error('why');
  const error = maillogError('E_STORE_LOCKED', { path: '/a.duckdb', owner: 'process 7' }, cause);
  assert.ok(error instanceof MaillogError);
  assert.equal(error.code, 'E_STORE_LOCKED');
  assert.equal(error.exitCode, 1);
  assert.equal(error.httpStatus, 503);
  assert.equal(error.message, '/a.duckdb is in use by process 7: wait until it ends, or stop it');
  assert.equal(error.cause, cause);
});

test('system errors about files become errors of the catalogue', () => {
  const expected: Record<string, ErrorCode> = {
    ENOENT: 'E_NO_SUCH_FILE',
    ENOTDIR: 'E_NO_SUCH_FILE',
    EACCES: 'E_NO_ACCESS',
    EPERM: 'E_NO_ACCESS',
    EROFS: 'E_NO_ACCESS',
    EISDIR: 'E_IS_A_FOLDER',
    ENOSPC: 'E_DISK_FULL',
    EDQUOT: 'E_DISK_FULL',
    EIO: 'E_FILE_FAILED',
  };
  for (const [system, code] of Object.entries(expected)) {
    const error = fileError(systemError(system), '/x');
    assert.equal(error.code, code, system);
    assert.match(error.message, /\/x/);
  }
  assert.equal(fileError('thrown text', '/x').code, 'E_FILE_FAILED');
});

test('what is of the catalogue stays as it is, all else is a defect', () => {
  const error = maillogError('E_USAGE', { problem: 'no file named' });
  assert.equal(toMaillogError(error), error);
  assert.equal(fileError(error, '/x'), error);
  const defect = toMaillogError(new TypeError('x is not a function'));
  assert.equal(defect.code, 'E_INTERNAL');
  assert.match(defect.message, /x is not a function/);
  assert.equal(toMaillogError(undefined).code, 'E_INTERNAL');
});
