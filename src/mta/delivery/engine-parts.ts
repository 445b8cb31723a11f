/** What the delivery engine is made of: interfaces and plain values, handed in by whoever starts it. */
import type { MtaLog } from '../log/mta-log.ts';
import type {
  AddressResolver,
  ControllingUser,
  Courier,
  Destination,
  Expander,
  MailerName,
} from '../model.ts';
import type { RetryPolicy, Timeouts } from '../queue/schedule.ts';
import type { Spool } from '../queue/spool.ts';
import type { DestinationSlots } from './destination-slots.ts';
import type { DownHosts } from './down-hosts.ts';
import type { NotificationBuilder } from './notification.ts';

/** sendmail.st's counters, as far as deliveries move them. */
export interface Statistics {
  /** One delivery made: an SMTP transaction or a local delivery. */
  messageTo(mailer: MailerName, bytes: number): void;
  /** One message made here: a bounce. */
  messageFrom(mailer: MailerName, bytes: number): void;
}

export interface EngineParts {
  readonly spool: Spool;
  readonly log: MtaLog;
  readonly expander: Expander;
  readonly resolver: AddressResolver;
  readonly couriers: Readonly<Partial<Record<MailerName, Courier>>>;
  readonly builder: NotificationBuilder;
  readonly statistics: Statistics;
  /** A queue id made by the process with this id. */
  readonly ids: { next(pid: number): string };
  readonly pids: { next(): number };
  readonly policy: RetryPolicy;
  readonly timeouts: Timeouts;
  readonly slots: DestinationSlots;
  readonly now: () => number;
  readonly signatureOf?: ((destination: Destination) => string) | undefined;
  /** The local user that an owner of a list is, for ctladdr=; null: none of ours. */
  readonly userOf?: ((address: string) => Promise<ControllingUser | null>) | undefined;
  /** MaxHopCount: servers a message may have passed; absent: any number. */
  readonly maxHops?: number | undefined;
  /** DoubleBounceAddress: who hears what no sender can be told; empty: nobody. */
  readonly doubleBounceAddress: string;
  /** False with PrivacyOptions=nobodyreturn: bounces carry the header only. */
  readonly returnsBody: boolean;
}

/** What sendmail does in one process: the delivery of a new message, or a whole queue run. */
export interface DeliveryRun {
  /** Under that process's id. */
  readonly log: MtaLog;
  readonly downHosts: DownHosts;
  readonly isQueueRun: boolean;
}
