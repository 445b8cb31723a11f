/**
 * TZ may name a time zone by its file (tzset(3)): `:/etc/localtime`, `/usr/share/zoneinfo/Europe/Paris`.
 * Node takes such a path for a zone without summer time, so it has to be told the zone's name.
 */
import { realpathSync } from 'node:fs';

/** Below the zone tables; `posix/` holds the same zones once more. */
const ZONE_FILE = /\/zoneinfo\/(?:posix\/)?(.+)$/;

/** The name of the zone whose file TZ is; null if TZ is no such file, and then stays as it is. */
export function zoneName(tz: string): string | null {
  const path = tz.startsWith(':') ? tz.slice(1) : tz;
  if (!path.startsWith('/')) return null;
  try {
    return ZONE_FILE.exec(realpathSync(path))?.[1] ?? null;
  } catch {
    return null;
  }
}
