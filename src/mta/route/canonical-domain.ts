/**
 * The name that a domain of an address has in the DNS: where it is an alias, what it stands for. sendmail's
 * rules write it into addresses unless a configuration says FEATURE(nocanonify).
 *
 * Promises: a name that leads nowhere stays as it is; a name server that cannot say is told from one that says no.
 */
import type { NameService } from './dns.ts';

export type CanonicalDomain =
  | { readonly kind: 'name'; readonly name: string }
  /** Nobody can say now: mail for it waits (`Recipient ok (will queue)`). */
  | { readonly kind: 'temporary' };

export async function canonicalDomain(dns: NameService, domain: string): Promise<CanonicalDomain> {
  const asIs: CanonicalDomain = { kind: 'name', name: domain };
  // sendmail would look for these in the local domain, and for UUCP's hosts nowhere.
  if (!domain.includes('.') || /\.uucp$/i.test(domain)) return asIs;
  const mx = await dns.mx(domain);
  if (mx.kind === 'temporary') return mx;
  const target = await dns.canonicalName(domain);
  if (mx.kind === 'found') return isSame(target, domain) ? asIs : { kind: 'name', name: target };
  const addresses = await dns.addresses(domain);
  if (addresses.kind === 'temporary') return addresses;
  const isAlias = addresses.kind === 'found' && !isSame(target, domain);
  return isAlias ? { kind: 'name', name: target } : asIs;
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
