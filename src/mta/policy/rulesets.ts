/** The rulesets of one site, in the places where a session asks them. */
import type { Client } from '../model.ts';
import { checkMail, type Sender } from './check-mail.ts';
import { checkRcpt, type RcptClient, type Recipient } from './check-rcpt.ts';
import { type ClientLoad, checkRelay } from './check-relay.ts';
import type { PolicySite } from './site.ts';
import type { Verdict } from './verdict.ts';

export class Rulesets {
  readonly #site: PolicySite;

  constructor(site: PolicySite) {
    this.#site = site;
  }

  checkRelay(client: Client, load: ClientLoad): Promise<Verdict> {
    return checkRelay(client, load, this.#site);
  }

  checkMail(sender: Sender, client: Client): Promise<Verdict> {
    return checkMail(sender, client, this.#site);
  }

  checkRcpt(recipient: Recipient, asker: RcptClient): Verdict {
    return checkRcpt(recipient, asker, this.#site);
  }
}
