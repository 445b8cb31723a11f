/**
 * `maillog mta start`: the mail server in the foreground, until SIGTERM or SIGINT; a second one ends it at once.
 * SIGHUP begins it again with the configuration as it is now, in the same process, as sendmail does; SIGUSR1 tries
 * all that waits in the queue.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ExitCode, fileError } from '../../model/errors.ts';
import { Mta } from '../../mta/mta.ts';
import type { ListeningOn } from '../../mta/session/server.ts';
import type { CommandContext } from '../context.ts';
import { complain, print } from '../io.ts';
import { explainStart } from '../mta/explain-start.ts';
import { type MtaPlace, mtaPlace } from '../mta/place.ts';
import type { Options } from '../program.ts';
import { Lifetime, type LifetimeLog, type Living } from '../serve/lifetime.ts';
import { VERSION } from '../version.ts';

export async function runMtaStart(context: CommandContext, options: Options): Promise<ExitCode> {
  const { io } = context;
  const log: LifetimeLog = {
    info: (details, text) => void complain(io, sentence(details, text)),
    error: (details, text) => void complain(io, sentence(details, text)),
  };
  const daemon = new MtaDaemon(context, () => mtaPlace(io, options));
  const code = await new Lifetime(daemon, { log, process }).run();
  // A session or a delivery that hangs may have left handles open that would keep the process.
  if (code !== 0) process.exit(code);
  return code;
}

function sentence(details: object, text: string): string {
  const words = Object.entries(details).map(([key, value]) => `${key} ${value}`);
  return words.length === 0 ? text : `${text} (${words.join(', ')})`;
}

class MtaDaemon implements Living {
  readonly #context: CommandContext;
  readonly #readPlace: () => MtaPlace;
  #place: MtaPlace | undefined;
  #mta: Mta | undefined;

  constructor(context: CommandContext, readPlace: () => MtaPlace) {
    this.#context = context;
    this.#readPlace = readPlace;
  }

  async start(signal: AbortSignal): Promise<void> {
    const place = this.#readPlace();
    await this.#begin(place);
    signal.throwIfAborted();
    if (place.file === null) {
      await this.#say(`no ${place.path}: a try-out, which takes mail from this machine only`);
    }
  }

  async stop(): Promise<boolean> {
    const mta = this.#mta;
    this.#mta = undefined;
    await mta?.stop('SIGTERM');
    return true;
  }

  /** A configuration that cannot be read changes nothing; one that cannot be used gives way to the one before. */
  async reload(): Promise<void> {
    const before = this.#place;
    const after = this.#readPlace();
    await this.#mta?.stop('SIGHUP');
    this.#mta = undefined;
    try {
      await this.#begin(after);
    } catch (error) {
      if (before !== undefined) await this.#begin(before);
      throw error;
    }
    await this.#say('configuration, tables and log opened again');
  }

  async tell(): Promise<void> {
    await this.#say('all that waits is tried');
    await this.#mta?.flush();
  }

  async #begin(place: MtaPlace): Promise<void> {
    prepareFolders(place);
    const { StatusFile: status } = place.config;
    if (status !== null && !existsSync(status)) {
      await this.#warn(`${status} does not exist: no statistics are kept ("touch" makes it)`);
    }
    const { config, stateFolder } = place;
    const onProblem = (text: string) => void this.#warn(text);
    const around = { stateFolder, zone: this.#context.zone, version: VERSION, onProblem };
    const { mta, listening } = await explainStart(async () => {
      const made = new Mta(config, around);
      return { mta: made, listening: await made.start() };
    });
    this.#place = place;
    this.#mta = mta;
    for (const one of listening) await this.#say(`listening on ${addressOf(one)} (${one.name})`);
    await this.#say(`queue ${mta.queueFolder}, log ${logOf(place)}`);
  }

  #say(text: string): Promise<void> {
    return print(this.#context.io, `${text}\n`);
  }

  #warn(text: string): Promise<void> {
    return complain(this.#context.io, text);
  }
}

/** Of a try-out all is its own; elsewhere only what nobody else makes. */
function prepareFolders({ file, stateFolder, config }: MtaPlace): void {
  if (file !== null) return;
  try {
    mkdirSync(join(stateFolder, 'mail'), { recursive: true, mode: 0o700 });
    const { StatusFile: status } = config;
    if (status !== null && !existsSync(status)) writeFileSync(status, '', { mode: 0o640 });
  } catch (error) {
    throw fileError(error, stateFolder);
  }
}

function addressOf({ host, port }: ListeningOn): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function logOf({ config: { LogFile: file, Syslog: syslog } }: MtaPlace): string {
  const places = [file, syslog].filter((one) => one !== null);
  return places.length === 0 ? 'nowhere (neither LogFile nor Syslog is set)' : places.join(', ');
}
