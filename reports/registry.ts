/**
 * Every report by its name: which sections it is made of. `daily` has them all but the table of mailstats,
 * whose counts are sendmail's own and need not agree with the rest.
 */
import type { Section } from './section.ts';
import { AUTH_CLIENTS, AUTH_USERS } from './sections/auth.ts';
import { BOUNCES_BY_CLASS, BOUNCES_BY_REASON } from './sections/bounces.ts';
import { DAEMON_EVENTS } from './sections/daemon-events.ts';
import { DEFERRALS_BY_DESTINATION, DEFERRALS_BY_REASON } from './sections/deferrals.ts';
import { DELAYS, DELAYS_BY_DESTINATION } from './sections/delays.ts';
import {
  CLIENTS_BY_BYTES,
  CLIENTS_BY_MESSAGES,
  RELAYS_BY_BYTES,
  RELAYS_BY_DELIVERIES,
} from './sections/hosts.ts';
import { HOURS } from './sections/hours.ts';
import { LEDGER_BY_SOURCE } from './sections/ledger.ts';
import { MAILERS } from './sections/mailers.ts';
import { MAILSTATS } from './sections/mailstats.ts';
import { NOTICES } from './sections/notices.ts';
import { PROBES, PROBING_CLIENTS } from './sections/probes.ts';
import {
  RECIPIENT_DOMAINS_BY_BYTES,
  RECIPIENT_DOMAINS_BY_DELIVERIES,
  RECIPIENTS_BY_BYTES,
  RECIPIENTS_BY_DELIVERIES,
} from './sections/recipients.ts';
import {
  ARRIVALS_RECONCILED,
  BEGUN_ELSEWHERE,
  RECIPIENTS_RECONCILED,
} from './sections/reconciliation.ts';
import { REJECTED_CLIENTS, REJECTS_BY_REASON, REJECTS_BY_RULE } from './sections/rejects.ts';
import {
  SENDER_DOMAINS_BY_BYTES,
  SENDER_DOMAINS_BY_MESSAGES,
  SENDERS_BY_BYTES,
  SENDERS_BY_MESSAGES,
} from './sections/senders.ts';
import { TLS_SESSIONS, TLS_SHARE } from './sections/tls.ts';
import { UNPARSED, UNPARSED_EXAMPLES } from './sections/unparsed.ts';

export interface ReportDefinition {
  readonly title: string;
  readonly sections: readonly Section[];
}

const SENDERS = [SENDERS_BY_MESSAGES, SENDERS_BY_BYTES];
const RECIPIENTS = [RECIPIENTS_BY_DELIVERIES, RECIPIENTS_BY_BYTES];
const DOMAINS = [
  SENDER_DOMAINS_BY_MESSAGES,
  SENDER_DOMAINS_BY_BYTES,
  RECIPIENT_DOMAINS_BY_DELIVERIES,
  RECIPIENT_DOMAINS_BY_BYTES,
];
const HOSTS = [CLIENTS_BY_MESSAGES, CLIENTS_BY_BYTES, RELAYS_BY_DELIVERIES, RELAYS_BY_BYTES];
const DELIVERY_TIMES = [DELAYS, DELAYS_BY_DESTINATION];
const BOUNCES = [BOUNCES_BY_CLASS, BOUNCES_BY_REASON];
const DEFERRALS = [DEFERRALS_BY_REASON, DEFERRALS_BY_DESTINATION];
const REJECTS = [REJECTS_BY_RULE, REJECTS_BY_REASON, REJECTED_CLIENTS];
const AUTH = [AUTH_USERS, AUTH_CLIENTS];
const TLS = [TLS_SHARE, TLS_SESSIONS];
const SECURITY = [PROBES, PROBING_CLIENTS];
const EVENTS = [DAEMON_EVENTS, NOTICES];
const RECONCILIATION = [ARRIVALS_RECONCILED, BEGUN_ELSEWHERE, RECIPIENTS_RECONCILED];
const LEDGER = [LEDGER_BY_SOURCE, UNPARSED, UNPARSED_EXAMPLES];

/** What is wrong comes before what is large: a reader may stop halfway. */
const DAILY = [
  HOURS,
  ...BOUNCES,
  ...DEFERRALS,
  ...DELIVERY_TIMES,
  ...REJECTS,
  ...AUTH,
  ...SECURITY,
  ...EVENTS,
  MAILERS,
  ...SENDERS,
  ...RECIPIENTS,
  ...DOMAINS,
  ...HOSTS,
  ...TLS,
  ...RECONCILIATION,
  ...LEDGER,
];

export const REPORTS = {
  daily: { title: 'Mail report', sections: DAILY },
  hours: { title: 'Mail by hour', sections: [HOURS] },
  mailers: { title: 'Mailers', sections: [MAILERS] },
  mailstats: { title: 'Statistics as sendmail keeps them', sections: [MAILSTATS] },
  senders: { title: 'Senders', sections: SENDERS },
  recipients: { title: 'Recipients', sections: RECIPIENTS },
  domains: { title: 'Domains', sections: DOMAINS },
  hosts: { title: 'Hosts', sections: HOSTS },
  delays: { title: 'Time to delivery', sections: [...DELIVERY_TIMES, ...DEFERRALS] },
  bounces: { title: 'Bounces', sections: BOUNCES },
  deferrals: { title: 'Delayed mail', sections: DEFERRALS },
  rejects: { title: 'Refused mail', sections: REJECTS },
  auth: { title: 'Logins', sections: AUTH },
  tls: { title: 'Encryption', sections: TLS },
  security: { title: 'Probes and attacks', sections: [...SECURITY, ...AUTH, REJECTED_CLIENTS] },
  events: { title: 'Server events and notices', sections: EVENTS },
  reconciliation: { title: 'Does it add up?', sections: [...RECONCILIATION, ...LEDGER] },
} as const satisfies Readonly<Record<string, ReportDefinition>>;

export type ReportName = keyof typeof REPORTS;

export const REPORT_NAMES = Object.keys(REPORTS) as readonly ReportName[];

export const isReportName = (name: string): name is ReportName => Object.hasOwn(REPORTS, name);
