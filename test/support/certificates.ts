/**
 * Certificates for tests of TLS, made with the openssl command: an authority, and what it signs for a server and
 * for a client; and a stranger's, which it did not sign.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** File names. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

export interface Certificates {
  /** The authority's certificate. */
  readonly ca: string;
  readonly server: Identity;
  readonly client: Identity;
  readonly stranger: Identity;
}

/** Which the server's certificate and the client's are made out to. */
export const SERVER_NAME = 'maillog.test';
export const CLIENT_NAME = 'sender.test';
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export function hasOpenssl(): boolean {
  return spawnSync('openssl', ['version']).status === 0;
}

export function makeCertificates(folder: string): Certificates {
  const authority = selfSigned(folder, 'ca', 'maillog test authority');
  return {
    ca: authority.cert,
    server: signed(folder, 'server', { name: SERVER_NAME, authority }),
    client: signed(folder, 'client', { name: CLIENT_NAME, authority }),
    stranger: selfSigned(folder, 'stranger', CLIENT_NAME),
  };
}

function filesOf(folder: string, name: string): Identity {
  return { key: join(folder, `${name}.key`), cert: join(folder, `${name}.pem`) };
}

function selfSigned(folder: string, name: string, subject: string): Identity {
  const { key, cert } = filesOf(folder, name);
  const whose = ['-subj', `/CN=${subject}`, '-days', '2'];
  openssl(['req', '-x509', ...NEW_KEY, ...whose, '-keyout', key, '-out', cert]);
  return { key, cert };
}

interface Signing {
  readonly name: string;
  readonly authority: Identity;
}

function signed(folder: string, file: string, { name, authority }: Signing): Identity {
  const { key, cert } = filesOf(folder, file);
  const [request, extensions] = [join(folder, `${file}.csr`), join(folder, `${file}.ext`)];
  writeFileSync(extensions, `subjectAltName=DNS:${name}\nbasicConstraints=CA:FALSE\n`);
  openssl(['req', '-new', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', key, '-out', request]);
  const by = ['-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial', '-days', '2'];
  openssl(['x509', '-req', '-in', request, ...by, '-extfile', extensions, '-out', cert]);
  return { key, cert };
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' });
}
