/** What the store holds, as the judgements of `contents.ts` want it. */
import { LINE_OUTCOMES } from '../../model/vocabulary.ts';
import type { EventTable } from '../../store/schema.ts';
import { EVENT_TABLES } from '../../store/schema.ts';
import type { LineCounts, Query, Row } from '../../store/store.ts';
import { ClockSampler } from './clock-sample.ts';
import type { Contents } from './contents.ts';

const COUNTS = `SELECT coalesce(sum(bytes), 0) AS bytes, coalesce(sum(lines_read), 0) AS read,
  ${LINE_OUTCOMES.map((name) => `coalesce(sum(lines_${name}), 0) AS ${name}`).join(', ')}
FROM ledger`;

const EVENTS = EVENT_TABLES.map(
  (name) =>
    `SELECT '${name}' AS name, count(*) AS amount, min(logged_at) AS first_at, max(logged_at) AS last_at FROM raw.${name}`,
).join('\nUNION ALL\n');

const SENT = `SELECT count(*) AS sent FROM raw.deliveries WHERE status = 'sent'`;

const REASONS =
  "SELECT why, count(*) AS lines FROM unparsed_lines WHERE outcome <> 'foreign' GROUP BY why ORDER BY lines DESC, why LIMIT 10";

/** The newest messages: an old mistake that was mended is none. */
const IDS = `SELECT queue_id, logged_at FROM raw.envelopes WHERE queue_id <> '' ORDER BY logged_at DESC LIMIT 10000`;

export async function readContents(store: Query, now: Date): Promise<Contents> {
  const rowsOf = async (sql: string): Promise<readonly Row[]> => (await store.query(sql)).rows;
  const counts = numbers((await rowsOf(COUNTS))[0]) as LineCounts;
  const tables = await rowsOf(EVENTS);
  const events = tables.map(({ name, amount }) => [name, Number(amount)]);
  const times = (key: string): number[] =>
    tables.flatMap((row) => (typeof row[key] === 'string' ? [Date.parse(row[key])] : []));
  const [firsts, lasts] = [times('first_at'), times('last_at')];
  const reasons = await rowsOf(REASONS);
  const sampler = new ClockSampler(now);
  for (const { queue_id, logged_at } of await rowsOf(IDS)) {
    const id = Buffer.from(String(queue_id));
    sampler.add(Date.parse(String(logged_at)) / 1000, id, 0, id.length);
  }
  return {
    counts,
    events: Object.fromEntries(events) as Record<EventTable, number>,
    sent: Number((await rowsOf(SENT))[0]?.sent ?? 0),
    first: firsts.length === 0 ? null : Math.min(...firsts),
    last: lasts.length === 0 ? null : Math.max(...lasts),
    reasons: reasons.map(({ why, lines }) => ({ why: String(why), lines: Number(lines) })),
    clock: sampler.sample(),
  };
}

function numbers(row: Row | undefined): Record<string, number> {
  return Object.fromEntries(
    Object.entries(row ?? {}).map(([name, value]) => [name, Number(value ?? 0)]),
  );
}
