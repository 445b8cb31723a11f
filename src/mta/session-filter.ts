/**
 * The filters of a site as a session asks them: milters in their order, then a filter program. What they say and
 * change comes back in the session's words.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FilterConfig } from './milter/filter-config.ts';
import type { HeaderField } from './milter/message-changes.ts';
import { MilterSession, type MilterVerdict } from './milter/milter-session.ts';
import type { Client } from './model.ts';
import { type ContentFilterConfig, runContentFilter } from './policy/content-filter.ts';
import type { FilterChanges, FilterFacts, FilterVerdict, SessionFilter } from './session/parts.ts';

export interface SiteFilters {
  readonly milters: readonly FilterConfig[];
  readonly program: ContentFilterConfig | null;
}

const UNCHANGED: Omit<FilterChanges, 'verdict'> = Object.freeze({
  head: null,
  body: null,
  quarantine: null,
  sender: null,
  addedRecipients: [],
  removedRecipients: [],
});

export class SiteFilter implements SessionFilter {
  readonly #filters: SiteFilters;
  readonly #facts: FilterFacts;
  readonly #milter: MilterSession;
  #client: Client | null = null;

  constructor(filters: SiteFilters, facts: FilterFacts) {
    this.#filters = filters;
    this.#facts = facts;
    this.#milter = new MilterSession({ log: facts.log, id: facts.id, macros: facts.macro });
  }

  async connect(client: Client): Promise<FilterVerdict> {
    this.#client = client;
    const opened = await this.#milter.open(this.#filters.milters);
    if (opened.kind !== 'continue') return verdictOf(opened);
    return verdictOf(await this.#milter.connect(client.name, client.address, client.port));
  }

  async helo(name: string): Promise<FilterVerdict> {
    return verdictOf(await this.#milter.helo(name));
  }

  async mail(_id: string, shown: string, parameters: string): Promise<FilterVerdict> {
    return verdictOf(await this.#milter.mail(shown, words(parameters)));
  }

  async recipient(_id: string, shown: string, parameters: string): Promise<FilterVerdict> {
    return verdictOf(await this.#milter.rcpt(shown, words(parameters)));
  }

  async data(): Promise<FilterVerdict> {
    return verdictOf(await this.#milter.data());
  }

  async message(id: string, head: Buffer, body: Buffer): Promise<FilterChanges> {
    // The empty line belongs to neither.
    const text = body[0] === 0x0a ? body.subarray(1) : body;
    const { verdict, changes } = await this.#milter.message({
      headers: fieldsOf(head),
      body: text,
    });
    const said = verdictOf(verdict);
    if (said !== null) return { ...UNCHANGED, verdict: said };
    const isChanged = changes.isChanged;
    const newHead = isChanged ? headOf(changes.headers) : null;
    const newBody = isChanged ? Buffer.concat([Buffer.from('\n'), changes.body]) : null;
    return {
      verdict: await this.#program(id, [newHead ?? head, newBody ?? body]),
      head: newHead,
      body: newBody,
      quarantine: changes.quarantine,
      sender: changes.sender?.address ?? null,
      addedRecipients: changes.addedRecipients.map(({ address }) => address),
      removedRecipients: changes.deletedRecipients,
    };
  }

  abort(): void {
    void this.#milter.reset();
  }

  close(): void {
    this.#milter.close();
  }

  async #program(id: string, message: readonly Buffer[]): Promise<FilterVerdict> {
    const { program } = this.#filters;
    if (program === null) return null;
    const folder = await mkdtemp(join(tmpdir(), 'maillog-filter-'));
    try {
      const path = join(folder, 'message');
      await writeFile(path, Buffer.concat(message), { mode: 0o600 });
      const said = await runContentFilter(program, path, {
        queueId: id,
        sender: this.#facts.macro('{mail_addr}') ?? '',
        clientAddress: this.#client?.address ?? '',
      });
      if (said.kind === 'accept') return null;
      if (said.kind === 'discard') return { kind: 'discard' };
      if (said.problem !== null) this.#facts.log.milterProblem(id, program.program, said.problem);
      return { kind: 'refuse', reply: said.reply };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

function verdictOf(verdict: MilterVerdict): FilterVerdict {
  switch (verdict.kind) {
    case 'continue':
      return null;
    case 'discard':
      return verdict;
    case 'refuse':
    case 'close':
      return { kind: 'refuse', reply: verdict.reply };
  }
}

function words(parameters: string): readonly string[] {
  return parameters.split(/[ \t]+/).filter((word) => word !== '');
}

/** Fields as filters see them: `value` without the blank after the colon, its lines kept. */
function fieldsOf(head: Buffer): readonly HeaderField[] {
  const fields: HeaderField[] = [];
  for (const line of head.toString('latin1').split('\n')) {
    const last = fields.pop();
    if (/^[ \t]/.test(line) && last !== undefined) {
      fields.push({ name: last.name, value: `${last.value}\n${line}` });
      continue;
    }
    if (last !== undefined) fields.push(last);
    const colon = line.indexOf(':');
    if (colon > 0) {
      fields.push({
        name: line.slice(0, colon).trimEnd(),
        value: line.slice(colon + 1).replace(/^ /, ''),
      });
    }
  }
  return fields;
}

function headOf(fields: readonly HeaderField[]): Buffer {
  return Buffer.from(fields.map(({ name, value }) => `${name}: ${value}\n`).join(''), 'latin1');
}
