/** Why a mail server did not start, in one line that says what to do. */
import { fileError, MaillogError, maillogError } from '../../model/errors.ts';

const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there already',
  EACCES: 'permission denied; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE',
  EADDRNOTAVAIL: 'this host has no such address',
};

/** What goes wrong on the way comes out as a failure of the catalogue. */
export async function explainStart<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    throw explained(error);
  }
}

function explained(error: unknown): MaillogError {
  if (error instanceof MaillogError) return error;
  const found = error instanceof Error ? (error as NodeJS.ErrnoException) : new Error(`${error}`);
  const { code, address, port, path, syscall } = found as NodeJS.ErrnoException & {
    readonly address?: string;
    readonly port?: number;
  };
  if (syscall === 'listen' || syscall === 'bind') {
    const where = `${address ?? ''}:${port ?? ''}`;
    return maillogError(
      'E_CANNOT_LISTEN',
      { address: where, problem: LISTEN_PROBLEMS[code ?? ''] ?? found.message },
      error,
    );
  }
  if (path !== undefined) return fileError(error, path);
  return maillogError('E_MTA_CANNOT_START', { problem: found.message }, error);
}
