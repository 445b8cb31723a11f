/** Key, certificate and client CA of the TLS listeners, read and tried before they are used. */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { TlsIdentity } from '../../../ingest/listen/stream-server.ts';
import type { Settings } from '../../config/settings.ts';
import { fileError, maillogError } from '../../model/errors.ts';

type TlsSettings = Pick<Settings, 'tlsKey' | 'tlsCert' | 'tlsCa'>;

export function readTlsIdentity({ tlsKey, tlsCert, tlsCa }: TlsSettings): TlsIdentity {
  if (tlsKey === null || tlsCert === null) {
    throw maillogError('E_USAGE', {
      problem: 'tls:// and relps:// need serve.tls_key and serve.tls_cert',
    });
  }
  const identity = {
    key: readPem(tlsKey),
    cert: readPem(tlsCert),
    ...(tlsCa === null ? {} : { clientCa: readPem(tlsCa) }),
  };
  try {
    const { clientCa, ...own } = identity;
    createSecureContext(clientCa === undefined ? own : { ...own, ca: clientCa });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const problem = `it and ${tlsKey} are no certificate with its key: ${why}`;
    throw maillogError('E_FILE_FAILED', { path: tlsCert, problem }, error);
  }
  return identity;
}

/** Both are the same to whoever connects. */
export function isSameIdentity(one: TlsIdentity, other: TlsIdentity): boolean {
  const parts = ({ key, cert, clientCa = '' }: TlsIdentity): string =>
    JSON.stringify([key, cert, clientCa].map(String));
  return parts(one) === parts(other);
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileError(error, path);
  }
}
