#!/usr/bin/env node
/**
 * The command `mailstats`: joins src/cli/mailstats.ts to the process. It imports little else, to start fast.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { runMailstats } from './mailstats.ts';
import { zoneName } from './zone-name.ts';

function writer(stream: NodeJS.WriteStream): (bytes: Uint8Array) => Promise<void> {
  // The error comes by the callback too; unheard as an event it would end the process.
  stream.on('error', () => {});
  return (bytes) =>
    new Promise((resolve, reject) => {
      stream.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
}

// Setting TZ is enough: Node then forgets the zone it started in.
const zone = zoneName(process.env.TZ ?? '');
if (zone !== null) process.env.TZ = zone;

process.exitCode = await runMailstats(process.argv.slice(2), {
  stdout: writer(process.stdout),
  stderr: writer(process.stderr),
  now: () => BigInt(Math.floor(Date.now() / 1000)),
  sleep: (milliseconds) => sleep(milliseconds),
});
