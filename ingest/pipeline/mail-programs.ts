/**
 * Programs of a mail system by their syslog tag. Their lines are mail although no dialect reads them, so
 * they are counted as unsupported and shown, never waved through as foreign.
 */
const MAIL_PROGRAM =
  /^(?:postfix|exim|dovecot|smtpd|opensmtpd|opendkim|opendmarc|openarc|opendkim-\w+|dkim-milter|sid-filter|spamd|spamc|spamass-milter|spampd|clamav-milter|clamsmtpd|clamd|mimedefang|milter-\w+|greylist|postgrey|policyd|postscreen|amavis|rspamd|saslauthd|sasl|procmail|maildrop|mail\.local|mail|rmail|vacation|fetchmail|mailman|majordomo|listserv|imapd?|imaps|ipop3d|pop3d?|pop3s|popper|qpopper|in\.qpopper|cyrus|lmtp|sieve|timsieved|courier\w*|couriertls|authdaemond|qmail|tpop3d|solid-pop3d|perdition|nullmailer|ssmtp|msmtp|dma|getmail|mailscanner|MailScanner|pmg|pmgpolicy|pmg-smtp-filter|slocal|deliver|ctl_\w+|smtp|smf-\w+|bogom|dk-filter|mailfromd|pyspf|policyd-spf)(?:$|[-/.:0-9@_])/i;

/** Whether the tag is that of a mail program. */
export function isMailProgram(tag: string): boolean {
  return MAIL_PROGRAM.test(tag);
}
