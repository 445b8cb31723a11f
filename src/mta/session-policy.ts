/** The site's rules as a session asks for them: rulesets, rates of clients, and how much may be sent out. */
import type { AcceptedRecipient, Client, Destination } from './model.ts';
import type { AccessMap } from './policy/access.ts';
import { type ClientLimits, greetPause } from './policy/client-limits.ts';
import type { OutgoingLimits, SendingParty } from './policy/outgoing-limits.ts';
import type { Rulesets } from './policy/rulesets.ts';
import { ACCEPT, type Verdict } from './policy/verdict.ts';
import type { ClientView, RecipientView, SenderView, SessionPolicy } from './session/parts.ts';

export interface SitePolicyOptions {
  readonly rulesets: Rulesets;
  readonly limits: ClientLimits;
  readonly outgoing: OutgoingLimits;
  readonly access: AccessMap | null;
  readonly greetPauseMs: number;
}

export class SitePolicy implements SessionPolicy {
  readonly #options: SitePolicyOptions;

  constructor(options: SitePolicyOptions) {
    this.#options = options;
  }

  connect({ client }: ClientView): Promise<Verdict> {
    const { rulesets, limits } = this.#options;
    return rulesets.checkRelay(client, limits.opened(client.address));
  }

  closed(client: Client): void {
    this.#options.limits.closed(client.address);
  }

  async greetPause(client: Client): Promise<number> {
    const { access, greetPauseMs } = this.#options;
    return greetPause(client, access, greetPauseMs);
  }

  async mail(view: SenderView): Promise<Verdict> {
    const { rulesets, outgoing } = this.#options;
    const { shown, address, client } = view;
    const verdict = await rulesets.checkMail({ shown, address }, client);
    // Of a host it is not known yet whether the message goes out.
    if (verdict.kind !== 'accept' || view.user === null) return verdict;
    return outgoing.checkMail(partyOf(view), shown);
  }

  async recipient(view: RecipientView): Promise<Verdict> {
    const { rulesets, outgoing } = this.#options;
    const { shown, address, client, helo, mechanism, destination, accepted } = view;
    const asker = { client, helo: helo === '' ? null : helo, mechanism };
    const verdict = rulesets.checkRcpt({ shown, address }, asker);
    if (verdict.kind !== 'accept' || !(view.user !== null || isOutward(destination))) {
      return verdict;
    }
    if (view.user === null && accepted === 0) {
      const messages = outgoing.checkMail(partyOf(view), shown);
      if (messages.kind !== 'accept') return messages;
    }
    return outgoing.checkRcpt(partyOf(view), shown, accepted);
  }

  async message(view: SenderView, recipients: readonly AcceptedRecipient[]): Promise<Verdict> {
    const isCounted =
      view.user !== null || recipients.some(({ destination }) => isOutward(destination));
    if (isCounted) this.#options.outgoing.sent(partyOf(view), recipients.length);
    return ACCEPT;
  }
}

function partyOf({ user, client }: ClientView): SendingParty {
  return user === null ? { kind: 'host', name: client.address } : { kind: 'user', name: user };
}

function isOutward({ mailer }: Destination): boolean {
  return mailer !== 'local' && mailer !== 'lmtp';
}
