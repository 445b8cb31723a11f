/**
 * Real programs out of Debian packages, to hold ours against: packages are downloaded and unpacked below
 * the system's temporary folder. Nothing is installed or started, and no service, user or /etc file is made.
 *
 * Promises: a folder is whole or absent, also when several test files ask at once; a folder that another
 * user could have written is refused, since tests run what is in it.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** What apt prints is read, so in no language but its own. */
const APT_ENVIRONMENT = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+$/;

/**
 * The folder with the packages' files (`usr/...`), and with those of every package they depend on that
 * this machine lacks. Rejects where apt cannot give them.
 */
export async function extractDebianPackages(names: readonly string[]): Promise<string> {
  const wrong = names.find((name) => !PACKAGE_NAME.test(name));
  if (wrong !== undefined) throw new Error(`not a Debian package name: ${wrong}`);
  const hash = createHash('sha256')
    .update([...names].sort().join(' '))
    .digest('hex')
    .slice(0, 16);
  const folder = join(tmpdir(), `maillog-debian-${hash}`);
  if (await isOurs(folder)) return folder;
  const work = await mkdtemp(`${folder}-`);
  try {
    const root = join(work, 'root');
    await mkdir(root);
    await downloadInto(work, names);
    for (const file of await readdir(work)) {
      if (file.endsWith('.deb')) await run('dpkg', ['-x', join(work, file), root]);
    }
    await moveIntoPlace(root, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}

/**
 * The same for a test that can do without: where the packages cannot be had it is skipped and says why.
 * In CI it fails instead, so that a comparison never goes missing unseen.
 */
export async function debianPackagesOrSkip(
  t: TestContext,
  names: readonly string[],
): Promise<string | undefined> {
  try {
    if (process.getuid?.() !== 0) throw new Error('needs root');
    return await extractDebianPackages(names);
  } catch (error) {
    if (process.env.CI) throw error;
    const why = error instanceof Error ? error.message : String(error);
    t.skip(`no ${names.join(', ')} from Debian to compare with: ${why}`);
    return undefined;
  }
}

/** The environment in which an unpacked program finds its unpacked libraries. */
export async function debianEnvironment(folder: string): Promise<Record<string, string>> {
  const libraries: string[] = [];
  for (const base of [join(folder, 'usr/lib'), join(folder, 'lib')]) {
    const entries = await readdir(base).catch(() => []);
    libraries.push(
      ...entries.filter((entry) => entry.includes('-linux-')).map((e) => join(base, e)),
    );
  }
  return {
    PATH: `${join(folder, 'usr/sbin')}:${join(folder, 'usr/bin')}:${process.env.PATH ?? ''}`,
    LD_LIBRARY_PATH: libraries.join(':'),
  };
}

async function isOurs(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => null);
  if (found === null) return false;
  const isSafe =
    found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
  if (!isSafe) throw new Error(`${folder} is not a folder that only we can write`);
  return true;
}

/** A machine fresh from its image has no package lists yet: then they are fetched, once. */
async function downloadInto(work: string, names: readonly string[]): Promise<void> {
  const download = async () => {
    const packages = [...new Set([...names, ...(await lackingPackages(names))])];
    await run('apt-get', ['-qq', 'download', ...packages], { cwd: work, env: APT_ENVIRONMENT });
  };
  await download().catch(async () => {
    await run('apt-get', ['-qq', 'update'], { env: APT_ENVIRONMENT });
    await download();
  });
}

/** From a dry run: "Inst NAME (NEW ..." is lacking, "Inst NAME [OLD] (NEW ..." is here already. */
async function lackingPackages(names: readonly string[]): Promise<string[]> {
  const dryRun = ['install', '-s', '--no-install-recommends', ...names];
  const { stdout } = await run('apt-get', dryRun, {
    env: APT_ENVIRONMENT,
    maxBuffer: 16 * 1024 * 1024,
  });
  return [...stdout.matchAll(/^Inst (\S+) \(/gm)].map(([, name = '']) => name);
}

/** Another test file may have been faster: then its folder is as good. */
async function moveIntoPlace(root: string, folder: string): Promise<void> {
  try {
    await rename(root, folder);
  } catch (error) {
    if (!(await isOurs(folder))) throw error;
  }
}
