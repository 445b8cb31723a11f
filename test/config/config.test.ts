/** Where settings come from, which wins, and how each mistake is told. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ConfigRequest, loadConfig, surroundings } from '../../src/config/config.ts';
import { describeConfig, describeSettings } from '../../src/config/describe.ts';
import type { Surroundings } from '../../src/config/places.ts';
import { SETTING_NAMES, SETTINGS } from '../../src/config/settings.ts';
import { MaillogError } from '../../src/model/errors.ts';

const AROUND: Surroundings = { env: {}, cwd: '/site', home: '/home/ann', isRoot: false };

function readerOf(files: Readonly<Record<string, string>>): (path: string) => string {
  return (path) => {
    const text = files[path];
    if (text === undefined) {
      throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    }
    return text;
  };
}

function load(request: Partial<ConfigRequest>, files: Readonly<Record<string, string>> = {}) {
  return loadConfig({ around: AROUND, flags: {}, ...request }, readerOf(files));
}

function refusal(request: Partial<ConfigRequest>, files: Readonly<Record<string, string>> = {}) {
  try {
    load(request, files);
  } catch (error) {
    assert.ok(error instanceof MaillogError);
    return { code: error.code, message: error.message };
  }
  return assert.fail('accepted');
}

const withEnv = (env: Surroundings['env']): Partial<ConfigRequest> => ({
  around: { ...AROUND, env },
});

const SYSTEM = '/etc/maillog/maillog.toml';
const OWN = '/home/ann/.config/maillog/maillog.toml';

test('without any file every setting has its default or is null', () => {
  const { settings, origins, files } = load({});
  assert.deepEqual(settings, {
    db: '/home/ann/.local/state/maillog/maillog.duckdb',
    timezone: null,
    year: null,
    dialect: null,
    hostAliases: {},
    batchLines: 1_000_000,
    unparsedLines: 10_000,
    top: 10,
    follow: [],
    listen: [],
    journal: [],
    http: null,
    group: null,
    logLevel: 'info',
    tlsKey: null,
    tlsCert: null,
    tlsCa: null,
    maxConnections: 4096,
    maxPerPeer: 1024,
    frameTimeout: 60,
    spoolMegabytes: 1024,
    reserveMegabytes: 64,
    retentionDays: 0,
  });
  assert.ok(Object.values(origins).every((origin) => origin === 'default'));
  assert.deepEqual(files, []);
});

test('the database is in the state folder of the user', () => {
  const db = (around: Partial<Surroundings>): string =>
    load({ around: { ...AROUND, ...around } }).settings.db;
  assert.equal(db({ isRoot: true }), '/var/lib/maillog/maillog.duckdb');
  assert.equal(db({ env: { XDG_STATE_HOME: '/s' } }), '/s/maillog/maillog.duckdb');
  const usual = '/home/ann/.local/state/maillog/maillog.duckdb';
  assert.equal(db({ env: { XDG_STATE_HOME: 'relative' } }), usual);
  assert.equal(db({ env: { XDG_STATE_HOME: '' } }), usual);
});

test('default < system file < own file < environment < flag', () => {
  const files = {
    [SYSTEM]: 'timezone = "UTC"\nyear = 2021\n[ingest]\nbatch_lines = 1\nunparsed_lines = 1',
    [OWN]: 'year = 2022\n[ingest]\nbatch_lines = 2\nunparsed_lines = 2',
  };
  const env = { MAILLOG_BATCH_LINES: '3', MAILLOG_UNPARSED_LINES: '3', MAILLOG_TOP: '' };
  const config = load({ ...withEnv(env), flags: { unparsedLines: '4', top: undefined } }, files);
  const { timezone, year, batchLines, unparsedLines, top } = config.settings;
  assert.deepEqual([timezone, year, batchLines, unparsedLines, top], ['UTC', 2022, 3, 4, 10]);
  const set = Object.entries(config.origins).filter(([, origin]) => origin !== 'default');
  assert.deepEqual(Object.fromEntries(set), {
    timezone: SYSTEM,
    year: OWN,
    batchLines: '$MAILLOG_BATCH_LINES',
    unparsedLines: '--unparsed-lines',
  });
  assert.deepEqual(config.files, [SYSTEM, OWN]);
});

test('a named file is the only one, by flag over environment', () => {
  const files = {
    [SYSTEM]: 'year = 2021',
    '/site/a.toml': 'report.top = 1',
    '/b.toml': 'report.top = 2',
  };
  const env = withEnv({ MAILLOG_CONFIG: '/b.toml' });
  assert.deepEqual(load(env, files).files, ['/b.toml']);
  const { settings, files: read } = load({ ...env, configFile: 'a.toml' }, files);
  assert.deepEqual([settings.top, settings.year, read], [1, null, ['/site/a.toml']]);
  assert.deepEqual(refusal({ configFile: 'c.toml' }, files), {
    code: 'E_NO_SUCH_FILE',
    message: '/site/c.toml does not exist: check the name',
  });
});

test("own files follow XDG_CONFIG_HOME, and one that can't be read is no missing one", () => {
  const env = { XDG_CONFIG_HOME: '/c' };
  assert.equal(
    load(withEnv(env), { '/c/maillog/maillog.toml': '[report]\ntop = 3' }).settings.top,
    3,
  );
  const forbidden = (): never => {
    throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
  };
  assert.throws(
    () => loadConfig({ around: AROUND, flags: {} }, forbidden),
    /maillog.toml is not accessible to this user/,
  );
});

test('file names are relative to what names them, and ~ is home', () => {
  const db = (text: string): string => load({}, { [SYSTEM]: text }).settings.db;
  assert.equal(db('db = "mail.duckdb"'), '/etc/maillog/mail.duckdb');
  assert.equal(db('db = "~/mail.duckdb"'), '/home/ann/mail.duckdb');
  assert.equal(db('db = "/srv/../mail.duckdb"'), '/mail.duckdb');
  assert.equal(load({ flags: { db: 'x.duckdb' } }).settings.db, '/site/x.duckdb');
  assert.equal(load(withEnv({ MAILLOG_DB: './y' })).settings.db, '/site/y');
});

test('tables of names are read', () => {
  const text = '[host_aliases]\n"mx1.example.org" = "mail"\nmx2 = "mail"';
  assert.deepEqual(load({}, { [OWN]: text }).settings.hostAliases, {
    __proto__: null,
    'mx1.example.org': 'mail',
    mx2: 'mail',
  });
});

test('unknown settings are told with the file, the key and the nearest or all', () => {
  const message = (text: string): string => {
    const told = refusal({}, { [OWN]: text });
    assert.equal(told.code, 'E_UNKNOWN_SETTING');
    return told.message;
  };
  assert.equal(
    message('[ingest]\nbatch-lines = 5'),
    `${OWN}: there is no setting ingest.batch-lines: did you mean ingest.batch_lines?`,
  );
  assert.equal(
    message('timezome = "UTC"'),
    `${OWN}: there is no setting timezome: did you mean timezone?`,
  );
  assert.match(message('top = 5'), /no setting top: did you mean report.top\?$/);
  assert.match(message('colour = true'), /colour: choose from db, timezone, .*, report.top, /);
  assert.match(message('[ingest.deeper]\nx = 1'), /no setting ingest.deeper: /);
  assert.match(message('ingest = 5'), /no setting ingest: /);
  assert.match(message('[[report]]\ntop = 5'), /no setting report: /);
  assert.match(message('__proto__ = 5'), /no setting __proto__: /);
  assert.match(message('constructor = 5'), /no setting constructor: /);
});

test('bad values are told with where they were set, the key and what is allowed', () => {
  const allowed = 'a whole number from 1 to 100,000';
  assert.deepEqual(refusal({}, { [OWN]: '[report]\ntop = "many"' }), {
    code: 'E_BAD_SETTING',
    message: `${OWN}: report.top is "many", but must be ${allowed}`,
  });
  assert.equal(
    refusal(withEnv({ MAILLOG_TOP: '-1' })).message,
    `$MAILLOG_TOP: report.top is "-1", but must be ${allowed}`,
  );
  assert.equal(
    refusal({ flags: { top: 'x' } }).message,
    `--top: report.top is "x", but must be ${allowed}`,
  );
  assert.match(refusal({}, { [OWN]: 'year = 2026-01-01' }).message, /year is "2026-01-01", but/);
  assert.match(
    refusal({}, { [OWN]: 'year = 99999999999999999' }).message,
    /year is "9+", but must be/,
  );
  assert.match(refusal({}, { [OWN]: `db = ["${'x'.repeat(500)}"]` }).message, /^.{1,200}$/);
});

test('a value that a stronger place replaces is judged all the same', () => {
  assert.equal(
    refusal({ flags: { top: 5 } }, { [OWN]: '[report]\ntop = 0' }).code,
    'E_BAD_SETTING',
  );
});

test('what is not TOML is told with file, line and column', () => {
  assert.deepEqual(refusal({}, { [OWN]: 'top = 5\ndb = maillog\n' }).code, 'E_BAD_CONFIG_FILE');
  assert.match(
    refusal({}, { [OWN]: '\n\ndb = maillog\n' }).message,
    /^\/home\/ann\/.* is not valid TOML: line 3, column \d+: [^\n]+$/,
  );
});

test('the result cannot be changed', () => {
  const config = load({ flags: { hostAliases: 'a=b' } });
  assert.ok(Object.isFrozen(config));
  assert.ok(Object.isFrozen(config.settings));
  assert.ok(Object.isFrozen(config.settings.hostAliases));
  assert.ok(Object.isFrozen(config.origins));
  assert.ok(Object.isFrozen(config.files));
  assert.ok(Object.isFrozen(load({}).settings.hostAliases));
});

test('real files are read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'maillog-config-'));
  try {
    const file = join(folder, 'maillog.toml');
    writeFileSync(file, '# ours\n[report]\ntop = 12\n');
    const around = surroundings({ HOME: '/h' }, folder);
    assert.equal(around.home, '/h');
    const config = loadConfig({ around, flags: {}, configFile: 'maillog.toml' });
    assert.equal(config.settings.top, 12);
    assert.throws(
      () => loadConfig({ around, flags: {}, configFile: '.' }),
      /is a folder: name a file in it/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('keys, variables and flags are each used once, and written alike', () => {
  for (const property of ['key', 'env', 'flag'] as const) {
    const names = SETTING_NAMES.map((name) => SETTINGS[name][property]);
    assert.equal(new Set(names).size, names.length);
  }
  for (const name of SETTING_NAMES) {
    const { key, env, flag } = SETTINGS[name];
    assert.match(key, /^[a-z]+([._][a-z]+)*$/);
    assert.match(env, /^MAILLOG_[A-Z_]+$/);
    assert.match(flag, /^--[a-z-]+$/);
  }
});

test('a list is an array in the file, commas elsewhere, a flag given several times', () => {
  const text =
    '[serve]\nfollow = ["mail.log", "/var/log/*/mail.log"]\nlisten = ["udp://127.0.0.1:514"]\n';
  const files = { [SYSTEM]: text };
  const fromFile = load({}, files).settings;
  assert.deepEqual(fromFile.follow, ['/etc/maillog/mail.log', '/var/log/*/mail.log']);
  assert.deepEqual(fromFile.listen, ['udp://127.0.0.1:514']);
  const env = load(withEnv({ MAILLOG_LISTEN: 'udp://[::1]:1, tcp://[::1]:2' }), files).settings;
  assert.deepEqual(env.listen, ['udp://[::1]:1', 'tcp://[::1]:2']);
  const flags = load({ flags: { follow: ['a', 'b,c'] } }, files).settings;
  assert.deepEqual(flags.follow, ['/site/a', '/site/b,c']);
  assert.equal(refusal({}, { [SYSTEM]: '[serve]\nfollow = [1]\n' }).code, 'E_BAD_SETTING');
});

test('the configuration is told as rows', () => {
  const { columns, rows } = describeConfig(load({ flags: { top: 5 } }));
  assert.deepEqual(columns, ['setting', 'value', 'from', 'meaning']);
  assert.deepEqual(
    rows.find(({ setting }) => setting === 'report.top'),
    {
      setting: 'report.top',
      value: 5,
      from: '--top',
      meaning: 'how many rows a top list shows',
    },
  );
  assert.equal(rows.length, SETTING_NAMES.length);
});

test('docs/configuration.md tells every setting as the schema has it', () => {
  const documented = readFileSync('docs/configuration.md', 'utf8')
    .split('\n')
    .filter((line) => /^\| `[a-z]/.test(line));
  const expected = describeSettings().rows.map(
    ({ setting, environment, flag, allowed, meaning }) =>
      `| \`${setting}\` | \`${environment}\` | \`${flag}\` | ${allowed} | ${meaning} |`,
  );
  assert.deepEqual(documented, expected);
});

test('the example of docs/configuration.md is a valid file', () => {
  const [, example = ''] =
    /```toml\n(.*?)```/s.exec(readFileSync('docs/configuration.md', 'utf8')) ?? [];
  assert.equal(load({}, { [OWN]: example }).settings.timezone, 'Europe/Berlin');
});
