/**
 * An afternoon of two mail servers, played: one thing after the other, at its time, in as little real time as it
 * takes. All of it is in one folder and on the loopback, and over when `play` resolves.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { readMtaConfig } from '../../../config/mta-config.ts';
import { Mta } from '../../../mta/mta.ts';
import { VERSION } from '../../version.ts';
import { Chance } from './chance.ts';
import { type Seen, sendMail } from './client.ts';
import { MoodyHost } from './moody-host.ts';
import { NameServer } from './name-server.ts';
import { PlayedClock } from './played-clock.ts';
import { writeCampus, writeInternet } from './sites.ts';
import { type Ports, type Scene, scenes } from './traffic.ts';
import { CAMPUS, GREY, INTERNET, LATER, SLOW, worldExchangers, worldHosts } from './world.ts';

export interface PlayRequest {
  readonly folder: string;
  /** 0: a free one. */
  readonly port: number;
  /** When the afternoon begins. */
  readonly beginsAt: number;
  readonly minutes: number;
  readonly seed: number;
  /** IANA name, of the log. */
  readonly zone: string;
  readonly onProblem: (text: string) => void;
  readonly onProgress?: (done: number, of: number) => void;
}

/** What the clients and the other hosts saw of the campus. */
export interface Played {
  readonly sessions: number;
  readonly accepted: number;
  readonly recipientsAccepted: number;
  readonly recipientsRefused: number;
  /** Connections, senders and messages that were refused as a whole. */
  readonly refused: number;
  readonly loginsFailed: number;
  readonly logins: number;
  /** Recipients that the moody hosts took a message for. */
  readonly takenElsewhere: number;
}

const MINUTE = 60_000;
const GREYLIST_MS = 5 * MINUTE;
const SLOW_MS = 25_000;
/** A message goes to and fro so often at most: list, bounce, its own bounce. */
const ROUNDS = 4;

export async function play(request: PlayRequest): Promise<Played> {
  const stops: (() => Promise<unknown>)[] = [];
  try {
    return await playOn(request, stops);
  } finally {
    for (const stop of stops.reverse()) await stop().catch(() => undefined);
  }
}

type Stops = (() => Promise<unknown>)[];

interface Stage {
  readonly clock: PlayedClock;
  readonly campus: Mta;
  readonly internet: Mta;
  readonly moody: readonly MoodyHost[];
  readonly later: MoodyHost;
  readonly ports: Ports;
}

async function playOn(request: PlayRequest, stops: Stops): Promise<Played> {
  const { beginsAt, minutes } = request;
  const stage = await setStage(request, stops);
  const { clock } = stage;
  clock.stand();
  const chance = new Chance(request.seed);
  const all = scenes(chance, stage.ports, minutes);
  const seen: Seen[] = [];
  let isLaterUp = false;
  for (const [index, scene] of all.entries()) {
    await until(stage, beginsAt + scene.at);
    if (!isLaterUp && scene.at > minutes * MINUTE * 0.55) {
      await stage.later.start(stage.ports.campus.port);
      isLaterUp = true;
    }
    const one = await sendMail(scene.mail, () => clock.take(chance.between(200, 2500)));
    if (isAtCampus(scene)) seen.push(one);
    await quiet(stage);
    request.onProgress?.(index + 1, all.length);
  }
  await until(stage, beginsAt + minutes * MINUTE);
  return summary(seen, stage);
}

/** Lets happen what is due before that time, and goes there. */
async function until(stage: Stage, time: number): Promise<void> {
  const { clock } = stage;
  while (clock.nextAlarm <= time) {
    clock.goTo(clock.nextAlarm);
    await quiet(stage);
  }
  clock.goTo(time);
}

async function quiet({ campus, internet }: Stage): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    await campus.quiet();
    await internet.quiet();
  }
}

async function setStage(request: PlayRequest, stops: Stops): Promise<Stage> {
  const names = new NameServer({ hosts: worldHosts(), exchangers: worldExchangers() });
  const nameServer = await names.start();
  stops.push(() => names.stop());
  const port = request.port === 0 ? await freePort() : request.port;
  const submissionPort = await freePort();
  const clock = new PlayedClock(request.beginsAt - 5);
  const folder = request.folder;
  mkdirSync(join(folder, 'internet'), { recursive: true });
  const paths = {
    campus: await writeCampus({ folder, port, submissionPort, nameServer }),
    internet: writeInternet({ folder: join(folder, 'internet'), port, nameServer }),
  };
  const [campus, internet] = await Promise.all([
    startMta(paths.campus, request, { clock, stops }),
    startMta(paths.internet, request, { clock, stops }),
  ]);
  const mood = (host: { host: string; address: string }) => ({
    name: host.host,
    address: host.address,
    now: clock.now,
  });
  const grey = new MoodyHost({ ...mood(GREY), greylistMs: GREYLIST_MS });
  const slow = new MoodyHost({ ...mood(SLOW), onMessage: () => clock.take(SLOW_MS) });
  const later = new MoodyHost(mood(LATER));
  for (const host of [grey, slow]) await host.start(port);
  for (const host of [grey, slow, later]) stops.push(() => host.stop());
  const ports = {
    campus: { address: CAMPUS.address, port },
    submission: { address: CAMPUS.address, port: submissionPort },
    internet: { address: INTERNET[0]?.[2] ?? '', port },
  };
  return { clock, campus, internet, moody: [grey, slow, later], later, ports };
}

async function startMta(
  path: string,
  { zone, onProblem }: PlayRequest,
  { clock, stops }: { readonly clock: PlayedClock; readonly stops: Stops },
): Promise<Mta> {
  const folder = dirname(path);
  const config = readMtaConfig(readFileSync(path, 'utf8'), path, folder);
  const mta = new Mta(config, {
    stateFolder: folder,
    zone,
    version: VERSION,
    onProblem,
    now: clock.now,
    timers: clock.timers,
  });
  await mta.start();
  stops.push(() => mta.stop('SIGTERM'));
  return mta;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ host: CAMPUS.address, port: 0 }, resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

function isAtCampus({ mail }: Scene): boolean {
  return mail.to.address === CAMPUS.address;
}

function summary(seen: readonly Seen[], { moody }: Stage): Played {
  const sum = (of: (one: Seen) => number) => seen.reduce((total, one) => total + of(one), 0);
  return {
    sessions: seen.length,
    accepted: sum(({ isAccepted }) => Number(isAccepted)),
    recipientsAccepted: sum((one) => (one.isAccepted ? one.recipientsAccepted : 0)),
    recipientsRefused: sum(({ recipientsRefused }) => recipientsRefused),
    refused: sum(({ isRefused }) => Number(isRefused)),
    loginsFailed: sum(({ isLoginRefused }) => Number(isLoginRefused)),
    logins: sum(({ isLoggedIn }) => Number(isLoggedIn)),
    takenElsewhere: moody.reduce((total, { taken }) => total + taken, 0),
  };
}
