/** maillog's own version, as in package.json. */
import { readFileSync } from 'node:fs';

interface PackageFile {
  readonly version: string;
}

/** package.json stands above both the sources and the built files. */
function readVersion(): string {
  for (const place of ['../../package.json', '../../../package.json']) {
    try {
      const text = readFileSync(new URL(place, import.meta.url), 'utf8');
      return (JSON.parse(text) as PackageFile).version;
    } catch {
      // Not here: the other place has it.
    }
  }
  return 'unknown';
}

export const VERSION = readVersion();
