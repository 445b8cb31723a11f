/** Whether what follows HELO or EHLO can be a host's name, as sendmail judges it. */
import type { Reply } from '../model.ts';

const MOST_BYTES = 256;

/** The refusal; null for a name that is taken. `command` as typed. */
export function heloProblem(command: string, argument: string): Reply | null {
  const name = argument.trim();
  if (name === '') {
    return { code: 501, status: '5.0.0', text: `${command} requires domain address` };
  }
  // sendmail looks no closer: letters, digits and these, in any order.
  if (name.length > MOST_BYTES || !/^[A-Za-z0-9[\]._:#-]+$/.test(name)) {
    return { code: 501, status: '5.0.0', text: 'Invalid domain name' };
  }
  return null;
}
