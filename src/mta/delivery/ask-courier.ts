/** Hands a job to the courier of its mailer, in its turn, unless its destination was just found down. */
import type { Attempt, CourierJob, Outcome } from '../model.ts';
import type { DeliveryRun, EngineParts } from './engine-parts.ts';
import type { SendGroup } from './send-order.ts';
import { isSmtp } from './send-order.ts';

const NO_COURIER: Outcome = {
  kind: 'failed',
  dsn: '5.3.5',
  stat: 'Local configuration error',
  reply: null,
  relay: null,
  isDsnPassedOn: false,
};

const BROKEN_COURIER: Outcome = { ...NO_COURIER, kind: 'deferred', dsn: '4.0.0', stat: 'Deferred' };

export async function askCourier(
  parts: EngineParts,
  run: DeliveryRun,
  group: SendGroup,
  job: CourierJob,
): Promise<readonly Attempt[]> {
  const key = `${group.mailer} ${group.signature}`;
  if (!isSmtp(group.mailer)) return parts.slots.use(group.mailer, () => deliver(parts, run, job));
  return parts.slots.use(key, async () => {
    const skipped = run.downHosts.skip(key, job.recipients, parts.now());
    if (skipped !== undefined) return [skipped];
    const attempts = await deliver(parts, run, job);
    run.downHosts.note(key, attempts);
    return attempts;
  });
}

async function deliver(
  { couriers, now }: EngineParts,
  { log }: DeliveryRun,
  job: CourierJob,
): Promise<readonly Attempt[]> {
  const mailer = job.recipients[0]?.destination.mailer;
  const startedAt = now();
  const whole = (outcome: Outcome): readonly Attempt[] => [
    { recipients: job.recipients, outcome, startedAt, endedAt: now() },
  ];
  const courier = mailer === undefined ? undefined : couriers[mailer];
  if (courier === undefined) return whole(NO_COURIER);
  try {
    return await courier.deliver(job);
  } catch (error) {
    // It promised not to; the mail waits rather than be lost with it.
    const text = error instanceof Error ? error.message : String(error);
    log.systemError(job.envelope.id, 'root', `${mailer}: ${text}`);
    return whole(BROKEN_COURIER);
  }
}
