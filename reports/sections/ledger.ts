/** Every line read, accounted for: read = parsed + foreign + unsupported + malformed + duplicate. */
import { count, section, text } from '../section.ts';

const LINES = ['read', 'parsed', 'foreign', 'unsupported', 'malformed', 'duplicate'] as const;

export const LEDGER_COLUMNS = [
  count('read', 'read'),
  count('parsed', 'parsed'),
  count('foreign', 'foreign'),
  count('unsupported', 'unsupp.'),
  count('malformed', 'malf.'),
  count('duplicate', 'dup.'),
] as const;

/** The sum over all sources. */
export const LEDGER = section({
  id: 'ledger_sums',
  title: 'All lines read',
  question: 'What became of the lines that were read?',
  needs: [],
  columns: LEDGER_COLUMNS,
  sql: () =>
    `SELECT ${LINES.map((name) => `coalesce(sum(lines_${name}), 0)::BIGINT AS "${name}"`).join(', ')} FROM ledger`,
});

export const LEDGER_BY_SOURCE = section({
  id: 'ledger',
  title: 'Lines by file (of all lines read)',
  question: 'What became of the lines of each file?',
  needs: [],
  columns: [text('source', 'file'), ...LEDGER_COLUMNS],
  sql: ({
    top,
  }) => `SELECT source, ${LINES.map((name) => `sum(lines_${name})::BIGINT AS "${name}"`).join(', ')}
  FROM ledger GROUP BY source ORDER BY max(last_read_at) DESC, source LIMIT ${top}`,
});
