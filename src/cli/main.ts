#!/usr/bin/env node
/** The command `maillog`: the process's edges, and nothing else. The commands are in `program.ts`. */
import { processIo } from './io.ts';
import { runMaillog } from './program.ts';
import { zoneName } from './zone-name.ts';

const { TZ } = process.env;
const zone = TZ === undefined ? null : zoneName(TZ);
if (zone !== null) process.env.TZ = zone;

process.exitCode = await runMaillog(process.argv.slice(2), processIo());
