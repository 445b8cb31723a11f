/**
 * makemap(8): makes a map's file from its source text, and lists one (`-u`). Messages and exit codes are
 * makemap's own; what is written is always a cdb file, whatever type is asked for, since it is what we
 * write; hash, btree and cdb can be listed.
 *
 * Promises: the file is replaced as a whole or not at all; lines that are no entries are left out, told of,
 * and make the exit code 65 (EX_DATAERR), as with makemap.
 */
import { writeCdb } from './cdb.ts';
import { foldCase, type MapEntry, MapError } from './keyed-map.ts';
import { readMapFile } from './open-map.ts';
import { type MapTextOptions, type ParsedMap, parseMapText } from './text-map.ts';

export interface MakemapOptions extends MapTextOptions {
  /** All values of a key are kept (-d). */
  readonly keepsDuplicates?: boolean;
  /** A NUL is written behind keys and values (-N). */
  readonly addsNul?: boolean;
  /** What the file has already stays in it (-o). */
  readonly appends?: boolean;
  /** A later value of a key takes the place of an earlier one (-r). */
  readonly replaces?: boolean;
}

export interface MakemapResult {
  readonly exitCode: 0 | 65 | 66 | 73;
  /** For standard error, a line each. */
  readonly messages: readonly string[];
  /** The entries of the file as it is now. */
  readonly entries: readonly MapEntry[];
}

/** `output` without its ending `.cdb`, as makemap is given it. */
export async function makemap(
  output: string,
  source: string,
  options: MakemapOptions = {},
): Promise<MakemapResult> {
  const path = output.endsWith('.cdb') ? output : `${output}.cdb`;
  const name = output.endsWith('.cdb') ? output.slice(0, -4) : output;
  const messages: string[] = [];
  try {
    const old = options.appends === true ? await oldEntries(path) : [];
    const { entries, problems } = joinEntries(old, parseMapText(source, options), options);
    for (const { line, text } of problems) messages.push(`makemap: ${name}: line ${line}: ${text}`);
    const nul = options.addsNul === true ? '\0' : '';
    await writeCdb(
      path,
      entries.map(({ key, value }) => ({ key: key + nul, value: value + nul })),
    );
    return { exitCode: messages.length === 0 ? 0 : 65, messages, entries };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    messages.push(`makemap: error opening type cdb map ${name}: ${why}`);
    return { exitCode: 73, messages, entries: [] };
  }
}

/** All entries of a map's file, as `makemap -u` prints them. Rejects with MapError. */
export async function unmakemap(path: string): Promise<string> {
  const entries = await readMapFile(path);
  return entries.map(({ key, value }) => `${key}\t${value}\n`).join('');
}

async function oldEntries(path: string): Promise<MapEntry[]> {
  try {
    return await readMapFile(path);
  } catch (error) {
    if (error instanceof MapError && error.cause === 'absent') return [];
    throw error;
  }
}

interface Joined {
  readonly entries: readonly MapEntry[];
  readonly problems: readonly { readonly line: number; readonly text: string }[];
}

function joinEntries(old: readonly MapEntry[], parsed: ParsedMap, options: MakemapOptions): Joined {
  const problems = [...parsed.problems];
  const entries: MapEntry[] = [...old];
  const places = new Map(old.map(({ key }, index) => [foldIf(key, options), index]));
  for (const entry of parsed.entries) {
    const { key, value, line } = entry;
    const place = places.get(foldIf(key, options));
    if (place !== undefined && options.keepsDuplicates !== true) {
      if (options.replaces === true) entries[place] = { key, value };
      else problems.push({ line, text: `key ${key}: duplicate key`, isWarning: true });
      continue;
    }
    if (place === undefined) places.set(foldIf(key, options), entries.length);
    entries.push({ key, value });
  }
  problems.sort((a, b) => a.line - b.line);
  return { entries, problems };
}

function foldIf(key: string, options: MakemapOptions): string {
  return options.keepsCase === true ? key : foldCase(key);
}
