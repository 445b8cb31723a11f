/** The site's rules as a session asks for them: rulesets, rates, and what those who may send may send. */

import type { Client } from './model.ts';
import type { AccessMap } from './policy/access.ts';
import { type ClientLimits, greetPause } from './policy/client-limits.ts';
import type { Rulesets } from './policy/rulesets.ts';
import { ACCEPT, type Verdict } from './policy/verdict.ts';
import type { ClientView, RecipientView, SenderView, SessionPolicy } from './session/parts.ts';

/** Counts what authenticated users and relaying clients send. */
export interface SendingLimits {
  /** A message of somebody who may relay: counted if it is accepted. */
  message(view: SenderView, recipients: number): Verdict;
}

export interface SitePolicyOptions {
  readonly rulesets: Rulesets;
  readonly limits: ClientLimits;
  readonly sending: SendingLimits | null;
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

  mail({ shown, address, client }: SenderView): Promise<Verdict> {
    return this.#options.rulesets.checkMail({ shown, address }, client);
  }

  async recipient({ shown, address, client, helo, mechanism }: RecipientView): Promise<Verdict> {
    const asker = { client, helo: helo === '' ? null : helo, mechanism };
    return this.#options.rulesets.checkRcpt({ shown, address }, asker);
  }

  async message(view: SenderView, recipients: number): Promise<Verdict> {
    return this.#options.sending?.message(view, recipients) ?? ACCEPT;
  }
}
