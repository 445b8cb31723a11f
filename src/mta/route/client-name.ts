/**
 * The name of a connecting client: what the DNS calls its address, if that name leads back to the address
 * (RFC 1912 2.1). sendmail's ${client_name} and ${client_resolve}.
 *
 * Promises: an answer within the time given; a name never holds anything but what a host's name may hold.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ClientResolution } from '../model.ts';
import type { NameService } from './dns.ts';
import { addressLiteral, fullAddress } from './ip.ts';

export interface ClientNames {
  readonly dns: NameService;
  readonly timeoutMs: number;
}

const HOST_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_])?$/;

type Named = Pick<Client, 'name' | 'resolution'>;

export async function nameClient(
  { dns, timeoutMs }: ClientNames,
  peer: { readonly address: string; readonly port: number },
): Promise<Client> {
  const address = fullAddress(peer.address);
  const unnamed = (resolution: ClientResolution): Named => ({
    name: addressLiteral(address),
    resolution,
  });
  const inTime = new AbortController();
  const late = sleep(timeoutMs, unnamed('TEMP'), { signal: inTime.signal });
  // Nobody waits for it any more once it is called off.
  late.catch(() => undefined);
  const named = await Promise.race([nameOf(dns, address, unnamed), late]);
  inTime.abort();
  return { address, port: peer.port, ...named };
}

async function nameOf(
  dns: NameService,
  address: string,
  unnamed: (resolution: ClientResolution) => Named,
): Promise<Named> {
  const names = await dns.names(address);
  if (names.kind === 'temporary') return unnamed('TEMP');
  const name = names.kind === 'found' ? names.value[0]?.replace(/\.$/, '') : undefined;
  if (name === undefined || !HOST_NAME.test(name)) return unnamed('FAIL');
  const back = await dns.addresses(name);
  const isSame = back.kind === 'found' && back.value.includes(address);
  return { name, resolution: isSame ? 'OK' : 'FORGED' };
}
