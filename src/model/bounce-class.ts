/**
 * Why a delivery failed or waits, as one of the field's bounce classes. Judged by the enhanced status code
 * (RFC 3463), then by what was said; texts are matched on whole words that servers really send.
 *
 * Promise: only a class is derived from remote text, never an outcome.
 */
import type { BounceClass } from './vocabulary.ts';

export interface BounceEvidence {
  /** Enhanced status code, or empty. */
  readonly dsn: string;
  /** The MTA's own word: "User unknown", "Deferred". */
  readonly stat: string;
  /** The remote server's words or the reason given. */
  readonly text: string;
  readonly deferred: boolean;
}

interface TextRule {
  readonly pattern: RegExp;
  readonly bounceClass: BounceClass;
}

const rule = (bounceClass: BounceClass, pattern: RegExp): TextRule => ({ pattern, bounceClass });

/** First match wins: the specific before the general. */
const TEXT_RULES: readonly TextRule[] = [
  rule('VirusBlock', /\bvirus|malware|infected\b/i),
  rule(
    'SpamContent',
    /message (?:content|looks like|identified as).*spam|spam (?:content|message)|content rejected/i,
  ),
  rule(
    'SpamBlock',
    /\bspam\b|blocklist|black ?list|block ?list|listed (?:at|in|on|by)|\brbl\b|spamhaus|spamcop|barracuda|reputation|unsolicited/i,
  ),
  rule(
    'QuotaIssues',
    /quota|mailbox (?:is )?full|over (?:its )?storage|insufficient (?:system )?storage|too large|exceeds? .*size|size (?:limit|exceed)/i,
  ),
  rule('TooManyRecipients', /too many recipients/i),
  rule(
    'RelayDenied',
    /relay(?:ing)? (?:access )?(?:denied|not permitted|prohibited)|unable to relay|not permitted to relay|cannot relay/i,
  ),
  rule(
    'InactiveMailbox',
    /(?:mailbox|account|user|recipient).*(?:disabled|inactive|suspended|closed|locked|deactivated)/i,
  ),
  rule(
    'InvalidSender',
    /sender (?:address )?(?:rejected|verify|unknown|invalid|domain)|domain of sender|bad sender/i,
  ),
  rule(
    'InvalidRecipient',
    /user unknown|unknown user|no such (?:user|mailbox|recipient)|recipient (?:address )?(?:rejected|unknown)|mailbox (?:unavailable|not found)|does not exist|invalid (?:recipient|mailbox|address)|unknown (?:recipient|address)/i,
  ),
  rule(
    'AuthenticationFailed',
    /authentication|spf|dkim|dmarc|not authori[sz]ed|tls (?:is )?required|starttls first/i,
  ),
  rule(
    'TransientFailure',
    /gr[ea]ylist|try again|try later|come back|temporar|throttl|rate limit|too (?:many connections|busy)|busy/i,
  ),
  rule(
    'BadDomain',
    /(?:host|domain) (?:not found|unknown)|no such (?:host|domain)|nxdomain|unrouteable|unroutable/i,
  ),
  rule('DNSFailure', /name server|name service|host name lookup failure|dns|no data known/i),
  rule(
    'BadConnection',
    /connection (?:reset|lost|dropped|closed)|broken pipe|timed out while|handshake|read error/i,
  ),
  rule(
    'NoAnswerFromHost',
    /connection (?:refused|timed out)|no route|unreachable|no answer|operation timed out/i,
  ),
  rule('PolicyRelated', /policy|refused by|access denied|not allowed|prohibited|administrative/i),
  rule('RoutingErrors', /loop|too many hops|points back|mail for .* loops|misconfigur/i),
  rule(
    'ProtocolErrors',
    /syntax|protocol|command (?:unrecognized|not implemented)|bad sequence|data format/i,
  ),
];

/** Enhanced status subjects and details of RFC 3463 that settle the class by themselves. */
const DSN_RULES: readonly TextRule[] = [
  rule('InvalidRecipient', /^5\.1\.[1346]$/),
  rule('BadDomain', /^5\.1\.(?:2|10)$/),
  rule('InvalidSender', /^[45]\.1\.[78]$/),
  rule('InactiveMailbox', /^5\.2\.1$/),
  rule('QuotaIssues', /^[45]\.(?:2\.2|2\.3|3\.1|3\.4)$/),
  rule('NoAnswerFromHost', /^[45]\.4\.1$/),
  rule('BadConnection', /^[45]\.4\.2$/),
  rule('DNSFailure', /^[45]\.4\.3$/),
  rule('RoutingErrors', /^[45]\.(?:4\.[46]|3\.5)$/),
  rule('MessageExpired', /^[45]\.4\.7$/),
  rule('TooManyRecipients', /^[45]\.5\.3$/),
  rule('ProtocolErrors', /^[45]\.(?:5\.\d+|6\.\d+)$/),
  rule('PolicyRelated', /^[45]\.7\.\d+$/),
  rule('TransientFailure', /^4\.(?:2|3)\.\d+$/),
];

/** sendmail's own words where neither code nor text says more. */
const STAT_RULES: readonly TextRule[] = [
  rule('InvalidRecipient', /^User unknown/),
  rule('BadDomain', /^Host unknown/),
  rule('RoutingErrors', /^Local configuration error/),
  rule('ProtocolErrors', /^(?:Data format error|Remote protocol error)/),
];

/** The class of a failed or deferred delivery. */
export function classifyBounce(evidence: BounceEvidence): BounceClass {
  const { dsn, stat, text } = evidence;
  const said = TEXT_RULES.find(({ pattern }) => pattern.test(text));
  const coded = DSN_RULES.find(({ pattern }) => pattern.test(dsn));
  if (said !== undefined && (coded === undefined || isVague(coded.bounceClass))) {
    return said.bounceClass;
  }
  if (coded !== undefined) return coded.bounceClass;
  const own = STAT_RULES.find(({ pattern }) => pattern.test(stat));
  if (own !== undefined) return own.bounceClass;
  return evidence.deferred ? 'TransientFailure' : 'Uncategorized';
}

/** Codes that servers use for many things: what they say then tells more. */
function isVague(bounceClass: BounceClass): boolean {
  return ['PolicyRelated', 'TransientFailure', 'ProtocolErrors', 'InvalidRecipient'].includes(
    bounceClass,
  );
}
