/** `O DaemonPortOptions` (op.me): where the MTA listens, `Name=MTA-v4, Addr=127.0.0.1, Port=25, M=a`. */
import type { DaemonOptions } from './session/parts.ts';

const SERVICES: Readonly<Record<string, number>> = {
  smtp: 25,
  submission: 587,
  smtps: 465,
  submissions: 465,
};

/** Throws an Error that says what is wrong. The names of unnamed ones are sendmail's. */
export function daemonOptions(lines: readonly string[]): readonly DaemonOptions[] {
  return lines.map((line, index) => parse(line, `Daemon${index}`));
}

function parse(line: string, unnamed: string): DaemonOptions {
  const values = new Map<string, string>();
  for (const part of line.split(',')) {
    const [name = '', ...rest] = part.split('=');
    const value = rest.join('=').trim();
    if (name.trim() === '' || value === '') throw new Error(`DaemonPortOptions: ${part.trim()}?`);
    // sendmail looks at the first letter only.
    values.set(name.trim().charAt(0).toUpperCase(), value);
  }
  const modifiers = values.get('M') ?? '';
  const isV6 = /6/.test(values.get('F') ?? '');
  const port = portOf(values.get('P') ?? 'smtp');
  return {
    name: (values.get('N') ?? unnamed).slice(0, 20),
    host: (values.get('A') ?? (isV6 ? '::' : '0.0.0.0')).replace(/^IPv6:/i, ''),
    port,
    isTls: modifiers.includes('s'),
    isAuthRequired: modifiers.includes('a'),
    isSubmission: modifiers.includes('E') || port === 587,
  };
}

function portOf(text: string): number {
  const port = SERVICES[text] ?? Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Error(`DaemonPortOptions: Port=${text} is no port`);
}
