/** A courier to scripted servers, and its attempts as the log would have them. */
import type { TestContext } from 'node:test';
import {
  type MailHost,
  SmtpCourier,
  type SmtpCourierOptions,
} from '../../../src/mta/courier/smtp-courier.ts';
import type { Attempt, CourierJob } from '../../../src/mta/model.ts';
import { type Behaviour, fakeServer, recordingLog } from './fake-smtp.ts';

export const NAME = 'mail.x.example.';
const RELAY = `${NAME} [127.0.0.1]`;

export interface Line {
  readonly to: string;
  readonly relay: string | null;
  readonly dsn: string;
  readonly reply: string | null;
  readonly stat: string;
}

export function lines(attempts: readonly Attempt[]): readonly Line[] {
  return attempts.map(({ recipients, outcome }) => ({
    to: recipients.map(({ shown }) => shown).join(','),
    relay: outcome.relay,
    dsn: outcome.dsn,
    reply: outcome.reply,
    stat: outcome.stat,
  }));
}

export function courierTo(
  ports: Readonly<Record<string, number>>,
  changes: Partial<SmtpCourierOptions> = {},
) {
  const { log, calls } = recordingLog();
  const hosts: MailHost[] = Object.keys(ports).map((name) => ({
    name,
    addresses: ['127.0.0.1'],
  }));
  const courier = new SmtpCourier({
    findHosts: async () => ({ kind: 'hosts', hosts }),
    portOf: (host) => ports[host] ?? 0,
    log,
    heloName: 'mx1.corp.example',
    now: () => 5,
    ...changes,
  });
  return { courier, calls };
}

export async function deliver(
  t: TestContext,
  behave: Behaviour,
  job: CourierJob,
  changes: Partial<SmtpCourierOptions> = {},
) {
  const server = await fakeServer(t, behave);
  const { courier, calls } = courierTo({ [NAME]: server.port }, changes);
  return { attempts: lines(await courier.deliver(job)), server, calls };
}

export const line = (changes: Partial<Line>): Line => ({
  to: '<a@x.example>',
  relay: RELAY,
  dsn: '2.0.0',
  reply: null,
  stat: 'Sent (Ok: queued as AB12)',
  ...changes,
});
