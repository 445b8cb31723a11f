/**
 * Who is known here, for those that ask before there is a message: the session at RCPT, VRFY and EXPN, and
 * `mta test`.
 */
import type { AddressResolver, Destination, Envelope, Expansion, Reply } from '../model.ts';
import { describeDestination } from './address-node.ts';
import { AliasExpander, type ExpanderOptions } from './expander.ts';
import { aliasKeys, isLocal, withDetail } from './plus-address.ts';

/** Answers to VRFY and EXPN, one text a line: `Alice Smith <alice@mx1.corp.example>`. */
export type Description =
  | { readonly kind: 'known'; readonly lines: readonly string[] }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'problem'; readonly reply: Reply };

export class AliasDirectory {
  readonly #options: ExpanderOptions;
  readonly #resolver: AddressResolver;

  constructor(options: ExpanderOptions) {
    this.#options = options;
    this.#resolver = options.resolver;
  }

  /** An alias or a user; other hosts answer for themselves. Nobody mails to programs and files directly. */
  async isDeliverable(destination: Destination): Promise<boolean> {
    if (destination.mailer === 'prog' || destination.mailer === '*file*') return false;
    if (!isLocal(destination)) return true;
    const { aliases, users } = this.#options;
    const whole = withDetail(destination, this.#options);
    return aliasKeys(whole).some((key) => aliases.find(key) !== null) || users.isKnown(whole.user);
  }

  /** VRFY: the address itself. */
  async verify(address: string): Promise<Description> {
    const found = await this.#resolver.resolve(address);
    if (found.kind === 'error' || !(await this.isDeliverable(found.destination))) {
      return { kind: 'unknown' };
    }
    return { kind: 'known', lines: [this.#line(found.destination)] };
  }

  /** EXPN: whom it stands for. */
  async describe(address: string): Promise<Description> {
    const expansions = await this.#expand(address, this.#options);
    const found = expansions.flatMap(recipientsOf);
    const problem = expansions.find((one) => one.kind === 'problem');
    if (found.length === 0 && problem !== undefined) {
      return { kind: 'problem', reply: problem.reply };
    }
    const [ours, others] = [found.filter(isLocal), found.filter((one) => !isLocal(one))];
    const lines = [...ours, ...others].map((one) => this.#line(one));
    return lines.length === 0 ? { kind: 'unknown' } : { kind: 'known', lines };
  }

  /** How an address is followed, a step a line, and what it comes to. */
  async explain(address: string): Promise<readonly string[]> {
    const lines: string[] = [];
    const onStep = (depth: number, text: string) => {
      lines.push(`${'  '.repeat(depth)}${text}`);
    };
    const expansions = await this.#expand(address, { ...this.#options, onStep });
    return [...lines, ...expansions.flatMap((one) => explainExpansion(one))];
  }

  async #expand(address: string, options: ExpanderOptions): Promise<readonly Expansion[]> {
    const found = await this.#resolver.resolve(address);
    if (found.kind === 'error') {
      return [{ kind: 'problem', origin: address, reply: found.reply, isTemporary: false }];
    }
    const recipient = {
      shown: address,
      address,
      destination: found.destination,
      notify: null,
      orcpt: null,
    };
    return await new AliasExpander(options).expand(envelopeFor(recipient));
  }

  #line(destination: Destination): string {
    const { hostName, users } = this.#options;
    if (!isLocal(destination)) {
      return destination.user.includes('@')
        ? `<${destination.user}>`
        : `<${destination.user}@${hostName}>`;
    }
    const name = users.find(destination.user)?.fullName ?? '';
    const address = `<${destination.user}@${hostName}>`;
    return name === '' ? address : `${name} ${address}`;
  }
}

function recipientsOf(expansion: Expansion): readonly Destination[] {
  if (expansion.kind === 'clone') return expansion.members.flatMap(recipientsOf);
  return expansion.kind === 'recipient' ? [expansion.recipient.destination] : [];
}

function explainExpansion(expansion: Expansion, owner = ''): readonly string[] {
  const sender = owner === '' ? '' : `, sender ${owner}`;
  switch (expansion.kind) {
    case 'clone':
      return expansion.members.flatMap((one) => explainExpansion(one, expansion.owner));
    case 'recipient': {
      const { destination, controllingUser } = expansion.recipient;
      const user =
        controllingUser === null ? '' : ` as ${controllingUser.uid}/${controllingUser.gid}`;
      return [`deliver by ${describeDestination(destination)}${user}${sender}`];
    }
    case 'failed':
      return [`fail ${expansion.recipient.shown}: ${expansion.outcome.stat}${sender}`];
    case 'problem': {
      const { code, status, text } = expansion.reply;
      return [`fail: ${code} ${status} ${text}${sender}`];
    }
  }
}

function envelopeFor(recipient: Envelope['recipients'][number]): Envelope {
  return {
    id: '',
    arrivedAt: 0,
    senderShown: '<>',
    sender: '',
    senderUser: null,
    size: 0,
    storedSize: 0,
    class: 0,
    messageId: '',
    bodyType: null,
    isUtf8: false,
    envid: null,
    ret: null,
    protocol: null,
    client: null,
    recipients: [recipient],
    quarantine: null,
    isBounce: false,
  };
}
