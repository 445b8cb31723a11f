#!/usr/bin/env node
/**
 * What `maillog` on the PATH is: `main.ts`, and for the daemon what has to be so before it. A CommonJS module,
 * since Node reads ES modules through libuv's pool of threads, and the size of that is settled with its first
 * use: four, of which a running query holds one.
 */
const POOL_THREADS = '12';

if (process.argv[2] === 'serve') {
  process.env.UV_THREADPOOL_SIZE ??= POOL_THREADS;
  // Until the daemon listens for it, the signal would open Node's debugger.
  process.on('SIGUSR1', () => undefined);
}
void import('./main.ts');
