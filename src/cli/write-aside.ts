/** Writes a file so that a reader finds the old one or the new one, never half: aside, fsync, rename. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { fileError } from '../model/errors.ts';

export function writeAside(path: string, text: string, mode = 0o644): void {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    const descriptor = openSync(aside, 'w', mode);
    try {
      writeSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw fileError(error, path);
  }
}
