/** Messages, recipients and a delivery engine with everything around it made up; for tests of the queue. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DestinationSlots } from '../../src/mta/delivery/destination-slots.ts';
import type { EngineParts } from '../../src/mta/delivery/engine-parts.ts';
import type { NotificationRequest } from '../../src/mta/delivery/notification.ts';
import type {
  AcceptedRecipient,
  Attempt,
  Courier,
  CourierJob,
  Destination,
  Envelope,
  Expansion,
  FinalRecipient,
  MailerName,
  Outcome,
} from '../../src/mta/model.ts';
import { NO_WISHES } from '../../src/mta/model.ts';
import { DEFAULT_TIMEOUTS, everyRun } from '../../src/mta/queue/schedule.ts';
import { Spool } from '../../src/mta/queue/spool.ts';
import type { SpoolFiles } from '../../src/mta/queue/spool-files.ts';
import { keptLog } from './mta-log.ts';

export const START = Date.UTC(2026, 10, 24, 6, 51, 52);
export const HOUR = 3_600_000;

export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'maillog-queue-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function destinationOf(address: string): Destination {
  const [user = '', host = ''] = address.split('@');
  if (host === '' || host === 'corp.example') return { mailer: 'local', host: '', user };
  return { mailer: 'esmtp', host, user: address };
}

export function accepted(
  address: string,
  more: Partial<AcceptedRecipient> = {},
): AcceptedRecipient {
  const destination = destinationOf(address);
  return { shown: `<${address}>`, address, destination, ...NO_WISHES, ...more };
}

export function finalOf(one: AcceptedRecipient): FinalRecipient {
  const { shown, address, destination, notify, orcpt } = one;
  return { shown, origin: address, destination, controllingUser: null, notify, orcpt };
}

/** As an alias has it. */
export function member(shown: string, origin: string, more: Partial<FinalRecipient> = {}) {
  const destination = destinationOf(shown);
  return { shown, origin, destination, controllingUser: null, ...NO_WISHES, ...more };
}

export function envelopeOf(id: string, more: Partial<Envelope> = {}): Envelope {
  return {
    id,
    arrivedAt: START,
    senderShown: '<ann@partner.example>',
    sender: 'ann@partner.example',
    senderUser: null,
    size: 164,
    storedSize: 390,
    class: 0,
    messageId: '<one@lab.example>',
    bodyType: null,
    isUtf8: false,
    envid: null,
    ret: null,
    protocol: 'ESMTP',
    client: null,
    recipients: [accepted('alice@corp.example')],
    quarantine: null,
    isBounce: false,
    ...more,
  };
}

export const SENT: Outcome = {
  kind: 'sent',
  dsn: '2.0.0',
  stat: 'Sent',
  reply: null,
  relay: null,
  isDsnPassedOn: false,
};

export function refusedBy(host: string): Outcome {
  return {
    kind: 'deferred',
    dsn: '4.4.1',
    stat: `Deferred: Connection refused by ${host}.`,
    reply: null,
    relay: `${host}. [198.51.100.25]`,
    isDsnPassedOn: false,
  };
}

export function unknownAt(host: string): Outcome {
  return {
    kind: 'failed',
    dsn: '5.1.1',
    stat: 'User unknown',
    reply: '550 5.1.1 User unknown',
    relay: `${host}. [198.51.100.40]`,
    isDsnPassedOn: false,
  };
}

/** Says what becomes of each recipient; equal outcomes that follow each other share an attempt. */
export type Fate = (recipient: FinalRecipient, job: CourierJob) => Outcome;

export function courierWith(fate: Fate, now: () => number, jobs: CourierJob[] = []): Courier {
  return {
    deliver: async (job) => {
      jobs.push(job);
      const at = now();
      const attempts: { recipients: FinalRecipient[]; outcome: Outcome }[] = [];
      for (const recipient of job.recipients) {
        const outcome = fate(recipient, job);
        const last = attempts.at(-1);
        if (last?.outcome === outcome) last.recipients.push(recipient);
        else attempts.push({ recipients: [recipient], outcome });
      }
      return attempts.map((one): Attempt => ({ ...one, startedAt: at, endedAt: at }));
    },
  };
}

export interface QueueSite {
  readonly parts: EngineParts;
  readonly spool: Spool;
  readonly lines: string[];
  readonly jobs: CourierJob[];
  readonly notices: NotificationRequest[];
  readonly clock: { now: number };
  /** To the queue, as a session does it. */
  readonly queue: (envelope: Envelope, text?: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface SiteOptions {
  readonly fate?: Fate;
  readonly expand?: (envelope: Envelope) => readonly Expansion[];
  readonly more?: Partial<EngineParts>;
  readonly files?: SpoolFiles;
  readonly clock?: { now: number };
}

const ALL: readonly MailerName[] = ['prog', '*file*', 'local', 'lmtp', 'smtp', 'esmtp', 'relay'];

export const asNamed = (envelope: Envelope): readonly Expansion[] =>
  envelope.recipients.map((one) => ({ kind: 'recipient', recipient: finalOf(one) }));

export async function queueSite(options: SiteOptions = {}): Promise<QueueSite> {
  const folder = temporaryFolder();
  const spool = await Spool.open(
    join(folder.path, 'mqueue'),
    options.files ? { files: options.files } : {},
  );
  const lines: string[] = [];
  const jobs: CourierJob[] = [];
  const notices: NotificationRequest[] = [];
  const clock = options.clock ?? { now: START };
  const now = () => clock.now;
  const courier = courierWith(options.fate ?? (() => SENT), now, jobs);
  let lastId = 0;
  let lastPid = 100;
  const parts: EngineParts = {
    spool,
    log: keptLog(lines),
    expander: { expand: async (envelope) => (options.expand ?? asNamed)(envelope) },
    resolver: {
      resolve: async (address) => ({ kind: 'destination', destination: destinationOf(address) }),
    },
    couriers: Object.fromEntries(ALL.map((name) => [name, courier])),
    builder: {
      build: (request) => {
        notices.push(request);
        return Buffer.from(`Subject: ${request.kind}\n\n${request.text}\n`);
      },
    },
    statistics: { messageTo: () => undefined, messageFrom: () => undefined },
    ids: {
      next: (pid) => {
        lastId += 1;
        return `NEW${lastId}P${pid}`;
      },
    },
    pids: {
      next: () => {
        lastPid += 1;
        return lastPid;
      },
    },
    policy: everyRun(HOUR),
    timeouts: DEFAULT_TIMEOUTS,
    slots: new DestinationSlots(10, 100),
    now,
    doubleBounceAddress: 'postmaster',
    returnsBody: false,
    ...options.more,
  };
  return {
    parts,
    spool,
    lines,
    jobs,
    notices,
    clock,
    queue: async (envelope, text = 'Subject: hello\n\nhello\n') => {
      const writer = spool.create(envelope.id);
      await writer.write(Buffer.from(text));
      await writer.commit(envelope);
    },
    close: async () => {
      await spool.close();
      folder.remove();
    },
  };
}
