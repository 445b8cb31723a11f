/**
 * `maillog mta test`: what becomes of an address, in words: whether this client may name it, how it is resolved,
 * whom aliases and .forward files make of it, and which hosts would be tried.
 */
import { hostname as machineName } from 'node:os';
import type { ExitCode } from '../../model/errors.ts';
import { maillogError } from '../../model/errors.ts';
import { describeDestination } from '../../mta/aliases/address-node.ts';
import type { Client, Destination, Reply } from '../../mta/model.ts';
import type { Verdict } from '../../mta/policy/verdict.ts';
import { nameClient } from '../../mta/route/client-name.ts';
import { parseAddress } from '../../mta/route/ip.ts';
import { parseSmtpPath, replyAbout } from '../../mta/route/smtp-path.ts';
import { openSite, type Site } from '../../mta/site.ts';
import type { CommandContext } from '../context.ts';
import { complain, print } from '../io.ts';
import { mtaPlace } from '../mta/place.ts';
import type { Options } from '../program.ts';

const LOOKUP_MS = 5_000;

export async function runMtaTest(
  context: CommandContext,
  options: Options,
  addresses: readonly string[],
): Promise<ExitCode> {
  const { io } = context;
  const { config } = mtaPlace(io, options);
  const site = await openSite(config, config.Hostname ?? machineName(), (text) => {
    void complain(io, text);
  });
  try {
    const client = await clientOf(site, String(options.client ?? '127.0.0.1'));
    const sender = options.from === undefined ? null : String(options.from);
    const opening = await openingLines(site, client, sender);
    await print(io, block(`client ${shownClient(client)}`, opening));
    let isAccepted = true;
    for (const address of addresses) {
      const { lines, isFine } = await addressLines(site, client, address);
      isAccepted &&= isFine;
      await print(io, block(address, lines));
    }
    return isAccepted ? 0 : 1;
  } finally {
    site.close();
  }
}

function block(head: string, lines: readonly string[]): string {
  return `${head}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

async function clientOf(site: Site, text: string): Promise<Client> {
  if (parseAddress(text) === null) {
    throw maillogError('E_USAGE', { problem: `--client ${text} is no IP address` });
  }
  return await nameClient({ dns: site.dns, timeoutMs: LOOKUP_MS }, { address: text, port: 0 });
}

function shownClient({ name, address, resolution }: Client): string {
  const forged = resolution === 'FORGED' ? ' (may be forged)' : '';
  return name.startsWith('[') ? name : `${name} [${address}]${forged}`;
}

async function openingLines(
  site: Site,
  client: Client,
  sender: string | null,
): Promise<readonly string[]> {
  const relay = await site.rulesets.checkRelay(client, { rate: 1, open: 1 });
  const lines = [`connect: ${verdictText(relay)}`];
  if (sender === null) return lines;
  const path = parseSmtpPath(`<${sender}>`, 'sender');
  if (path.kind === 'refused') {
    return [...lines, `MAIL FROM:<${sender}>: ${replyText(replyAbout(path.shown, path.reply))}`];
  }
  const { shown, address } = path.path;
  const mail = await site.rulesets.checkMail({ shown, address }, client);
  return [...lines, `MAIL FROM:${shown}: ${verdictText(mail)}`];
}

interface AddressAnswer {
  readonly lines: readonly string[];
  /** RCPT would be taken. */
  readonly isFine: boolean;
}

async function addressLines(site: Site, client: Client, typed: string): Promise<AddressAnswer> {
  const path = parseSmtpPath(typed.startsWith('<') ? typed : `<${typed}>`, 'recipient');
  if (path.kind === 'refused') {
    const reply = replyText(replyAbout(path.shown, path.reply));
    return { lines: [`RCPT TO:${typed}: ${reply}`], isFine: false };
  }
  const { shown, address } = path.path;
  const resolution = await site.resolve(address);
  if (resolution.kind === 'error') {
    return { lines: [`RCPT TO:${shown}: ${replyText(resolution.reply)}`], isFine: false };
  }
  const { destination } = resolution;
  const verdict = site.rulesets.checkRcpt(
    { shown, address },
    { client, helo: null, mechanism: null },
  );
  const isKnown = await site.isDeliverable(destination);
  const accepted = isKnown ? verdictText(verdict) : '550 5.1.1 User unknown';
  return {
    isFine: isKnown && verdict.kind === 'accept',
    lines: [
      `RCPT TO:${shown}: ${accepted}`,
      `leads to ${describeDestination(destination)}`,
      ...(isKnown ? await site.directory.explain(address) : []),
      ...(await hostLines(site, destination)),
    ],
  };
}

async function hostLines(site: Site, { mailer, host }: Destination): Promise<readonly string[]> {
  if (host === '' || mailer === 'local') return [];
  const found = await site.hosts.findHosts(host);
  if (found.kind !== 'hosts') {
    const { dsn, stat } = found.outcome;
    return [`hosts of ${host}: none (${dsn} ${stat})`];
  }
  return found.hosts.map(({ name, addresses }) => `host ${name} ${addresses.join(' ')}`);
}

function verdictText(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'accept':
      return 'accepted';
    case 'refuse':
      return `refused: ${replyText(verdict.reply)}`;
    case 'discard':
      return 'accepted and discarded';
    case 'quarantine':
      return `accepted and held: ${verdict.text}`;
  }
}

function replyText({ code, status, text }: Reply): string {
  return [code, status, text].filter((part) => part !== '').join(' ');
}
