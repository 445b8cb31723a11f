/**
 * What recipients come to when aliases, `:include:` lists and .forward files are followed (alias(), forward(),
 * include() and recipient() of sendmail 8.17).
 *
 * Promises: it ends, whatever points at what: no more than ten aliases deep, and nothing is followed twice; a
 * recipient that is named more than once gets one copy; programs and files have a controlling user.
 */
import type { Owner } from '../courier/safe-folder.ts';
import type {
  AcceptedRecipient,
  AddressResolver,
  Destination,
  Envelope,
  Expander,
  Expansion,
  Notify,
  Outcome,
  Reply,
} from '../model.ts';
import {
  controllingUserOf,
  describeDestination,
  keyOf,
  type Node,
  nodeOf,
} from './address-node.ts';
import { type AliasFile, splitMembers } from './alias-file.ts';
import { type ListFile, readListFile } from './list-file.ts';
import { type Member, parseMember } from './member.ts';
import { aliasKeys, isLocal, ownerOfList, withDetail } from './plus-address.ts';
import type { User, UserTable } from './users.ts';

export interface ExpanderOptions {
  readonly aliases: AliasFile;
  readonly users: UserTable;
  readonly resolver: AddressResolver;
  /** Who runs what aliases name: sendmail's DefaultUser. */
  readonly defaultUser: Owner;
  /** Our own name. */
  readonly hostName: string;
  /** Tried in turn, %h is the home, %u the user, %d the detail after the plus sign. */
  readonly forwardPaths?: readonly string[];
  /** Shells whose users may have programs in .forward; all, where it is not given. */
  readonly shells?: readonly string[];
  /** A .forward file that is refused, for the log. */
  readonly onRefused?: (path: string, why: string) => void;
  /** Each step, for `mta test`. */
  readonly onStep?: (depth: number, text: string) => void;
}

/** Sendmail's MaxAliasRecursion. */
const DEEPEST = 10;
const MOST_BYTES = 4 * 1024 * 1024;
const FORWARD_PATHS = ['%h/.forward+%d', '%h/.forward'];

const UNKNOWN_USER: Outcome = Object.freeze({
  kind: 'failed',
  dsn: '5.1.1',
  stat: 'User unknown',
  reply: '550 5.1.1 User unknown',
  relay: null,
  isDsnPassedOn: false,
});

interface Found {
  readonly owner: string | null;
  readonly expansion: Expansion;
}

type ListLines = readonly (readonly string[])[];

export class AliasExpander implements Expander {
  readonly #options: ExpanderOptions;

  constructor(options: ExpanderOptions) {
    this.#options = options;
  }

  async expand(envelope: Envelope): Promise<readonly Expansion[]> {
    const run = new ExpansionRun(this.#options);
    for (const recipient of envelope.recipients) await run.add(recipient);
    return grouped(run.found);
  }
}

/** Recipients of a list with an owner go together, each such list where its first one is. */
function grouped(found: readonly Found[]): readonly Expansion[] {
  const members = new Map<string, Expansion[]>();
  const expansions: Expansion[] = [];
  for (const { owner, expansion } of found) {
    if (owner === null) {
      expansions.push(expansion);
      continue;
    }
    const known = members.get(owner);
    if (known !== undefined) {
      known.push(expansion);
      continue;
    }
    const list = [expansion];
    members.set(owner, list);
    expansions.push({ kind: 'clone', owner, members: list });
  }
  return expansions;
}

class ExpansionRun {
  readonly #options: ExpanderOptions;
  readonly #seen = new Set<string>();
  readonly found: Found[] = [];
  #accepted: AcceptedRecipient | null = null;

  constructor(options: ExpanderOptions) {
    this.#options = options;
  }

  async add(accepted: AcceptedRecipient): Promise<void> {
    this.#accepted = accepted;
    const before = this.found.length;
    const { shown, destination } = accepted;
    await this.#visit(nodeOf(shown, withDetail(destination, this.#options), null));
    if (this.found.length === 0) {
      this.#problem(null, { code: 554, status: '5.4.6', text: 'aliasing/forwarding loop broken' });
    }
    this.#giveWishes(before, accepted);
  }

  /** The sender's wishes stay with a recipient that is one; of a list, only that nothing be said of failures. */
  #giveWishes(from: number, { notify, orcpt }: AcceptedRecipient): void {
    const mine = this.found.slice(from).filter(({ expansion }) => expansion.kind !== 'problem');
    const isOne = mine.length === 1 && mine[0]?.owner === null;
    for (let index = from; index < this.found.length; index++) {
      const one = this.found[index];
      if (one === undefined || !('recipient' in one.expansion)) continue;
      const wishes = isOne ? { notify, orcpt } : { notify: withoutSuccess(notify), orcpt: null };
      const recipient = { ...one.expansion.recipient, ...wishes };
      this.found[index] = { ...one, expansion: { ...one.expansion, recipient } };
    }
  }

  async #visit(node: Node): Promise<void> {
    this.#options.onStep?.(node.depth, `${node.shown} -> ${describeDestination(node.destination)}`);
    if (node.depth > DEEPEST) {
      const text = `aliasing/forwarding loop broken (${node.depth} aliases deep; ${DEEPEST} max)`;
      this.#problem(node, { code: 554, status: '5.4.6', text });
      return;
    }
    if (node.parent !== null && this.#isSelfReference(node)) return;
    const key = keyOf(node);
    // A name that is its own alias is looked up once more, as a user.
    const isOwnAlias = node.parent !== null && keyOf(node.parent) === key;
    if (this.#seen.has(key) && !isOwnAlias) return;
    this.#seen.add(key);
    if (!isLocal(node.destination)) this.#deliver(node);
    else if (isOwnAlias || !(await this.#followAlias(node))) await this.#toUser(node);
  }

  /** An ancestor with an account keeps its own copy; a ring without any comes to nothing. */
  #isSelfReference(node: Node): boolean {
    const key = keyOf(node);
    let ancestor = node.parent;
    while (ancestor !== null && keyOf(ancestor) !== key) ancestor = ancestor.parent;
    if (ancestor === null) return false;
    const isUser = this.#options.users.isKnown(node.destination.user);
    if (isUser) ancestor.isSelf = true;
    return isUser || ancestor !== node.parent;
  }

  async #followAlias(node: Node): Promise<boolean> {
    if (node.isQuoted) return false;
    const { aliases, defaultUser } = this.#options;
    const { destination } = node;
    const value = aliasKeys(destination)
      .map((key) => aliases.find(key))
      .find((one) => one !== null);
    if (value === undefined || value === null) return false;
    node.user = { uid: defaultUser.uid, gid: 0 };
    node.owner = ownerOfList(destination.user, aliases);
    await this.#visitBackwards(node, splitMembers(value));
    if (node.isSelf) this.#deliver(node);
    return true;
  }

  async #toUser(node: Node): Promise<void> {
    const user = this.#options.users.find(node.destination.user);
    if (user === null) {
      const controllingUser = node.parent === null ? null : controllingUserOf(node.parent, true);
      this.#add(node, {
        kind: 'failed',
        recipient: { ...this.#recipientOf(node), controllingUser },
        outcome: UNKNOWN_USER,
      });
      return;
    }
    node.user = { uid: user.uid, gid: user.gid };
    node.shell = user;
    const mailbox = { ...node, destination: { ...node.destination, user: user.name } };
    const lines = node.isQuoted ? null : await this.#forwardOf(node, user);
    if (lines === null || lines.flat().length === 0) {
      this.#deliver(mailbox);
      return;
    }
    for (const line of lines) await this.#visitBackwards(node, line);
    if (node.isSelf) this.#deliver(mailbox);
  }

  async #forwardOf(node: Node, user: User): Promise<ListLines | null> {
    const { forwardPaths = FORWARD_PATHS, onRefused } = this.#options;
    const detail = node.destination.host;
    for (const pattern of forwardPaths) {
      if (pattern.includes('%d') && !/^[\w.-]+$/.test(detail)) continue;
      const values: Readonly<Record<string, string>> = { h: user.home, u: user.name, d: detail };
      const path = pattern.replaceAll(/%([hud])/g, (_, name: string) => values[name] ?? '');
      const list = await this.#readList(path, user, true);
      if (list.kind === 'error') onRefused?.(path, list.text);
      if (list.kind !== 'list') continue;
      node.isUnsafe = list.isUnsafe;
      return list.lines;
    }
    return null;
  }

  async #readList(path: string, reader: Owner, isOwnOnly: boolean): Promise<ListFile> {
    return await readListFile({ path, reader, isOwnOnly, mostBytes: MOST_BYTES });
  }

  /** They are looked at as they stand, and delivered to the last one first: so sendmail chains a line's list. */
  async #visitBackwards(parent: Node, members: readonly string[]): Promise<void> {
    const start = this.found.length;
    const each: Found[][] = [];
    for (const text of members) {
      const from = this.found.length;
      await this.#visitMember(parent, parseMember(text));
      each.push(this.found.slice(from));
    }
    this.found.splice(start, Number.POSITIVE_INFINITY, ...each.toReversed().flat());
  }

  async #visitMember(parent: Node, member: Member): Promise<void> {
    switch (member.kind) {
      case 'program':
      case 'file':
        this.#programOrFile(parent, member);
        return;
      case 'include':
        await this.#include(parent, member);
        return;
      case 'user': {
        const destination = { mailer: 'local', host: '', user: member.user } as const;
        await this.#visit(nodeOf(member.shown, destination, parent, member.isQuoted));
        return;
      }
      case 'address': {
        const found = await this.#options.resolver.resolve(member.address);
        if (found.kind === 'error') {
          const text = `${member.shown}... ${found.reply.text}`;
          this.#problem(parent, { ...found.reply, text });
          return;
        }
        const destination = withDetail(found.destination, this.#options);
        await this.#visit(nodeOf(member.shown, destination, parent));
      }
    }
  }

  #programOrFile(parent: Node, member: Extract<Member, { kind: 'program' | 'file' }>): void {
    const isProgram = member.kind === 'program';
    const refusal = this.#refusalOf(parent, isProgram ? 'programs' : 'files');
    if (refusal !== null) {
      const text = `${member.shown}... ${refusal}`;
      this.#problem(parent, { code: 550, status: '5.7.1', text });
      return;
    }
    const destination: Destination = isProgram
      ? { mailer: 'prog', host: '', user: member.command }
      : { mailer: '*file*', host: '', user: member.path };
    const node = nodeOf(member.shown, destination, parent);
    this.#options.onStep?.(node.depth, `${node.shown} -> ${describeDestination(destination)}`);
    const { uid, gid } = controllingUserOf(parent, false) ?? this.#options.defaultUser;
    const key = `${keyOf(node)} ${uid}/${gid}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#deliver(node);
  }

  #refusalOf({ isUnsafe, shell, shown }: Node, what: string): string | null {
    const { shells, hostName } = this.#options;
    if (shell !== null && shells !== undefined && !shells.includes(shell.shell)) {
      return `User ${shell.name}@${hostName} doesn't have a valid shell for mailing to ${what}`;
    }
    return isUnsafe ? `Address ${shown} is unsafe for mailing to ${what}` : null;
  }

  async #include(
    parent: Node,
    { shown, path }: Extract<Member, { kind: 'include' }>,
  ): Promise<void> {
    const { defaultUser } = this.#options;
    const destination: Destination = { mailer: '*file*', host: '', user: path };
    const node = nodeOf(shown, destination, parent);
    if (node.depth > DEEPEST) {
      await this.#visit(node);
      return;
    }
    const key = `include ${path}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const controlling = controllingUserOf(parent, false);
    const isOfAlias = controlling === null || isDefault(controlling, defaultUser);
    const list = await this.#readList(path, isOfAlias ? defaultUser : controlling, false);
    if (list.kind !== 'list') {
      const why = list.kind === 'error' ? list.text : 'No such file or directory';
      const isTemporary = list.kind === 'error' && list.isTemporary;
      const text = `${shown}... Cannot open ${path}: ${why}`;
      const reply = isTemporary
        ? { code: 451, status: '4.2.4', text }
        : { code: 550, status: '5.2.4', text };
      this.#problem(parent, reply, isTemporary);
      return;
    }
    // A list that an alias names speaks for who owns it; in a .forward file it does not.
    if (isOfAlias) node.user = list.owner;
    node.isUnsafe = list.isUnsafe || parent.isUnsafe;
    node.shell = parent.shell;
    for (const line of list.lines) await this.#visitBackwards(node, line);
  }

  #recipientOf({ shown, destination }: Node) {
    const origin = this.#accepted?.address ?? '';
    return { shown, origin, destination, controllingUser: null, notify: null, orcpt: null };
  }

  #deliver(node: Node): void {
    const { mailer } = node.destination;
    const isOfUser = mailer === 'prog' || mailer === '*file*';
    const controllingUser =
      isOfUser && node.parent !== null ? controllingUserOf(node.parent, false) : null;
    this.#add(node, {
      kind: 'recipient',
      recipient: { ...this.#recipientOf(node), controllingUser },
    });
  }

  #problem(node: Node | null, reply: Reply, isTemporary = false): void {
    const origin = this.#accepted?.address ?? '';
    this.#add(node, { kind: 'problem', origin, reply, isTemporary });
  }

  #add(node: Node | null, expansion: Expansion): void {
    let ancestor = node;
    while (ancestor !== null && ancestor.owner === null) ancestor = ancestor.parent;
    this.found.push({ owner: ancestor?.owner ?? null, expansion });
  }
}

function isDefault({ uid, gid }: Owner, defaultUser: Owner): boolean {
  return uid === defaultUser.uid && gid === 0;
}

/** A list's success is told when it is expanded; who asked for nothing else is told nothing else. */
function withoutSuccess(notify: readonly Notify[] | null): readonly Notify[] | null {
  if (notify === null) return null;
  const rest = notify.filter((one) => one !== 'SUCCESS');
  return rest.length === 0 ? ['NEVER'] : rest;
}
