/**
 * The mailertable of a sendmail configuration (cf/README, FEATURE(mailertable)): which mailer a domain's
 * mail goes by, and to which host. A domain's own line is taken, else that of the closest `.parent`, else `.`.
 */
import { type KeyedMap, withArguments } from './keyed-map.ts';
import { joinTokens, prescan } from './prescan.ts';

/** A value that says what is to be done: of the mailertable, of the virtusertable, or of a smart host. */
export type MailerRoute =
  | { readonly kind: 'mailer'; readonly mailer: string; readonly host: string }
  /** `user`: empty for the one named in the address. */
  | { readonly kind: 'local'; readonly user: string }
  | ErrorRoute;

/** `host`: `nouser`, `5.7.1` or nothing; `text` with its code, if it has one. */
export interface ErrorRoute {
  readonly kind: 'error';
  readonly host: string;
  readonly text: string;
}

/** No name in the DNS has more parts. */
const MOST_LABELS = 128;

/** Null: no line for it. */
export async function mailertableRoute(map: KeyedMap, domain: string): Promise<MailerRoute | null> {
  const own = routeOf(await map.get(domain), [domain]);
  if (own !== null) return own;
  const labels = domain.split('.');
  const odd = labels.findIndex((label) => /[^A-Za-z0-9_-]/.test(label));
  // A host with an operator in it has no parents behind it.
  const most = Math.min(labels.length, MOST_LABELS, odd === -1 ? labels.length : odd + 1);
  for (let count = 1; count < most; count += 1) {
    const key = `.${labels.slice(count).join('.')}`;
    const front = labels.slice(0, count);
    const found = routeOf(await map.get(key), [key, front.join('.'), front.at(-1) ?? '']);
    if (found !== null) return found;
  }
  return routeOf(await map.get('.'), ['.', domain]);
}

/** `mailer:host`, `local:user`, `error:...`; null for anything else, which sendmail passes over. */
export function parseMailerRoute(text: string): MailerRoute | null {
  const colon = text.indexOf(':');
  if (colon <= 0 || text.startsWith('[')) return null;
  const mailer = text.slice(0, colon).trim();
  const rest = text.slice(colon + 1).trim();
  if (/^error$/i.test(mailer)) return parseErrorRoute(rest);
  if (/^local$/i.test(mailer)) return { kind: 'local', user: rest.replace(/@.*$/, '') };
  return rest === '' ? null : { kind: 'mailer', mailer, host: rest };
}

/** `5.7.1:550 text`, `nohost:text`, or text alone. */
export function parseErrorRoute(text: string): ErrorRoute {
  const [, host = '', rest = text] = /^(\d+\.\d+\.\d+|[A-Za-z0-9_-]+)\s*:(.*)$/s.exec(text) ?? [];
  return { kind: 'error', host, text: tidied(rest) };
}

/** sendmail takes a text apart as it does an address, and leaves one blank where there were some. */
export function tidied(text: string): string {
  const scan = prescan(text);
  return scan.kind === 'tokens' ? joinTokens(scan.tokens, ' ') : text.trim();
}

function routeOf(value: string | undefined, arguments_: readonly string[]): MailerRoute | null {
  return value === undefined ? null : parseMailerRoute(withArguments(value, arguments_));
}
