/**
 * Plans what becomes of an accepted message: attempts on arrival, retries at later queue runs until
 * midnight, the bounces and warnings its sender is sent. Decides everything; renders nothing.
 */
import { acceptance, busy, greylisted, refusal } from './answers.ts';
import type { Population, RemoteDomain } from './population.ts';
import { LOCAL_ROUTE } from './population.ts';
import type { Random } from './random.ts';
import type { Attempt, Message, Notice, Result, Route } from './traffic-model.ts';
import { DAY_SECONDS, outcomeOf, QUEUE_RUN_SECONDS } from './traffic-model.ts';

const FOUR_HOURS = 4 * 3600;
/** Longer lists of one transaction are cut over several lines by sendmail; real mail seldom has them. */
const LONGEST_LIST = 15;

export interface Envelope {
  readonly sender: string;
  readonly senderUid: number;
  /** Where a bounce would go; undefined for the null sender. */
  readonly senderDomain: RemoteDomain | 'local' | undefined;
  readonly size: number;
  readonly messageId: string;
  readonly receivedAt: number;
  readonly local: readonly string[];
  readonly remote: ReadonlyMap<RemoteDomain, readonly string[]>;
}

type Fate = 'fine' | 'greylisted' | 'busy' | 'down' | 'missing' | 'refused';

interface Group {
  readonly route: Route;
  readonly domain: RemoteDomain | undefined;
  readonly recipients: readonly string[];
  readonly fate: Fate;
  /** Deferrals still to come before the fate is fulfilled. */
  patience: number;
}

const longestWaitLast = (a: Group, b: Group): number =>
  Number(a.fate === 'down') - Number(b.fate === 'down');

export class DeliveryPlanner {
  readonly #random: Random;
  readonly #people: Population;
  readonly #day: number;

  constructor(random: Random, people: Population, day: number) {
    this.#random = random;
    this.#people = people;
    this.#day = day;
  }

  plan(envelope: Envelope): Message {
    const attempts: Attempt[] = [];
    const notices: Notice[] = [];
    let pending = this.#groups(envelope);
    let clock = envelope.receivedAt + this.#random.between(0.02, 0.4);
    let warned = false;
    let run = 0;
    while (pending.length > 0 && clock < DAY_SECONDS) {
      const tried = this.#tryAll(envelope, pending, { clock, run });
      attempts.push(...tried.attempts);
      clock = tried.clock;
      const cause = tried.failed ?? (warned ? undefined : this.#lateCause(envelope, tried));
      if (cause && envelope.senderDomain) {
        warned ||= tried.failed === undefined;
        notices.push(this.#notice(envelope, cause, tried.failed ? 'bounce' : 'delay'));
        clock += 0.3;
      }
      pending = tried.deferred;
      if (pending.length === 0) break;
      run = Math.floor(clock / QUEUE_RUN_SECONDS) + 1;
      clock = run * QUEUE_RUN_SECONDS + this.#random.between(0, 150);
    }
    const doneAt = pending.length === 0 ? clock : undefined;
    const { sender, senderUid, size, messageId, receivedAt } = envelope;
    const recipients = [...envelope.local, ...[...envelope.remote.values()].flat()];
    return {
      sender,
      senderUid,
      size,
      messageId,
      recipients,
      receivedAt,
      attempts,
      notices,
      doneAt,
    };
  }

  #groups(envelope: Envelope): Group[] {
    const groups: Group[] = envelope.local.map((recipient) => ({
      route: LOCAL_ROUTE,
      domain: undefined,
      recipients: [recipient],
      fate: 'fine',
      patience: 0,
    }));
    for (const [domain, all] of envelope.remote) {
      for (let first = 0; first < all.length; first += LONGEST_LIST) {
        groups.push(...this.#remoteGroups(domain, all.slice(first, first + LONGEST_LIST)));
      }
    }
    return groups.sort(longestWaitLast);
  }

  #remoteGroups(domain: RemoteDomain, recipients: readonly string[]): Group[] {
    const fate = this.#fate(domain);
    const group = { route: domain.route, domain };
    const patience = this.#patience(fate);
    if (fate === 'down' || fate === 'missing') return [{ ...group, recipients, fate, patience }];
    const unknown = recipients.filter(() => this.#random.chance(0.018));
    const known = recipients.filter((recipient) => !unknown.includes(recipient));
    const groups: Group[] = [];
    if (known.length > 0) groups.push({ ...group, recipients: known, fate, patience });
    for (const recipient of unknown) {
      groups.push({ ...group, recipients: [recipient], fate: 'refused', patience: 0 });
    }
    return groups;
  }

  #fate(domain: RemoteDomain): Fate {
    if (domain.health === 'down' || domain.health === 'missing') return domain.health;
    if (domain.health === 'greylisting') return this.#random.chance(0.6) ? 'greylisted' : 'fine';
    return this.#random.chance(domain.health === 'flaky' ? 0.35 : 0.02) ? 'busy' : 'fine';
  }

  #patience(fate: Fate): number {
    if (fate === 'down') return Number.POSITIVE_INFINITY;
    if (fate === 'greylisted') return 1;
    return fate === 'busy' ? 1 + Math.floor(this.#random.share() ** 3 * 12) : 0;
  }

  #tryAll(envelope: Envelope, groups: readonly Group[], start: { clock: number; run: number }) {
    const attempts: Attempt[] = [];
    const deferred: Group[] = [];
    let { clock } = start;
    let failed: Attempt | undefined;
    for (const group of groups) {
      const result = this.#result(envelope, group, clock);
      const took = this.#took(group, result);
      clock += took;
      const { route, recipients } = group;
      const attempt = { at: clock, took, run: start.run, route, recipients, result };
      attempts.push(attempt);
      const outcome = outcomeOf(result);
      if (outcome === 'deferred') deferred.push(group);
      if (outcome === 'bounced') failed = attempt;
    }
    return { attempts, deferred, failed, clock };
  }

  #result(envelope: Envelope, group: Group, clock: number): Result {
    if (!group.domain) return { kind: 'mailbox' };
    if (group.fate === 'missing') return { kind: 'no-host' };
    const random = this.#random;
    const recipient = group.recipients[0] ?? '';
    if (group.patience > 0) {
      group.patience -= 1;
      if (group.fate === 'down') return { kind: 'unreachable', how: 'Connection timed out' };
      return group.fate === 'busy' ? busy(random, recipient) : greylisted(random, recipient);
    }
    if (group.fate === 'refused') return refusal(random, recipient);
    if (group.fate === 'busy' && random.chance(0.1)) return refusal(random, recipient);
    return acceptance(random, group.domain, { ...envelope, now: this.#day + Math.floor(clock) });
  }

  #took(group: Group, result: Result): number {
    if (result.kind === 'mailbox') return this.#random.between(0.01, 0.12);
    if (result.kind === 'no-host') return this.#random.between(0.01, 0.6);
    if (result.kind === 'unreachable') {
      return result.how === 'Connection refused' ? 0.02 : this.#random.between(20, 60);
    }
    return Math.min(45, this.#random.logNormal(group.route.tls ? -0.2 : -0.6, 0.8));
  }

  #lateCause(
    envelope: Envelope,
    tried: {
      readonly attempts: readonly Attempt[];
      readonly deferred: readonly Group[];
      readonly clock: number;
    },
  ): Attempt | undefined {
    if (tried.deferred.length === 0) return undefined;
    return tried.clock - envelope.receivedAt >= FOUR_HOURS ? tried.attempts.at(-1) : undefined;
  }

  #notice(envelope: Envelope, cause: Attempt, kind: Notice['kind']): Notice {
    const at = cause.at + 0.1;
    const size = 2500 + this.#random.below(2000);
    const recipients = [envelope.sender];
    const { senderDomain } = envelope;
    const base = { at: at + 0.1, took: 0.05, run: cause.run, recipients };
    const remote = senderDomain === 'local' ? undefined : senderDomain;
    const delivery: Attempt = remote
      ? { ...base, route: remote.route, result: this.#noticeAnswer(envelope, remote, at) }
      : { ...base, route: LOCAL_ROUTE, result: { kind: 'mailbox' } };
    return {
      at,
      run: cause.run,
      kind,
      cause: cause.result,
      causeDomain: cause.route.domain,
      size,
      delivery,
    };
  }

  #noticeAnswer(envelope: Envelope, domain: RemoteDomain, at: number): Result {
    return acceptance(this.#random, domain, { ...envelope, now: this.#day + Math.floor(at) });
  }

  /** Splits recipients drawn from the whole world into ours and each other domain's. */
  drawRecipients(count: number, localShare: number): Pick<Envelope, 'local' | 'remote'> {
    const local = new Set<string>();
    const remote = new Map<RemoteDomain, string[]>();
    for (let i = 0; i < count; i++) {
      if (this.#random.chance(localShare)) {
        local.add(this.#people.user().address);
        continue;
      }
      const domain = this.#people.domain();
      const known = remote.get(domain) ?? [];
      const address = this.#people.remoteAddress(domain);
      if (!known.includes(address)) known.push(address);
      remote.set(domain, known);
    }
    return { local: [...local], remote };
  }
}
