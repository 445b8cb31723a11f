/**
 * How many UDP datagrams the kernel dropped because a socket's buffer was full: the last column of Linux'
 * /proc/net/udp and /proc/net/udp6 (proc_net_udp(5)).
 */
import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { endianness } from 'node:os';

/** Of the sockets bound to this address and port; undefined where the system does not tell. */
export function kernelDrops(address: string, port: number): number | undefined {
  try {
    const table = readFileSync(isIPv6(address) ? '/proc/net/udp6' : '/proc/net/udp', 'latin1');
    return dropsIn(
      table,
      `${hexAddress(address)}:${port.toString(16).padStart(4, '0').toUpperCase()}`,
    );
  } catch {
    return undefined;
  }
}

/** The sum over all rows with this local address; undefined where there is none. */
export function dropsIn(table: string, local: string): number | undefined {
  let sum: number | undefined;
  for (const row of table.split('\n').slice(1)) {
    const columns = row.trim().split(/\s+/);
    if (columns[1] !== local) continue;
    const drops = Number(columns.at(-1));
    if (Number.isSafeInteger(drops)) sum = (sum ?? 0) + drops;
  }
  return sum;
}

/** Words of 32 bits as the machine has them in memory, in capitals. */
export function hexAddress(address: string): string {
  const bytes = isIPv6(address) ? ipv6Bytes(address) : address.split('.').map(Number);
  const words: string[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    const word = bytes.slice(at, at + 4);
    if (endianness() === 'LE') word.reverse();
    words.push(word.map((byte) => byte.toString(16).padStart(2, '0')).join(''));
  }
  return words.join('').toUpperCase();
}

function ipv6Bytes(address: string): number[] {
  const [bare = ''] = address.split('%');
  // As a URL has it, a dotted end becomes two groups.
  const groups = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const [front = '', back] = groups.split('::');
  const head = front.split(':').filter(Boolean);
  const tail = (back ?? '').split(':').filter(Boolean);
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  return [...head, ...zeros, ...tail].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
