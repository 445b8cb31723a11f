/** Addresses and names of the configuration, looked at before anything is opened: a mistake costs nothing. */
import { readFileSync } from 'node:fs';
import {
  LISTEN_FORMS,
  type ListenAddress,
  parseListenAddress,
} from '../../../ingest/listen/address.ts';
import { SETTINGS, type SettingName } from '../../config/settings.ts';
import type { MaillogError } from '../../model/errors.ts';
import { maillogError } from '../../model/errors.ts';

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

const HTTP = /^(?:(?:\[([0-9a-f:.]+)\]|([^:[\]/\s]+)):)?(\d{1,5})$/i;
const LARGEST_PORT = 65_535;
/** (gid_t)-1 stands for "leave it as it is" in chown(2). */
const LARGEST_GROUP = 2 ** 32 - 2;

export function listenAddress(text: string, where: string): ListenAddress {
  const parsed = parseListenAddress(text);
  if (parsed.ok) return parsed.address;
  throw badSetting('listen', text, { where, allowed: LISTEN_FORMS });
}

/** `127.0.0.1:9090`, `[::1]:9090`, or a port on loopback. */
export function httpAddress(text: string, where: string): HostAndPort {
  const match = HTTP.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > LARGEST_PORT) {
    const allowed = 'ADDRESS:PORT, such as 127.0.0.1:9090 or [::1]:9090';
    throw badSetting('http', text, { where, allowed });
  }
  return { host: match[1] ?? match[2] ?? '127.0.0.1', port };
}

/** The number of a group by its name, group(5), or by itself. */
export function groupNumber(group: string, where: string): number {
  const number = /^\d{1,10}$/.test(group) ? Number(group) : groupsOfSystem().get(group);
  if (number !== undefined && number <= LARGEST_GROUP) return number;
  const allowed = 'a group of /etc/group, or the number of one';
  throw badSetting('group', group, { where, allowed });
}

function groupsOfSystem(): ReadonlyMap<string, number> {
  const lines = readFileSync('/etc/group', 'utf8').split('\n');
  // name:password:GID:members
  return new Map(
    lines.flatMap((line) => {
      const [name = '', , gid = ''] = line.split(':');
      return /^\d+$/.test(gid) ? [[name, Number(gid)] as const] : [];
    }),
  );
}

interface Mistake {
  readonly where: string;
  readonly allowed: string;
}

function badSetting(name: SettingName, value: string, { where, allowed }: Mistake): MaillogError {
  const shown = JSON.stringify(value);
  return maillogError('E_BAD_SETTING', { where, key: SETTINGS[name].key, value: shown, allowed });
}
