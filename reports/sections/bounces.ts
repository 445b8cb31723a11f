/** Recipients that mail could not be delivered to for good: refused there, unknown here, or given up. */
import { FAILURES } from '../facts/attempts.ts';
import { count, percent, section, text } from '../section.ts';

const BOUNCED = `status IN ('bounced', 'expired')`;

export const BOUNCES_BY_CLASS = section({
  id: 'bounces_by_class',
  title: 'Bounces by class',
  question: 'What kinds of failure returned mail to its sender?',
  needs: [FAILURES],
  columns: [
    text('bounce_class', 'class'),
    count('recipients', 'recipients'),
    percent('share', 'share'),
    count('domains', 'domains'),
  ],
  bar: 'recipients',
  sql: () => `SELECT coalesce(bounce_class, 'Uncategorized') AS bounce_class, count(*) AS recipients,
    count(*) / (SELECT count(*) FROM failures WHERE ${BOUNCED}) AS share, count(DISTINCT domain) AS domains
  FROM failures WHERE ${BOUNCED} GROUP BY coalesce(bounce_class, 'Uncategorized') ORDER BY recipients DESC, bounce_class`,
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
    text('example', 'for example'),
  ],
  sql: ({ top }) => `SELECT count(*) AS recipients, coalesce(bounce_class, 'Uncategorized') AS bounce_class, reason,
    min(recipient) AS example
  FROM failures WHERE ${BOUNCED} GROUP BY coalesce(bounce_class, 'Uncategorized'), reason
  ORDER BY recipients DESC, reason LIMIT ${top}`,
});
