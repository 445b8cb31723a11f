/** The form of a log's stamps, told by its first line that has one. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { stampForm } from '../../../src/cli/doctor/stamp-form.ts';

const TEXT = 'mx1 sm-mta[5]: starting daemon (8.17.1.9): SMTP';
const FORMS: readonly (readonly [string, string | null])[] = [
  [`Nov  4 06:51:15 ${TEXT}`, 'traditional (no year, no zone)'],
  [`<22>Nov 24 06:51:15 ${TEXT}`, 'traditional (no year, no zone) behind a priority'],
  [`Nov 24 2026 06:51:15 ${TEXT}`, 'traditional with a year (no zone)'],
  [`2026-11-24T06:51:15.061049+00:00 ${TEXT}`, 'ISO 8601'],
  [`2026-11-24T06:51:15+0100 ${TEXT}`, 'ISO 8601'],
  [`2026-11-24 06:51:15 ${TEXT}`, 'ISO 8601 (no zone)'],
  ['<22>1 2026-11-24T06:51:15Z mx1 sm-mta 5 - -  starting', 'RFC 5424'],
  ['1732431075 mx1 sm-mta[5]: starting', null],
  ['', null],
];

for (const [line, form] of FORMS) {
  test(`"${line.slice(0, 30)}" is ${form ?? 'no stamp'}`, () => {
    assert.equal(stampForm(Buffer.from(line)), form);
    assert.equal(stampForm(Buffer.from(`no stamp here\n\n${line}\n${line}`)), form);
  });
}
