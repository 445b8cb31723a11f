/** How logs are read, by the settings in force: the parser with its dialects, and the clock of its stamps. */
import { BlockParser } from '../../ingest/pipeline/block-parser.ts';
import type { ClockOptions } from '../../ingest/pipeline/clock.ts';
import { SendmailDialect } from '../../ingest/sendmail/sendmail-dialect.ts';
import type { Settings } from '../config/settings.ts';
import { isMta } from '../model/vocabulary.ts';
import { fromWallClock } from '../model/zone.ts';

/** What of the configuration decides on reading; plain, so that it can be handed to a thread. */
export interface Reading {
  readonly settings: Pick<Settings, 'dialect' | 'hostAliases' | 'year' | 'unparsedLines'>;
  /** The site's zone. */
  readonly zone: string;
  /** Whether it was given for this log: then it is the log's for certain. */
  readonly isZoneGiven: boolean;
}

export function makeParser({ settings }: Reading, clock: ClockOptions): BlockParser {
  const { dialect, hostAliases } = settings;
  return new BlockParser(
    {
      dialects: [(block) => new SendmailDialect(block)],
      forced: dialect !== null && isMta(dialect) ? dialect : undefined,
      hostAliases: new Map(Object.entries(hostAliases)),
    },
    clock,
  );
}

/** `latest`: the latest time a line can bear, epoch seconds. */
export function clockOptions(
  { settings, zone, isZoneGiven }: Reading,
  latest: number,
): ClockOptions {
  return {
    year: settings.year ?? undefined,
    zone: isZoneGiven ? civilOffset(zone) : undefined,
    defaultZone: civilOffset(zone),
    latest,
  };
}

/** Offset in seconds of a zone at a civil time; remembered for a quarter of an hour. */
function civilOffset(zone: string): (civil: number) => number {
  let key = Number.NaN;
  let offset = 0;
  return (civil) => {
    const quarter = Math.floor(civil / 900);
    if (quarter !== key) {
      key = quarter;
      offset = quarter * 900 - fromWallClock(quarter * 900_000, zone) / 1000;
    }
    return offset;
  };
}
