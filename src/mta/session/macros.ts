/** sendmail's macros as filters ask for them (op.me, "Macros"), of what the session knows. */
import type { SmtpSession } from './session.ts';

type Reader = (session: SmtpSession) => string | undefined;

const READERS: Readonly<Record<string, Reader>> = {
  i: ({ transaction }) => transaction?.id,
  j: ({ settings }) => settings.hostname,
  _: ({ relay }) => relay,
  s: ({ helo }) => helo || undefined,
  r: ({ protocol }) => protocol,
  v: ({ settings }) => settings.version.split('/')[0],
  '{daemon_name}': ({ daemon }) => daemon.name,
  '{client_addr}': ({ client }) => client.address,
  '{client_name}': ({ client }) => client.name,
  '{client_resolve}': ({ client }) => client.resolution,
  '{client_port}': ({ client }) => String(client.port),
  '{auth_authen}': ({ user }) => user ?? undefined,
  '{auth_author}': ({ user }) => user ?? undefined,
  '{auth_type}': ({ userMechanism }) => userMechanism || undefined,
  '{mail_addr}': ({ transaction }) => transaction?.sender,
  '{rcpt_addr}': ({ transaction }) => transaction?.recipients.at(-1)?.destination.user,
  '{rcpt_host}': ({ transaction }) => transaction?.recipients.at(-1)?.destination.host,
  '{rcpt_mailer}': ({ transaction }) => transaction?.recipients.at(-1)?.destination.mailer,
};

export function macroOf(session: SmtpSession, name: string): string | undefined {
  return Object.hasOwn(READERS, name) ? READERS[name]?.(session) : undefined;
}
