/** Recipients that mail could not be delivered to for good: refused there, unknown here, or given up. */
import { FAILURES } from '../facts/troubles.ts';
import { count, percent, section, text } from '../section.ts';

const BOUNCED = 'NOT is_deferral';

export const BOUNCES_BY_CLASS = section({
  id: 'bounces_by_class',
  title: 'Bounces by class',
  question: 'What kinds of failure returned mail to its sender?',
  needs: [FAILURES],
  columns: [
    text('bounce_class', 'class'),
    count('recipients', 'recipients'),
    percent('share', 'share'),
  ],
  bar: 'recipients',
  sql: () => `SELECT bounce_class, count(*) AS recipients,
    count(*) / (SELECT count(*) FROM failures WHERE ${BOUNCED}) AS share
  FROM failures WHERE ${BOUNCED} GROUP BY bounce_class ORDER BY recipients DESC, bounce_class`,
});

export const BOUNCES_BY_REASON = section({
  id: 'bounces_by_reason',
  title: 'Bounces by reason',
  question: 'In what words was mail refused by others?',
  needs: [FAILURES],
  columns: [
    count('recipients', 'recipients'),
    text('bounce_class', 'class'),
    text('reason', 'reason'),
  ],
  sql: ({ top }) => `SELECT count(*) AS recipients, bounce_class, reason
  FROM failures WHERE ${BOUNCED} GROUP BY bounce_class, reason
  ORDER BY recipients DESC, reason LIMIT ${top}`,
});
