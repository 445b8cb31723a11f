/** What we turned away, by the rule that did it, by its words, and by who was turned away. */
import { without } from '../facts/fact.ts';
import { IS_REFUSAL, REFUSALS, REFUSED_CLIENTS } from '../facts/refusals.ts';
import { count, section, text } from '../section.ts';

export const REJECTS_BY_RULE = section({
  id: 'rejects_by_rule',
  title: 'Refused by us, by rule',
  question: 'Which of our rules refused, held back or dropped mail?',
  needs: [REFUSALS],
  columns: [
    text('stage', 'stage'),
    text('action', 'action'),
    text('rule', 'rule'),
    count('refusals', 'times'),
  ],
  bar: 'refusals',
  sql: ({
    top,
  }) => `SELECT stage::VARCHAR AS stage, action::VARCHAR AS action, rule, count(*) AS refusals
  FROM refusals GROUP BY stage, action, rule ORDER BY refusals DESC, rule, stage LIMIT ${top}`,
});

export const REJECTS_BY_REASON = section({
  id: 'rejects_by_reason',
  title: 'Refused by us, by reason',
  question: 'What were refused clients told?',
  needs: [REFUSALS],
  columns: [
    count('refusals', 'times'),
    { key: 'code', title: 'code', kind: 'plain' },
    text('reason', 'reason'),
  ],
  sql: ({ top }) => `SELECT count(*) AS refusals, code,
    ${without(without('reason', 'recipient'), 'sender')} AS reason
  FROM refusals WHERE ${IS_REFUSAL} GROUP BY 2, 3 ORDER BY refusals DESC, reason LIMIT ${top}`,
});

export const REJECTED_CLIENTS = section({
  id: 'rejected_clients',
  title: 'Most refused clients',
  question: 'Whom did we refuse most often?',
  needs: [REFUSED_CLIENTS],
  columns: [text('client', 'address'), text('host', 'host'), count('refusals', 'refused')],
  bar: 'refusals',
  sql: ({ top }) => `SELECT client, client_host AS host, refusals::BIGINT AS refusals
  FROM refused_clients ORDER BY refusals DESC, client LIMIT ${top}`,
});
