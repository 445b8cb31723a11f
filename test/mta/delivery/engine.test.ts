import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { suite, test } from 'node:test';
import { DeliveryEngine } from '../../../src/mta/delivery/engine.ts';
import type { Envelope, Expansion, FinalRecipient, Outcome } from '../../../src/mta/model.ts';
import type { Fate, QueueSite, SiteOptions } from '../../support/mta-queue.ts';
import {
  accepted,
  envelopeOf,
  HOUR,
  member,
  queueSite,
  refusedBy,
  SENT,
  unknownAt,
} from '../../support/mta-queue.ts';

async function withSite(
  options: SiteOptions,
  work: (site: QueueSite, engine: DeliveryEngine) => Promise<void>,
): Promise<void> {
  const site = await queueSite(options);
  try {
    await work(site, new DeliveryEngine(site.parts));
  } finally {
    await site.close();
  }
}

const withoutDone = (lines: readonly string[]) => lines.filter((line) => !line.includes(': done;'));
const SENT_AS: Outcome = { ...SENT, relay: 'mail.partner.example. [198.51.100.10]' };
const LATER = refusedBy('mail.later.example');
const PICKY = unknownAt('mail.picky.example');

/** By host. */
const lab: Fate = ({ destination }) => {
  if (destination.host === 'later.example') return LATER;
  if (destination.host === 'picky.example') return PICKY;
  return destination.host === 'partner.example' ? SENT_AS : SENT;
};

const DEFER_RETRY_2 = envelopeOf('6AO6pqqt021049', {
  size: 201,
  storedSize: 405,
  recipients: ['b@later.example', 'c@later.example', 'alice@corp.example'].map((one) =>
    accepted(one),
  ),
});

suite('delivery engine', () => {
  test('local first, SMTP of one host in one transaction, newest first; later in queue order', () =>
    withSite({ fate: lab }, async ({ queue, lines, clock, spool }, engine) => {
      const { id } = DEFER_RETRY_2;
      await queue(DEFER_RETRY_2);
      const first = await engine.deliver(id);
      assert.equal(first.kind, 'waiting');
      clock.now += 2000;
      await engine.deliver(id, engine.startRun(true));
      assert.deepEqual(lines, [
        `[101]: ${id}: to=<alice@corp.example>, delay=00:00:00, xdelay=00:00:00, mailer=local, pri=90405, dsn=2.0.0, stat=Sent`,
        `[101]: ${id}: to=<c@later.example>,<b@later.example>, delay=00:00:00, xdelay=00:00:00, mailer=esmtp, pri=90405, relay=mail.later.example. [198.51.100.25], dsn=4.4.1, stat=Deferred: Connection refused by mail.later.example.`,
        `[102]: ${id}: to=<b@later.example>,<c@later.example>, delay=00:00:02, xdelay=00:00:00, mailer=esmtp, pri=180405, relay=mail.later.example. [198.51.100.25], dsn=4.4.1, stat=Deferred: Connection refused by mail.later.example.`,
      ]);
      const file = await spool.read(id);
      assert.equal(file.kind === 'message' && file.state.tries, 2);
    }));

  test('a host found down is not tried again in the same run', () =>
    withSite({ fate: lab }, async ({ queue, lines, jobs }, engine) => {
      const run = engine.startRun(true);
      for (const id of ['6AO6pqWI021046', '6AO6pqWJ021046']) {
        await queue(envelopeOf(id, { recipients: [accepted('a@later.example')] }));
        await engine.deliver(id, run);
      }
      assert.equal(jobs.length, 1);
      assert.match(lines[0] ?? '', /relay=mail\.later\.example\. \[198/);
      assert.match(
        lines[1] ?? '',
        /xdelay=00:00:00, mailer=esmtp, pri=\d+, relay=mail\.later\.example\., dsn=4\.4\.1, stat=Deferred: Connection refused by mail\.later\.example\.$/,
      );
      await engine.deliver('6AO6pqWJ021046', engine.startRun(true));
      assert.equal(jobs.length, 2);
    }));

  test('a failure bounces: a message of its own, under the same process, pri=30000', () =>
    withSite({ fate: lab }, async ({ queue, lines, spool, notices, jobs }, engine) => {
      await queue(
        envelopeOf('ONE', { recipients: [accepted('u550@picky.example')] }),
        'Subject: hello\nX: y\n\nbody\n',
      );
      assert.equal((await engine.deliver('ONE')).kind, 'done');
      assert.deepEqual(withoutDone(lines).slice(1), [
        '[101]: ONE: NEW1P101: DSN: User unknown',
        '[101]: NEW1P101: to=<ann@partner.example>, delay=00:00:00, xdelay=00:00:00, mailer=esmtp, pri=30000, relay=mail.partner.example. [198.51.100.10], dsn=2.0.0, stat=Sent',
      ]);
      assert.equal(notices[0]?.original.toString(), 'Subject: hello\nX: y\n');
      assert.equal(notices[0]?.failures[0]?.outcome?.reply, '550 5.1.1 User unknown');
      assert.equal(jobs[1]?.envelope.sender, '');
      assert.deepEqual(await spool.ids(), []);
      assert.deepEqual(readdirSync(spool.folder), []);
    }));

  test('a bounce that fails goes to the postmaster, and one that fails there is kept', () => {
    const fate: Fate = () => PICKY;
    return withSite({ fate }, async ({ queue, lines, spool }, engine) => {
      await queue(envelopeOf('ONE', { recipients: [accepted('u550@picky.example')] }));
      await engine.deliver('ONE');
      const told = lines.filter((line) => !line.includes('to='));
      assert.deepEqual(withoutDone(told), [
        '[101]: ONE: NEW1P101: DSN: User unknown',
        '[101]: NEW1P101: NEW2P101: return to sender: User unknown',
        '[101]: NEW2P101: Losing ./qfNEW2P101: savemail panic',
        '[101]: NEW2P101: SYSERR(root): savemail: cannot save rejected email anywhere',
      ]);
      assert.deepEqual(readdirSync(spool.folder).sort(), ['QfNEW2P101', 'dfNEW2P101']);
    });
  });

  test('of a message without a sender the postmaster is told', () =>
    withSite({ fate: lab }, async ({ queue, lines }, engine) => {
      const recipients = [accepted('u550@picky.example')];
      await queue(envelopeOf('ONE', { sender: '', senderShown: '<>', recipients }));
      await engine.deliver('ONE');
      assert.match(lines[1] ?? '', /ONE: NEW1P101: postmaster notify: User unknown$/);
      assert.match(lines[2] ?? '', /NEW1P101: to=postmaster, .*mailer=local, pri=30000, dsn/);
    }));

  test('warned after four hours, given up after five days, in the words of sendmail', () =>
    withSite({ fate: lab }, async ({ queue, lines, clock, spool, notices }, engine) => {
      const recipients = [accepted('a@later.example')];
      await queue(envelopeOf('ONE', { recipients }));
      await queue(envelopeOf('TWO', { recipients, sender: '', senderShown: '<>' }));
      for (let hour = 0; hour <= 121; hour += 1) {
        const run = engine.startRun(hour > 0);
        for (const id of ['ONE', 'TWO']) await engine.deliver(id, run);
        clock.now += HOUR;
      }
      const told = lines.filter((line) => line.includes(' notify: '));
      assert.deepEqual(
        told.map((line) => line.replace(/^\[\d+\]: (\S+): \S+:/, '$1')),
        [
          'ONE sender notify: Warning: could not send message for past 4 hours',
          'ONE sender notify: Cannot send message for 5 days',
          'TWO postmaster notify: Cannot send message for 5 days',
        ],
      );
      assert.equal(notices[0]?.delayed[0]?.action, 'delayed');
      assert.equal(notices[1]?.failures[0]?.outcome?.kind, 'deferred');
      assert.deepEqual(await spool.ids(), []);
    }));

  test('NOTIFY=NEVER ends in silence, SUCCESS in a receipt unless the next host promised it', () => {
    const promised: Outcome = { ...SENT_AS, isDsnPassedOn: true };
    const fate: Fate = (one) => (one.shown.includes('dsn-') ? promised : lab(one, {} as never));
    return withSite({ fate }, async ({ queue, lines, notices }, engine) => {
      const wish = (address: string, notify: 'NEVER' | 'SUCCESS') =>
        accepted(address, { notify: [notify] });
      await queue(envelopeOf('NV', { recipients: [wish('u550@picky.example', 'NEVER')] }));
      await queue(envelopeOf('LC', { recipients: [wish('alice@corp.example', 'SUCCESS')] }));
      await queue(envelopeOf('RL', { recipients: [wish('x@partner.example', 'SUCCESS')] }));
      await queue(envelopeOf('DP', { recipients: [wish('dsn-x@partner.example', 'SUCCESS')] }));
      for (const id of ['NV', 'LC', 'RL', 'DP'])
        assert.equal((await engine.deliver(id)).kind, 'done');
      const told = lines.filter((line) => line.includes('DSN: '));
      assert.deepEqual(
        told.map((line) => line.replace(/^\[\d+\]: /, '')),
        ['LC: NEW1P102: DSN: Return receipt', 'RL: NEW2P103: DSN: Return receipt'],
      );
      const actions = notices.map(({ successes }) => successes.map(({ action }) => action));
      assert.deepEqual(actions, [['delivered'], ['relayed']]);
    });
  });

  test('aliases: refused while expanding, problems, and the copy for a list with an owner', () => {
    const failed = (recipient: FinalRecipient) => ({
      kind: 'failed' as const,
      recipient,
      outcome: { ...PICKY, relay: null },
    });
    const inc = { shown: ':include:/etc/mail/inc.list', uid: 0, gid: 0 };
    const expand = ({ recipients }: Envelope) =>
      recipients.flatMap(({ address }): readonly Expansion[] => {
        if (address === 'inc@corp.example')
          return [
            { kind: 'recipient' as const, recipient: member('alice', address) },
            failed(member('not-a-user', address, { controllingUser: inc })),
          ];
        if (address !== 'owned@corp.example')
          return [{ kind: 'recipient' as const, recipient: member(address, address) }];
        const members = ['frank', 'u550-a@picky.example', 'erin'].map((name) => ({
          kind: 'recipient' as const,
          recipient: member(name, address),
        }));
        return [{ kind: 'clone' as const, owner: 'dave', members }];
      });
    const userOf = async (shown: string) => ({ shown, uid: 1003, gid: 1003 });
    return withSite({ fate: lab, expand, more: { userOf } }, async (site, engine) => {
      const { queue, lines, spool } = site;
      await queue(envelopeOf('INC', { size: 161, recipients: [accepted('inc@corp.example')] }));
      await queue(envelopeOf('OWN', { recipients: [accepted('owned@corp.example')] }));
      await engine.deliver('INC');
      assert.deepEqual(withoutDone(lines).slice(0, 3), [
        '[101]: INC: to=not-a-user, ctladdr=:include:/etc/mail/inc.list (0/0), delay=00:00:00, mailer=local, pri=120161, dsn=5.1.1, reply=550 5.1.1 User unknown, stat=User unknown',
        '[101]: INC: to=alice, delay=00:00:00, xdelay=00:00:00, mailer=local, pri=60390, dsn=2.0.0, stat=Sent',
        '[101]: INC: NEW1P101: DSN: User unknown',
      ]);
      lines.length = 0;
      await engine.deliver('OWN');
      assert.deepEqual(withoutDone(lines), [
        '[102]: OWN: NEW2P102: clone: owner=dave',
        '[102]: NEW2P102: to=frank, ctladdr=dave (1003/1003), delay=00:00:00, xdelay=00:00:00, mailer=local, pri=90390, dsn=2.0.0, stat=Sent',
        '[102]: NEW2P102: to=erin, ctladdr=dave (1003/1003), delay=00:00:00, xdelay=00:00:00, mailer=local, pri=90390, dsn=2.0.0, stat=Sent',
        '[102]: NEW2P102: to=u550-a@picky.example, ctladdr=dave (1003/1003), delay=00:00:00, xdelay=00:00:00, mailer=esmtp, pri=90390, relay=mail.picky.example. [198.51.100.40], dsn=5.1.1, reply=550 5.1.1 User unknown, stat=User unknown',
        '[102]: NEW2P102: NEW3P102: DSN: User unknown',
        '[102]: NEW3P102: to=dave, delay=00:00:00, xdelay=00:00:00, mailer=local, pri=30000, dsn=2.0.0, stat=Sent',
      ]);
      assert.deepEqual(readdirSync(spool.folder), []);
    });
  });

  test('a list that cannot be read just now is asked for again, and nobody gets it twice', () => {
    let isReadable = false;
    const expand = ({ recipients }: Envelope) =>
      recipients.flatMap(({ address }) => [
        { kind: 'recipient' as const, recipient: member('alice', address) },
        isReadable
          ? { kind: 'recipient' as const, recipient: member('bob', address) }
          : {
              kind: 'problem' as const,
              origin: address,
              reply: { code: 451, status: '4.2.4', text: 'list... cannot open' },
              isTemporary: true,
            },
      ]);
    return withSite({ expand }, async ({ queue, jobs, spool }, engine) => {
      await queue(envelopeOf('ONE', { recipients: [accepted('list@corp.example')] }));
      assert.equal((await engine.deliver('ONE')).kind, 'waiting');
      assert.equal((await engine.deliver('ONE')).kind, 'waiting');
      isReadable = true;
      assert.equal((await engine.deliver('ONE')).kind, 'done');
      assert.deepEqual(
        jobs.map(({ recipients }) => recipients[0]?.shown),
        ['alice', 'bob'],
      );
      assert.deepEqual(await spool.ids(), []);
    });
  });

  test('what a courier does wrong costs no mail', () => {
    const broken = {
      local: { deliver: () => Promise.reject(new Error('fell over')) },
      esmtp: { deliver: async () => [] },
    };
    return withSite({ more: { couriers: broken } }, async ({ queue, spool, lines }, engine) => {
      const recipients = [accepted('alice@corp.example'), accepted('x@partner.example')];
      await queue(envelopeOf('ONE', { recipients }));
      assert.equal((await engine.deliver('ONE')).kind, 'waiting');
      assert.match(lines[0] ?? '', /SYSERR\(root\): local: fell over/);
      const file = await spool.read('ONE');
      assert.ok(file.kind === 'message');
      assert.deepEqual(
        file.state.recipients.map(({ outcome }) => outcome?.kind),
        ['deferred', undefined],
      );
    });
  });

  test('held messages wait, messages at work are left alone, missing ones are gone', () =>
    withSite({}, async ({ queue, spool, jobs }, engine) => {
      await queue(envelopeOf('HELD', { quarantine: 'suspicious' }));
      await queue(envelopeOf('BUSY'));
      const release = spool.locks.tryTake('BUSY');
      assert.equal((await engine.deliver('HELD')).kind, 'held');
      assert.equal((await engine.deliver('BUSY')).kind, 'busy');
      assert.equal((await engine.deliver('NONE')).kind, 'gone');
      release?.();
      assert.equal((await engine.deliver('BUSY')).kind, 'done');
      assert.equal(jobs.length, 1);
    }));

  test('more than a hundred recipients of one host are several transactions', () =>
    withSite({ fate: lab }, async ({ queue, jobs }, engine) => {
      const recipients = Array.from({ length: 250 }, (_, n) => accepted(`u${n}@partner.example`));
      await queue(envelopeOf('MANY', { recipients }));
      await engine.deliver('MANY');
      assert.deepEqual(
        jobs.map((job) => job.recipients.length),
        [100, 100, 50],
      );
      assert.equal(jobs[0]?.recipients[0]?.shown, '<u99@partner.example>');
    }));
});
