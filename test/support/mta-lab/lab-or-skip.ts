/** Whether the lab can be made here. Where not, the test is skipped and says why; in CI it fails. */
import type { TestContext } from 'node:test';
import { debianPackagesOrSkip, extractDebianPackages } from '../debian-package.ts';
import { whyNoNamespaces } from '../real-sendmail.ts';
import { LAB_PACKAGES } from './lab.ts';

/** The folder with sendmail's programs. */
export const labPackages = (): Promise<string> => extractDebianPackages(LAB_PACKAGES[0]);

export async function labOrSkip(t: TestContext): Promise<boolean> {
  for (const names of LAB_PACKAGES) {
    if ((await debianPackagesOrSkip(t, names)) === undefined) return false;
  }
  const why = whyNoNamespaces();
  if (why === undefined) return true;
  if (process.env.CI) throw new Error(why);
  t.skip(why);
  return false;
}
