/** Files of a lab's site that both servers see at the same place: `/srv/lab` and what is in the homes. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeCertificates } from '../certificates.ts';
import type { SiteConfig } from './scenario.ts';
import { LAB_USERS } from './users.ts';

/** `lab` and `homes` are where they are now. */
export function fillSite(lab: string, homes: string, site: SiteConfig): void {
  mkdirSync(join(lab, 'out'), { recursive: true });
  // Whoever a file is delivered as.
  chmodSync(join(lab, 'out'), 0o777);
  for (const [name, text] of Object.entries(site.files ?? {})) {
    const path = join(lab, name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileSync(path, text, { mode: name.startsWith('bin/') ? 0o755 : 0o644 });
  }
  for (const [name, text] of Object.entries(site.homes ?? {})) {
    const path = join(homes, name);
    writeFileSync(path, text, { mode: 0o644 });
    const id = 1000 + LAB_USERS.indexOf(dirname(name));
    for (const owned of [path, dirname(path)]) chownSync(owned, id, id);
  }
  if (site.certificates === true) {
    makeCertificates(lab);
    for (const name of ['ca.key', 'server.key', 'client.key', 'stranger.key']) {
      execFileSync('chmod', ['600', join(lab, name)]);
    }
  }
}
