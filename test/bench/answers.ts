/**
 * What mail exchangers say, in the words of the programs that say it: successes with a queue id that
 * is unlike any other, greylisting, full mailboxes, refusals.
 */
import type { RemoteDomain } from './population.ts';
import type { Random } from './random.ts';
import type { Result } from './traffic-model.ts';

const LOWER36 = '0123456789abcdefghijklmnopqrstuvwxyz';
/** Postfix's long queue ids: digits and consonants, then `z` and the inode. */
const BASE52 = '0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz';
const RCPT = 'RCPT TO command';
const DATA_END = 'end of DATA command';

type Answer = Extract<Result, { kind: 'answer' }>;

function answer(code: number, dsn: string, text: string): Answer {
  const command = code < 300 ? DATA_END : RCPT;
  return { kind: 'answer', code, dsn, text, enhanced: true, command };
}

export interface Handed {
  readonly messageId: string;
  readonly size: number;
  /** Epoch seconds. */
  readonly now: number;
}

export function acceptance(random: Random, domain: RemoteDomain, handed: Handed): Answer {
  switch (domain.style) {
    case 'gmail': {
      const id = `${random.token(13, LOWER36)}-${random.token(15, LOWER36)}si${random.below(9e6)}`;
      return answer(250, '2.0.0', `OK  ${handed.now} ${id}.${random.below(999)} - gsmtp`);
    }
    case 'outlook': {
      const host = `${random.hex(2)}${random.below(9)}PR${random.hex(2)}MB${1000 + random.below(8999)}`;
      const text =
        `${handed.messageId} [InternalId=${random.below(9e13)}, Hostname=${host}.eurprd.example] ` +
        `${handed.size + 7413} bytes in 0.${100 + random.below(899)}, ` +
        `${random.between(20, 900).toFixed(3)} KB/sec Queued mail for delivery`;
      return answer(250, '2.6.0', text);
    }
    case 'exim': {
      const id = `1t${random.token(4)}-${random.token(11)}-${random.token(4)}`;
      return { ...answer(250, '2.0.0', `OK id=${id}`), enhanced: false };
    }
    case 'sendmail': {
      const id = `${random.token(8)}${100000 + random.below(899999)}`;
      return answer(250, '2.0.0', `${id} Message accepted for delivery`);
    }
    case 'postfix': {
      const id = random.chance(0.5)
        ? `${random.hex(10)}`
        : `4${random.token(8, BASE52)}z${random.token(4, BASE52)}`;
      return answer(250, '2.0.0', `Ok: queued as ${id}`);
    }
  }
}

export function greylisted(random: Random, recipient: string): Result {
  return random.pick([
    answer(450, '4.2.0', `<${recipient}>: Recipient address rejected: Greylisted for 300 seconds`),
    answer(451, '4.7.1', `Greylisting in action, please come back later`),
    answer(
      451,
      '4.7.1',
      `<${recipient}>: Greylisted, please try again in ${60 + random.below(240)} seconds`,
    ),
  ]);
}

export function busy(random: Random, recipient: string): Result {
  return random.pick([
    answer(452, '4.2.2', `<${recipient}>: The email account that you tried to reach is over quota`),
    answer(
      421,
      '4.7.0',
      'Our system has detected an unusual rate of unsolicited mail from your host',
    ),
    answer(451, '4.3.0', `<${recipient}>: Temporary lookup failure`),
    { kind: 'unreachable', how: 'Connection refused' },
    { kind: 'unreachable', how: 'Connection timed out' },
  ]);
}

export function refusal(random: Random, recipient: string): Result {
  return random.pick([
    answer(
      550,
      '5.1.1',
      `<${recipient}>: Recipient address rejected: User unknown in virtual mailbox table`,
    ),
    answer(550, '5.1.1', `<${recipient}> User unknown`),
    answer(
      550,
      '5.1.10',
      `RESOLVER.ADR.RecipientNotFound; Recipient ${recipient} not found by SMTP address lookup`,
    ),
    answer(550, '5.2.1', 'The email account that you tried to reach is disabled'),
    answer(552, '5.2.2', `<${recipient}>: Quota exceeded (mailbox for user is full)`),
    answer(
      554,
      '5.7.1',
      `<${recipient}>: Message rejected due to content restrictions, see postmaster page`,
    ),
  ]);
}

/** Message-ids as the usual programs make them; each is unique for all practical purposes. */
export function makeMessageId(random: Random, host: string, now: number): string {
  switch (random.below(5)) {
    case 0:
      return `<CA${random.token(48)}@mail.${host}>`;
    case 1: {
      const exchange = `${random.hex(2)}0PR${random.hex(2)}MB${1000 + random.below(8999)}`;
      return `<${exchange}${random.hex(26)}@${exchange}.eurprd.example>`;
    }
    case 2: {
      const uuid = [8, 4, 4, 4, 12].map((length) => random.hex(length).toLowerCase());
      return `<${uuid.join('-')}@${host}>`;
    }
    case 3:
      return `<${now}.${random.below(1e9)}.${random.below(1e6)}@${host}>`;
    default:
      return `<${random.hex(16)}.${random.token(22)}@${host}>`;
  }
}
