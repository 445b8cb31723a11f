/** Why an address could not be listened on, in words that say what to do. */
import { formatListenAddress, type ListenAddress } from './address.ts';

const HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there already',
  EACCES: 'permission denied; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE',
  EPERM: 'permission denied',
  EADDRNOTAVAIL: 'this host has no such address',
  ENOTFOUND: 'the name is not known',
  EAFNOSUPPORT: 'this host does not speak that protocol',
};

export function explainBindError(error: Error, address: ListenAddress): Error {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const why = HINTS[code] ?? error.message;
  return new Error(`cannot listen on ${formatListenAddress(address)}: ${why}`, { cause: error });
}
