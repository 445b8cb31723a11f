/**
 * Three mail servers in one private network, real sendmail, real Postfix and ours, each with a domain of its own:
 * mails are given to one of them by SMTP and go where they are addressed to.
 */
import { join } from 'node:path';
import { extractDebianPackages } from '../debian-package.ts';
import { inFolder, type LabTools, labTools, runWorker } from './lab.ts';

export const RELAYS = {
  sendmail: { name: 'mx1.corp.example', domain: 'corp.example', address: '192.0.2.10' },
  postfix: { name: 'mail.pf.example', domain: 'pf.example', address: '192.0.2.20' },
  ours: { name: 'mx.ours.example', domain: 'ours.example', address: '192.0.2.30' },
} as const;
/** Postfix at another address, where it takes seven bits only. */
export const SEVEN_BIT = {
  name: 'mail.seven.example',
  domain: 'seven.example',
  address: '192.0.2.21',
};
export type Relay = keyof typeof RELAYS;

export interface RelayMail {
  readonly via: Relay;
  readonly from: string;
  readonly to: readonly string[];
  /** With LF line ends, a character a byte, dots as they are. */
  readonly message: string;
  /** Behind MAIL FROM and RCPT TO. */
  readonly parameters?: string;
  readonly wishes?: string;
}

export interface RelayJob extends LabTools {
  readonly folder: string;
  readonly postfix: string;
  readonly mails: readonly RelayMail[];
  /** How many messages the worker waits for. */
  readonly expected: number;
}

export interface RelaysPlayed {
  readonly transcripts: readonly (readonly string[])[];
  /** By host, then by user; what is large is shown as its length and hash (`digestOf`). */
  readonly messages: Readonly<Record<Relay, Readonly<Record<string, readonly string[]>>>>;
  readonly logs: Readonly<Record<Relay, readonly string[]>>;
  readonly queued: readonly string[];
}

const WORKER = join(import.meta.dirname, 'relay-worker.js');

export async function playRelays(
  mails: readonly RelayMail[],
  expected: number,
): Promise<RelaysPlayed> {
  const tools = await labTools();
  const postfix = await extractDebianPackages(['postfix']);
  return await inFolder((folder) => {
    const job: RelayJob = { ...tools, folder, postfix, mails, expected };
    // Mails are longer than an argument may be.
    return runWorker<RelaysPlayed>(WORKER, job);
  });
}
