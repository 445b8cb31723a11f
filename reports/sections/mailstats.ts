/** The table of mailstats(8) for the report's period, of the daemons of all hosts together. */
import { answerOf } from '../mailstats.ts';
import { MAILSTATS_COLUMNS, mailstatsRows } from '../mailstats-rows.ts';
import { mailstatsSql } from '../mailstats-sql.ts';
import { section } from '../section.ts';

export const MAILSTATS = section({
  id: 'mailstats',
  title: 'Statistics as sendmail keeps them',
  question: 'What did sendmail add to its statistics file?',
  needs: [],
  columns: MAILSTATS_COLUMNS,
  sql: () => mailstatsSql({ of: 'mta', oneHost: false }),
  shape: (rows, { start }) => {
    const { statistics, mailerNames } = answerOf(rows, BigInt(Math.floor(start.getTime() / 1000)));
    const { mailers, total, connections } = mailstatsRows(statistics, mailerNames);
    return [...mailers, total, connections];
  },
});
