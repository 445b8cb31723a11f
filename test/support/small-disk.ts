/** A disk of a given size in memory, to be filled: for root only, who alone may mount one. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class SmallDisk {
  readonly path: string;
  readonly #ballast: string;

  private constructor(path: string) {
    this.path = path;
    this.#ballast = join(path, 'ballast');
  }

  /** Undefined where this user may not mount. */
  static mount(path: string, megabytes: number): SmallDisk | undefined {
    mkdirSync(path);
    try {
      const options = ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path];
      execFileSync('mount', options, { stdio: 'ignore' });
    } catch {
      return undefined;
    }
    return new SmallDisk(path);
  }

  get free(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  /** Leaves this much room. */
  fill(free: number): void {
    writeFileSync(this.#ballast, Buffer.alloc(Math.max(0, this.free - free)));
  }

  clear(): void {
    rmSync(this.#ballast, { force: true });
  }

  unmount(): void {
    execFileSync('umount', [this.path]);
  }
}
