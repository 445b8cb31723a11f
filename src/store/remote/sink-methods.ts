/** The methods of a Sink, each run in the session's own. */
import { decodeBatch } from './batch-codec.ts';
import { checkpointOf, identityOf, progressOf, textOf, wholeOf } from './params.ts';
import { encodeJson, encodeLineKeys } from './protocol.ts';
import type { Method } from './server.ts';

export function sinkMethods(): Readonly<Record<string, Method>> {
  return {
    begin: ({ session }) => session.write(async (sink) => nothing(sink.begin(session.signal))),
    commit: ({ session }) => session.write((sink) => nothing(sink.commit())),
    rollback: ({ session }) => session.write((sink) => nothing(sink.rollback())),
    correlate: ({ session }) => session.write((sink) => nothing(sink.correlate(session.signal))),
    refreshRollups: ({ session }) =>
      session.write((sink) => nothing(sink.refreshRollups(session.signal))),
    checkpoints: ({ session }) =>
      session.write(async (sink) => ({ payloads: [encodeJson(await sink.checkpoints())] })),
    checkpointOf: ({ params, session }) => {
      const digest = textOf(params.headDigest, 'headDigest');
      return session.write(async (sink) => ({ result: await sink.checkpointOf(digest) }));
    },
    hasOtherSources: ({ params, session }) => {
      const source = wholeOf(params.sourceId, 'sourceId');
      return session.write(async (sink) => ({ result: await sink.hasOtherSources(source) }));
    },
    keepFrom: ({ session }) =>
      session.write(async (sink) => ({ result: (await sink.keepFrom()) ?? null })),
    linesSeen: ({ params, session }) => {
      const [source, from, to] = ['sourceId', 'from', 'to'].map((name) =>
        wholeOf(params[name], name),
      ) as [number, number, number];
      return session.write(async (sink) => ({
        payloads: [encodeLineKeys(await sink.linesSeen(source, from, to))],
      }));
    },
    enter: ({ params, session }) => {
      const source = identityOf(params.source);
      const known = checkpointOf(params.known);
      return session.write(async (sink) => ({ result: await sink.enter(source, known) }));
    },
    append: ({ params, payloads, session }) => {
      const batch = decodeBatch(params, payloads);
      return session.write((sink) => nothing(sink.append(batch)));
    },
    advance: ({ params, session }) => {
      const source = wholeOf(params.sourceId, 'sourceId');
      const progress = progressOf(params.progress);
      return session.write((sink) => nothing(sink.advance(source, progress)));
    },
  };
}

async function nothing(done: Promise<void>): Promise<object> {
  await done;
  return {};
}
