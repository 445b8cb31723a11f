/** Lines that were read but not understood, of all that was ever read: none is hidden. */
import { count, section, text } from '../section.ts';

const EXAMPLES = 5;

export const UNPARSED = section({
  id: 'unparsed',
  title: 'Lines not understood (of all lines read)',
  question: 'Which lines could not be read, and why?',
  needs: [],
  columns: [text('outcome', 'kind'), text('why', 'why'), count('lines', 'lines')],
  sql: ({ top }) => `SELECT outcome::VARCHAR AS outcome, why, count(*) AS lines
  FROM unparsed_lines GROUP BY outcome, why ORDER BY lines DESC, why LIMIT ${top}`,
});

export const UNPARSED_EXAMPLES = section({
  id: 'unparsed_examples',
  title: 'The first of the lines not understood',
  question: 'What do the lines look like that could not be read?',
  needs: [],
  columns: [
    text('source', 'file'),
    { key: 'line_number', title: 'line', kind: 'plain' },
    text('why', 'why'),
    text('line', 'text'),
  ],
  sql: () =>
    `SELECT source, line_number, why, line FROM unparsed_lines ORDER BY source, line_number LIMIT ${EXAMPLES}`,
});
