/** Headers of syslog lines in the forms of the field. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StampKind, SyslogHeader, yearlessParts } from '../../src/format/syslog-header.ts';

interface Read {
  readonly host: string;
  readonly tag: string;
  readonly pid: number;
  readonly text: string;
}

function read(
  line: string,
  header = new SyslogHeader(),
): (Read & { header: SyslogHeader }) | undefined {
  const bytes = Buffer.from(line);
  if (!header.read(bytes, 0, bytes.length)) return undefined;
  const slice = (start: number, end: number): string => bytes.toString('utf8', start, end);
  return {
    host: slice(header.hostStart, header.hostEnd),
    tag: slice(header.tagStart, header.tagEnd),
    pid: header.pid,
    text: slice(header.textStart, bytes.length),
    header,
  };
}

function parts(line: string): Read | undefined {
  const found = read(line);
  if (found === undefined) return undefined;
  const { host, tag, pid, text } = found;
  return { host, tag, pid, text };
}

const absolute = (line: string): string => {
  const header = read(line)?.header;
  assert.equal(header?.kind, StampKind.absolute, line);
  return new Date((header?.stamp ?? 0) * 1000).toISOString();
};

test('traditional: a stamp without year and zone', () => {
  const found = read('Nov  3 06:44:41 mx1 sm-mta[21036]: text');
  assert.equal(found?.header.kind, StampKind.yearless);
  const { month, day, second } = yearlessParts(found?.header.stamp ?? 0);
  assert.deepEqual([month, day, second], [11, 3, 6 * 3600 + 44 * 60 + 41]);
  assert.deepEqual(parts('Nov  3 06:44:41 mx1 sm-mta[21036]: text'), {
    host: 'mx1',
    tag: 'sm-mta',
    pid: 21036,
    text: 'text',
  });
});

test('the day with a blank, a zero or nothing before it', () => {
  for (const day of [' 3', '03', '3']) {
    const found = read(`Feb ${day} 00:00:00 mx1 x[1]: t`);
    assert.equal(yearlessParts(found?.header.stamp ?? 0).day, 3, day);
  }
});

test('a year behind the day, and fractions', () => {
  const found = read('Nov 24 2026 06:44:41.250 mx1 x[1]: t');
  assert.equal(found?.header.kind, StampKind.local);
  assert.equal(found?.header.stamp, Date.UTC(2026, 10, 24, 6, 44, 41, 250) / 1000);
});

test('RFC 3339 in its variants', () => {
  const expected = '2026-11-24T06:44:41.061Z';
  for (const stamp of [
    '2026-11-24T06:44:41.061+00:00',
    '2026-11-24T06:44:41.061Z',
    '2026-11-24t06:44:41.061z',
    '2026-11-24T12:14:41.061+05:30',
    '2026-11-24T03:14:41.061-0330',
    '2026-11-24 06:44:41.061+00:00',
    '2026-11-24T06:44:41,061+00:00',
  ]) {
    assert.equal(absolute(`${stamp} mx1 sm-mta[1]: t`), expected, stamp);
  }
  assert.equal(read('2026-11-24T06:44:41 mx1 sm-mta[1]: t')?.header.kind, StampKind.local);
  assert.equal(absolute('2026-11-24T06:44:60Z mx1 sm-mta[1]: t'), '2026-11-24T06:45:00.000Z');
});

test('RFC 5424, with and without structured data and a byte order mark', () => {
  const head = '<22>1 2026-11-24T06:44:41.061049+00:00 mx1 sm-mta 21036';
  const expected = { host: 'mx1', tag: 'sm-mta', pid: 21036, text: 'text' };
  assert.deepEqual(parts(`${head} - -  text`), expected);
  assert.deepEqual(parts(`${head} ID47 - text`), expected);
  assert.deepEqual(parts(String.raw`${head} - [a@1 x="y\"]" z=""][b@1] text`), expected);
  assert.deepEqual(parts(`${head} - - \u{feff}text`), expected);
  assert.deepEqual(parts('<22>1 2026-11-24T06:44:41Z - sm-mta - - - text'), {
    host: '',
    tag: 'sm-mta',
    pid: -1,
    text: 'text',
  });
});

test('a priority before a traditional stamp', () => {
  assert.deepEqual(parts('<22>Nov 24 06:44:41 mx1 sm-mta[1]: text'), {
    host: 'mx1',
    tag: 'sm-mta',
    pid: 1,
    text: 'text',
  });
});

test('tags of all kinds', () => {
  assert.deepEqual(parts('Nov 24 06:44:41 mx1 postfix/smtpd[7]: t'), {
    host: 'mx1',
    tag: 'postfix/smtpd',
    pid: 7,
    text: 't',
  });
  assert.deepEqual(parts('Nov 24 06:44:41 mx1 smrsh: uid 8: x'), {
    host: 'mx1',
    tag: 'smrsh',
    pid: -1,
    text: 'uid 8: x',
  });
  assert.deepEqual(parts('Jun 26 12:02:38 sendmail[23292]: t'), {
    host: '',
    tag: 'sendmail',
    pid: 23292,
    text: 't',
  });
  assert.deepEqual(parts('Jun 26 12:02:38 sendmail: t'), {
    host: '',
    tag: 'sendmail',
    pid: -1,
    text: 't',
  });
  assert.deepEqual(parts('Nov 24 06:44:41 2001:db8::1 sm-mta[1]: t'), {
    host: '2001:db8::1',
    tag: 'sm-mta',
    pid: 1,
    text: 't',
  });
});

test('Solaris and AIX put more before the text', () => {
  assert.deepEqual(
    parts('Dec 20 11:55:04 aso sendmail[25176]: [ID 801593 mail.info] gBK2t48h025176: from=x'),
    {
      host: 'aso',
      tag: 'sendmail',
      pid: 25176,
      text: 'gBK2t48h025176: from=x',
    },
  );
  assert.deepEqual(parts('Dec 20 11:55:04 aso mail:info sendmail[25176]: t'), {
    host: 'aso',
    tag: 'sendmail',
    pid: 25176,
    text: 't',
  });
});

test('what has no stamp to stand on is refused', () => {
  for (const line of [
    '',
    'x',
    'Nov 24 06:44:41',
    'Nov 24 6:44:41 mx1 x: t',
    'Nov 32 06:44:41 mx1 x: t',
    'Nox 24 06:44:41 mx1 x: t',
    'Nov 24 24:00:00 mx1 x: t',
    'Nov 24 06:60:00 mx1 x: t',
    '2026-13-01T00:00:00Z mx1 x: t',
    '2026-11-24T06:44:41+25:00 mx1 x: t',
    '2026-11-24T06:44:41Zmx1 x: t',
    '<22Nov 24 06:44:41 mx1 x: t',
    'sm-mta[1]: 6AO6Daxu021036: text',
  ]) {
    const found = read(line);
    assert.ok(found === undefined || line === 'Nov 24 06:44:41', line);
  }
});

test('the prefix remembered of one line is not believed of another', () => {
  const header = new SyslogHeader();
  assert.equal(read('Nov 24 06:44:41 mx1 sm-mta[7]: a', header)?.header.sameSource, false);
  const same = read('Nov 24 06:44:42 mx1 sm-mta[8]: b', header);
  assert.deepEqual(
    [same?.header.sameSource, same?.host, same?.tag, same?.pid, same?.text],
    [true, 'mx1', 'sm-mta', 8, 'b'],
  );
  for (const [line, host, tag, pid] of [
    ['Nov 24 06:44:43 mx2 sm-mta[8]: b', 'mx2', 'sm-mta', 8],
    ['Nov 24 06:44:43 mx2 sm-mtb[9]: b', 'mx2', 'sm-mtb', 9],
    ['Nov 24 06:44:43 mx2 sm-mtb: b', 'mx2', 'sm-mtb', -1],
    ['Nov 24 06:44:43 mx2 sm-mtb[x]: b', 'mx2', 'sm-mtb', -1],
  ] as const) {
    const found = read(line, header);
    assert.deepEqual([found?.host, found?.tag, found?.pid], [host, tag, pid], line);
  }
  header.forget();
  assert.equal(read('Nov 24 06:44:44 mx2 sm-mtb[9]: b', header)?.header.sameSource, false);
});
