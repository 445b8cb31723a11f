/** The MTA's tables: aliases checked (newaliases), maps made (makemap), passwords set. */
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import type { MtaConfig } from '../../config/mta-config.ts';
import type { ExitCode } from '../../model/errors.ts';
import { fileError, maillogError } from '../../model/errors.ts';
import { parseAliases } from '../../mta/aliases/alias-file.ts';
import { passwordEntry, withEntry } from '../../mta/auth/password-file.ts';
import { makemap } from '../../mta/map/makemap.ts';
import type { CommandContext } from '../context.ts';
import { complain, print } from '../io.ts';
import { openMtaLog } from '../mta/open-log.ts';
import { mtaPlace } from '../mta/place.ts';
import type { Options, ProgramExit } from '../program.ts';
import { writeAside } from '../write-aside.ts';

/** Aliases need no rebuilding here: they are read as they stand. What is wrong with them is said all the same. */
export async function runNewaliases(context: CommandContext, options: Options): Promise<ExitCode> {
  const { io, zone } = context;
  const place = mtaPlace(io, options);
  const { AliasFile: files } = place.config;
  if (files.length === 0) throw unset('AliasFile', place.path);
  const tell = (text: string) => void complain(io, text);
  const { log, close } = openMtaLog(place, zone, tell, 'sendmail');
  let errors = 0;
  try {
    for (const file of files) {
      const { errors: found, counts } = parseAliases(readText(file));
      for (const { line, text } of found) await complain(io, `${file}: line ${line}: ${text}`);
      errors += found.length;
      const by = userName(io.env.USER);
      log.aliasesRebuilt(file, by, counts);
      const { aliases, longest, bytes } = counts;
      await print(
        io,
        `alias database ${file} rebuilt by ${by}\n${file}: ${aliases} aliases, longest ${longest} bytes, ${bytes} bytes total\n`,
      );
    }
  } finally {
    await close();
  }
  return errors === 0 ? 0 : 1;
}

export async function runMakemap(
  { io }: CommandContext,
  _options: Options,
  [type = '', name = '']: readonly string[],
): Promise<ProgramExit> {
  const types = ['hash', 'btree', 'dbm', 'cdb'];
  if (!types.includes(type)) {
    throw maillogError('E_UNKNOWN_NAME', { kind: 'map type', name: type, known: types.join(', ') });
  }
  const path = resolve(io.cwd, name).replace(/\.(?:db|cdb)$/, '');
  const source = (await readBytes(io.stdin)).toString('latin1');
  const { exitCode, messages, entries } = await makemap(path, source);
  for (const message of messages) await complain(io, message);
  if (exitCode === 73) return exitCode;
  const note = type === 'cdb' ? '' : `: ${type} is not written here, and cdb is read as well`;
  await print(io, `${path}.cdb written, ${entries.length} entries${note}\n`);
  if (existsSync(`${path}.db`)) {
    await complain(io, `${path}.db is there, too: the newer one of the two is read`);
  }
  return exitCode;
}

export async function runPasswd(
  { io }: CommandContext,
  options: Options,
  [user = '']: readonly string[],
): Promise<ExitCode> {
  const place = mtaPlace(io, options);
  const { AuthFile: file } = place.config;
  if (file === null) throw unset('AuthFile', place.path);
  if (io.isTerminal.stdin)
    await complain(io, `password of ${user} (shown as you type), then Enter:`);
  const password = await firstLine(io.stdin);
  const entry = await entryOf(user, password, options.plain === true);
  const before = existsSync(file) ? readText(file) : '';
  writeAside(file, withEntry(before, entry), 0o600);
  chmodSync(file, 0o600);
  await print(io, `${file}: password of ${user} set; the MTA reads it at SIGHUP\n`);
  return 0;
}

async function entryOf(user: string, password: string, isPlain: boolean): Promise<string> {
  try {
    return await passwordEntry(user, password, isPlain ? 'PLAIN' : 'SCRYPT');
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw maillogError('E_USAGE', { problem }, error);
  }
}

/** Without waiting for the end of the input: somebody may type it. */
async function firstLine(stream: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    text += typeof chunk === 'string' ? chunk : chunk.toString('latin1');
    if (text.includes('\n')) break;
  }
  return (text.split('\n', 1)[0] ?? '').replace(/\r$/, '');
}

async function readBytes(stream: AsyncIterable<Buffer | string>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Buffer));
  return Buffer.concat(chunks);
}

function unset(key: keyof MtaConfig, path: string): Error {
  return maillogError('E_USAGE', { problem: `${path} sets no ${key}` });
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw fileError(error, path);
  }
}

function userName(fallback: string | undefined): string {
  try {
    return userInfo().username;
  } catch {
    return fallback ?? 'root';
  }
}
