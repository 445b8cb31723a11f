import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { AliasDirectory } from '../../../src/mta/aliases/alias-directory.ts';
import { AliasFile } from '../../../src/mta/aliases/alias-file.ts';
import { AliasExpander, type ExpanderOptions } from '../../../src/mta/aliases/expander.ts';
import { UserTable } from '../../../src/mta/aliases/users.ts';
import type { AcceptedRecipient, AddressResolver, Expansion } from '../../../src/mta/model.ts';
import { randomSource } from '../../support/random.ts';
import { envelopeOf, testFolder } from '../courier/fake-smtp.ts';

const CORPUS = 'test/fixtures/sendmail/aliases';
const LOCAL_DOMAIN = 'corp.example';
const NAMES = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi', 'ivan', 'sysop'];

/** Names without a domain and those of ours are local, all others go out by SMTP. */
const resolver: AddressResolver = {
  resolve: async (address) => {
    const at = address.lastIndexOf('@');
    const domain = at === -1 ? LOCAL_DOMAIN : address.slice(at + 1);
    if (domain === 'bad.example') {
      return { kind: 'error', reply: { code: 553, status: '5.1.3', text: 'no such domain' } };
    }
    const isLocal = domain === LOCAL_DOMAIN;
    return {
      kind: 'destination',
      destination: isLocal
        ? { mailer: 'local', host: '', user: at === -1 ? address : address.slice(0, at) }
        : { mailer: 'esmtp', host: domain, user: address },
    };
  },
};

interface Site {
  readonly folder: string;
  readonly options: ExpanderOptions;
  readonly refused: string[];
  home(name: string): string;
}

function siteOf(t: TestContext, aliases: string, changes: Partial<ExpanderOptions> = {}): Site {
  const folder = testFolder(t);
  const home = (name: string) => join(folder, name);
  const passwd = NAMES.map((name, index) => {
    mkdirSync(home(name));
    const uid = process.getuid?.() === 0 ? 1000 + index : (process.getuid?.() ?? 0);
    return `${name}:x:${uid}:${uid}:${name === 'alice' ? 'Alice Smith' : ''}:${home(name)}:/bin/sh\n`;
  });
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'passwd'), passwd.join(''));
  writeFileSync(join(folder, 'aliases'), aliases.replaceAll('/etc/mail/', `${folder}/`));
  const refused: string[] = [];
  return {
    folder,
    home,
    refused,
    options: {
      aliases: new AliasFile(join(folder, 'aliases')),
      users: new UserTable(join(folder, 'passwd')),
      resolver,
      defaultUser: { uid: 8, gid: 8 },
      hostName: 'mx1.corp.example',
      onRefused: (path, why) => refused.push(`${path.slice(folder.length)}: ${why}`),
      ...changes,
    },
  };
}

async function acceptedOf(name: string): Promise<AcceptedRecipient> {
  const found = await resolver.resolve(`${name}@${LOCAL_DOMAIN}`);
  assert.ok(found.kind === 'destination');
  const address = `${name}@${LOCAL_DOMAIN}`;
  const { destination } = found;
  return { shown: `<${address}>`, address, destination, notify: null, orcpt: null };
}

/** As the log would have it: what to=, ctladdr=, mailer=, relay= and stat= say. */
function shownOf({ folder }: Site, expansion: Expansion, owner = ''): readonly string[] {
  const sender = owner === '' ? '' : `[${owner}] `;
  if (expansion.kind === 'clone') {
    return expansion.members.flatMap((one) => shownOf({ folder } as Site, one, expansion.owner));
  }
  if (expansion.kind === 'problem') {
    return [`${sender}DSN: ${expansion.reply.text.replaceAll(folder, '/etc/mail')}`];
  }
  const { shown, controllingUser, destination } = expansion.recipient;
  const user =
    controllingUser === null
      ? ''
      : ` ctladdr=${controllingUser.shown.replaceAll(folder, '/etc/mail')} (${controllingUser.uid}/${controllingUser.gid})`;
  const relay =
    destination.mailer === 'local' && destination.host !== '' ? ` relay=${destination.host}` : '';
  const fate =
    expansion.kind === 'failed'
      ? ` reply=${expansion.outcome.reply} stat=${expansion.outcome.stat}`
      : '';
  return [`${sender}${shown}${user} ${destination.mailer}${relay}${fate}`];
}

async function expand(site: Site, ...names: readonly string[]): Promise<readonly string[]> {
  const recipients: AcceptedRecipient[] = [];
  for (const name of names) recipients.push(await acceptedOf(name));
  const expansions = await new AliasExpander(site.options).expand(envelopeOf({ recipients }));
  return expansions.flatMap((one) => shownOf(site, one));
}

/** Debian's own aliases, which the laboratory's came after. */
const DEFAULT_ALIASES =
  'MAILER-DAEMON: postmaster\npostmaster: root\nabuse: root\nroot: sysop\nsink: /dev/null\n';

suite('the laboratory’s aliases', () => {
  const expected: Readonly<Record<string, readonly string[]>> = {
    list: ['alice local', 'bob local', 'carol@corp.example local', 'far@partner.example esmtp'],
    'list+detail': [
      'alice local',
      'bob local',
      'carol@corp.example local',
      'far@partner.example esmtp',
    ],
    owned: [
      '[dave] erin local',
      '[dave] frank local',
      '[dave] u550-a@picky.example esmtp',
      '[dave] ok-b@picky.example esmtp',
    ],
    file: ['/var/lab/archive.mbox ctladdr=<file@corp.example> (8/0) *file*'],
    prog: ['"|/usr/local/bin/keep" ctladdr=<prog@corp.example> (8/0) prog'],
    badinc: [
      'DSN: :include:/etc/mail/not-there.list... Cannot open /etc/mail/not-there.list: No such file or directory',
    ],
    nest1: [
      '"|/usr/local/bin/keep" ctladdr=ivan (UID/UID) prog',
      '\\heidi local',
      'heidi@partner.example esmtp',
    ],
    heidi: ['\\heidi local', 'heidi@partner.example esmtp'],
    ivan: ['"|/usr/local/bin/keep" ctladdr=<ivan@corp.example> (UID/UID) prog'],
    loop1: ['DSN: aliasing/forwarding loop broken'],
    quoted: [
      '"\\"John Q. Public\\" <judy@corp.example>" ctladdr=<quoted@corp.example> (8/0) local reply=550 5.1.1 User unknown stat=User unknown',
    ],
    toremote: ['someone@partner.example esmtp'],
    mixed: [
      'alice local',
      '/var/lab/mixed.mbox ctladdr=<mixed@corp.example> (8/0) *file*',
      '"|/usr/local/bin/keep" ctladdr=<mixed@corp.example> (8/0) prog',
      'no-such-user ctladdr=<mixed@corp.example> (8/0) local reply=550 5.1.1 User unknown stat=User unknown',
      'x@partner.example esmtp',
    ],
    errora: [
      'error:5.7.1:550 this address is closed ctladdr=<errora@corp.example> (8/0) local reply=550 5.1.1 User unknown stat=User unknown',
    ],
    'alice+tag': ['<alice+tag@corp.example> local relay=tag'],
    root: ['sysop local'],
    postmaster: ['sysop local'],
    sink: ['/dev/null ctladdr=<sink@corp.example> (8/0) *file*'],
    inc: [
      'alice local',
      'not-a-user ctladdr=:include:/etc/mail/inc.list (OWNER) local reply=550 5.1.1 User unknown stat=User unknown',
      'grace local',
      'bob@corp.example local',
      'out@partner.example esmtp',
    ],
  };

  function laboratory(t: TestContext): Site {
    const { config } = JSON.parse(readFileSync(`${CORPUS}.expect.json`, 'utf8')) as {
      config: { aliases: string };
    };
    const site = siteOf(t, DEFAULT_ALIASES + config.aliases);
    const list = '# people\nalice, not-a-user\ngrace\nbob@corp.example\nout@partner.example\n';
    writeFileSync(join(site.folder, 'inc.list'), list);
    writeFileSync(join(site.home('heidi'), '.forward'), '\\heidi, heidi@partner.example\n');
    writeFileSync(join(site.home('ivan'), '.forward'), '"|/usr/local/bin/keep"\n');
    return site;
  }

  test('come to what the log has', async (t) => {
    const site = laboratory(t);
    const uid = site.options.users.find('ivan')?.uid ?? 0;
    const own = `${process.getuid?.()}/${process.getgid?.()}`;
    for (const [name, lines] of Object.entries(expected)) {
      const whole = lines.map((one) =>
        one.replaceAll('UID/UID', `${uid}/${uid}`).replace('OWNER', own),
      );
      assert.deepEqual(await expand(site, name), whole, name);
    }
  });

  test('are counted as newaliases counts them', (t) => {
    const { folder, options } = laboratory(t);
    const { aliases } = options;
    const text = readFileSync(`${CORPUS}.maillog`, 'latin1');
    const [, count, longest, bytes] =
      /aliases: (\d+) aliases, longest (\d+) bytes, (\d+) bytes total/.exec(text) ?? [];
    const { counts } = aliases.read();
    // Its folder is longer here than there.
    assert.equal(counts.aliases, Number(count));
    assert.equal(counts.longest, Number(longest));
    assert.equal(counts.bytes, Number(bytes) + 2 * (folder.length + 1 - '/etc/mail/'.length));
  });

  test('that overlap give each one copy', async (t) => {
    const lines = await expand(laboratory(t), 'list', 'alice', 'file', 'inc');
    const to = lines.map((one) => one.split(' ', 1)[0]);
    assert.deepEqual(to, [
      'alice',
      'bob',
      'carol@corp.example',
      'far@partner.example',
      '/var/lab/archive.mbox',
      'not-a-user',
      'grace',
      'out@partner.example',
    ]);
  });
});

suite('what aliases may point at', () => {
  test('oneself: the account keeps a copy, and a name without one is unknown', async (t) => {
    const site = siteOf(t, 'alice: alice, bob\nself: self\ncarol: dave\ndave: carol\n');
    assert.deepEqual(await expand(site, 'alice'), ['bob local', '<alice@corp.example> local']);
    assert.deepEqual(await expand(site, 'self'), [
      'self ctladdr=<self@corp.example> (8/0) local reply=550 5.1.1 User unknown stat=User unknown',
    ]);
    assert.deepEqual(await expand(site, 'carol'), ['<carol@corp.example> local']);
  });

  test('a chain without end', async (t) => {
    const chain = Array.from({ length: 30 }, (_, at) => `a${at}: a${at + 1}\n`).join('');
    assert.deepEqual(await expand(siteOf(t, chain), 'a0'), [
      'DSN: aliasing/forwarding loop broken (11 aliases deep; 10 max)',
    ]);
  });

  test('a domain that is refused', async (t) => {
    assert.deepEqual(await expand(siteOf(t, 'x: y@bad.example, bob\n'), 'x'), [
      'DSN: y@bad.example... no such domain',
      'bob local',
    ]);
  });

  test('an owner that is a list stands for itself', async (t) => {
    const site = siteOf(t, 'l: bob\nowner-l: alice, carol\n');
    assert.deepEqual(await expand(site, 'l'), ['[owner-l] bob local']);
  });

  test('plus addresses: the whole, any, the name', async (t) => {
    const site = siteOf(t, 'team+a: alice\nteam+*: bob\nteam: carol\n');
    assert.deepEqual(await expand(site, 'team+a'), ['alice local']);
    assert.deepEqual(await expand(site, 'team+b'), ['bob local']);
    assert.deepEqual(await expand(site, 'team'), ['carol local']);
  });
});

suite('files of others', () => {
  test('a .forward that others can write, or that is not his, is not followed', async (t) => {
    const site = siteOf(t, '');
    const forward = (name: string, text: string, mode: number) => {
      const path = join(site.home(name), '.forward');
      writeFileSync(path, text);
      chmodSync(path, mode);
    };
    forward('alice', 'x@evil.example\n', 0o666);
    forward('bob', 'x@evil.example\n', 0o664);
    forward('carol', '# only a comment\n\n', 0o600);
    assert.deepEqual(await expand(site, 'alice', 'bob', 'carol'), [
      '<alice@corp.example> local',
      '<bob@corp.example> local',
      '<carol@corp.example> local',
    ]);
    assert.deepEqual(site.refused.slice(0, 2), [
      '/alice/.forward: World writable file',
      '/bob/.forward: Group writable file',
    ]);
  });

  test('programs of one whose shell is none, or from an open folder, are refused', async (t) => {
    const site = siteOf(t, 'open: :include:/etc/mail/open/list\nrel: :include:list\n', {
      shells: ['/bin/bash'],
    });
    writeFileSync(join(site.home('ivan'), '.forward'), '|/bin/x, ivan@x.example\n');
    mkdirSync(join(site.folder, 'open'));
    chmodSync(join(site.folder, 'open'), 0o777);
    writeFileSync(join(site.folder, 'open/list'), '/tmp/file, bob\n');
    assert.deepEqual(await expand(site, 'ivan'), [
      'ivan@x.example esmtp',
      "DSN: |/bin/x... User ivan@mx1.corp.example doesn't have a valid shell for mailing to programs",
    ]);
    assert.deepEqual(await expand(site, 'open'), [
      'bob local',
      'DSN: /tmp/file... Address :include:/etc/mail/open/list is unsafe for mailing to files',
    ]);
    assert.deepEqual(await expand(site, 'rel'), [
      'DSN: :include:list... Cannot open list: Not an absolute path',
    ]);
  });
});

test('wishes stay with one, and of a list only the silence', async (t) => {
  const site = siteOf(t, 'one: bob\ntwo: bob, x@far.example\n');
  const wishesOf = async (name: string) => {
    const recipient = await acceptedOf(name);
    const wishes = { notify: ['SUCCESS'] as const, orcpt: 'rfc822;x' };
    const recipients = [{ ...recipient, ...wishes }];
    const found = await new AliasExpander(site.options).expand(envelopeOf({ recipients }));
    return found.map(
      (one) => one.kind === 'recipient' && [one.recipient.notify, one.recipient.orcpt],
    );
  };
  assert.deepEqual(await wishesOf('one'), [[['SUCCESS'], 'rfc822;x']]);
  assert.deepEqual(await wishesOf('two'), [
    [['NEVER'], null],
    [['NEVER'], null],
  ]);
});

test('those who ask before there is a message are answered', async (t) => {
  const site = siteOf(t, 'team: alice, bob+x, far@partner.example, "|cat"\n');
  const directory = new AliasDirectory(site.options);
  const known = async (name: string) =>
    await directory.isDeliverable((await acceptedOf(name)).destination);
  assert.deepEqual(
    [await known('team'), await known('alice+x'), await known('postmaster'), await known('nobody')],
    [true, true, true, false],
  );
  assert.deepEqual(await directory.verify('alice'), {
    kind: 'known',
    lines: ['Alice Smith <alice@mx1.corp.example>'],
  });
  assert.deepEqual(await directory.verify('nobody'), { kind: 'unknown' });
  assert.deepEqual(await directory.describe('team'), {
    kind: 'known',
    lines: [
      'Alice Smith <alice@mx1.corp.example>',
      '<bob@mx1.corp.example>',
      '<far@partner.example>',
      '<cat@mx1.corp.example>',
    ],
  });
  assert.deepEqual(await directory.explain('team'), [
    'team -> local: team',
    '  alice -> local: alice',
    '  bob+x -> local: bob at x',
    '  far@partner.example -> esmtp: far@partner.example at partner.example',
    '  "|cat" -> prog: cat',
    'deliver by local: alice',
    'deliver by local: bob at x',
    'deliver by esmtp: far@partner.example at partner.example',
    'deliver by prog: cat as 8/0',
  ]);
});

test('whatever aliases say, expansion ends and gives nobody two copies', async (t) => {
  const random = randomSource(99);
  const words = [
    'a',
    'b',
    'c',
    'd',
    'alice',
    'bob',
    '\\alice',
    '"|x"',
    '/f',
    'x@far.example',
    '"',
    '(',
    '<a>',
    'owner-a',
    ':include:/none',
    'a+x',
  ] as const;
  for (let round = 0; round < 40; round++) {
    const text = ['a', 'b', 'c', 'd', 'owner-a', 'alice', 'a+*']
      .map(
        (name) =>
          `${name}: ${Array.from({ length: 1 + random.below(5) }, () => random.pick(words)).join(', ')}\n`,
      )
      .join('');
    const site = siteOf(t, text);
    const recipients = [await acceptedOf('a'), await acceptedOf('alice'), await acceptedOf('b+x')];
    const found = await new AliasExpander(site.options).expand(envelopeOf({ recipients }));
    assert.ok(found.length > 0);
    const users = found
      .flatMap((one) => (one.kind === 'clone' ? one.members : [one]))
      .flatMap((one) => (one.kind === 'recipient' ? [one.recipient] : []))
      .filter(({ destination }) => destination.mailer === 'esmtp')
      .map(({ destination }) => destination.user);
    assert.equal(new Set(users).size, users.length, text);
  }
});
