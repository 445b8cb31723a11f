/**
 * The reply that sendmail makes of an error text in a ruleset or in the access map: `550 go away`,
 * `550 5.7.1 go away`, `"550 go away"`, `go away`, with the status code of the rule, if it has one.
 */
import type { Reply } from '../model.ts';
import { joinTokens, printable, stripQuotes, tokenize } from './tokens.ts';

const CODED = /^(?<code>[2-5]\d\d) (?:(?<status>[245]\.\d{1,3}\.\d{1,3}) +)?(?<text>.*)$/s;
const UNCODED = { code: 553, status: '5.3.0' } as const;
/** More would not fit into one line of a reply. */
const LONGEST = 400;

/** `status` is that of `ERROR:D.S.N:`; null for none. */
export function errorReply(status: string | null, text: string): Reply {
  const tokens = tokenize(text);
  // Sendmail complains of what it cannot tokenize; a refusal in the text's own words is of more use.
  const joined = tokens === null ? stripQuotes(text.trim()) : stripQuotes(joinTokens(tokens));
  const shown = printable(joined).slice(0, LONGEST);
  const found = CODED.exec(shown)?.groups;
  if (found === undefined) return { ...UNCODED, text: shown };
  const code = Number(found.code);
  return {
    code,
    status: found.status ?? status ?? `${found.code?.[0] ?? '5'}.0.0`,
    text: found.text ?? '',
  };
}
