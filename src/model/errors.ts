/**
 * The catalogue of everything maillog says when it cannot do what was asked: code, exit code, HTTP
 * status and a message that names what to do.
 *
 * Promise: every failure a user can meet has one code here and one line in docs/errors.md (a test holds
 * the two together). Exit codes: 0 ok, 1 nothing found or failed, 2 usage. Messages carry raw names;
 * whoever shows one escapes it for the place.
 */

export type ExitCode = 0 | 1 | 2;

interface ErrorSpec {
  readonly exitCode: ExitCode;
  readonly httpStatus: number;
  /** When it happens, for docs/errors.md. */
  readonly about: string;
  readonly message: (details: never) => string;
}

interface Path {
  readonly path: string;
}
interface Problem {
  readonly problem: string;
}
interface BadSetting {
  readonly where: string;
  readonly key: string;
  readonly value: string;
  readonly allowed: string;
}
interface UnknownSetting {
  readonly where: string;
  readonly key: string;
  readonly known: string;
}
interface BadPeriod {
  readonly option: string;
  readonly value: string;
  readonly allowed: string;
}
interface UnknownName {
  readonly kind: string;
  readonly name: string;
  readonly known: string;
}
interface Running {
  readonly path: string;
  readonly pid: number;
  readonly since: string;
}
interface Nothing {
  readonly what: string;
  readonly hint: string;
}

export const ERRORS = {
  E_USAGE: {
    exitCode: 2,
    httpStatus: 400,
    about: 'The command line contradicts itself or lacks something.',
    message: (d: Problem) => `${d.problem} (see --help)`,
  },
  E_UNKNOWN_NAME: {
    exitCode: 2,
    httpStatus: 404,
    about: 'A report, dialect, format, view or other named thing does not exist.',
    message: (d: UnknownName) => `there is no ${d.kind} "${d.name}": choose from ${d.known}`,
  },
  E_BAD_PERIOD: {
    exitCode: 2,
    httpStatus: 400,
    about: 'A time or period cannot be understood, does not exist or is empty.',
    message: (d: BadPeriod) => `${d.option} "${d.value}" is not usable: give ${d.allowed}`,
  },
  E_BAD_SETTING: {
    exitCode: 2,
    httpStatus: 400,
    about: 'A setting has a value it may not have; the message says where it was set.',
    message: (d: BadSetting) => `${d.where}: ${d.key} is ${d.value}, but must be ${d.allowed}`,
  },
  E_UNKNOWN_SETTING: {
    exitCode: 2,
    httpStatus: 400,
    about: 'A configuration file sets something maillog does not know.',
    message: (d: UnknownSetting) => `${d.where}: there is no setting ${d.key}: ${d.known}`,
  },
  E_BAD_CONFIG_FILE: {
    exitCode: 2,
    httpStatus: 400,
    about: 'A configuration file is not TOML.',
    message: (d: Path & Problem) => `${d.path} is not valid TOML: ${d.problem}`,
  },
  E_NO_SUCH_FILE: {
    exitCode: 1,
    httpStatus: 404,
    about: 'A file or folder that was named does not exist.',
    message: (d: Path) => `${d.path} does not exist: check the name`,
  },
  E_NO_ACCESS: {
    exitCode: 1,
    httpStatus: 403,
    about: 'The system forbids maillog to read or write a file.',
    message: (d: Path) =>
      `${d.path} is not accessible to this user: change its permissions, or run as a user who may`,
  },
  E_IS_A_FOLDER: {
    exitCode: 1,
    httpStatus: 400,
    about: 'A folder was named where a file is needed.',
    message: (d: Path) => `${d.path} is a folder: name a file in it`,
  },
  E_DISK_FULL: {
    exitCode: 1,
    httpStatus: 507,
    about: 'There is no room left to write a file.',
    message: (d: Path) => `no room is left to write ${d.path}: free some and run this again`,
  },
  E_FILE_FAILED: {
    exitCode: 1,
    httpStatus: 500,
    about: 'The system failed to read or write a file for another reason.',
    message: (d: Path & Problem) => `${d.path} cannot be used: ${d.problem}`,
  },
  E_BAD_ARCHIVE: {
    exitCode: 1,
    httpStatus: 422,
    about: 'A compressed file is damaged, cut short or of an unknown kind.',
    message: (d: Path & Problem) =>
      `${d.path} cannot be decompressed: ${d.problem}; fetch a whole copy and run this again`,
  },
  E_BAD_STATISTICS: {
    exitCode: 1,
    httpStatus: 422,
    about: 'A file is not a sendmail statistics file (sendmail.st).',
    message: (d: Path & Problem) =>
      `${d.path} is not a sendmail statistics file: ${d.problem}; name sendmail's StatusFile`,
  },
  E_STORE_MISSING: {
    exitCode: 1,
    httpStatus: 503,
    about: 'There is no database yet.',
    message: (d: Path) =>
      `there is no database at ${d.path}: run "maillog ingest FILE..." first, or name one with --db`,
  },
  E_STORE_LOCKED: {
    exitCode: 1,
    httpStatus: 503,
    about: 'Another process owns the database and does not answer for it.',
    message: (d: Path & { readonly owner: string }) =>
      `${d.path} is in use by ${d.owner}: wait until it ends, or stop it`,
  },
  E_STORE_NEWER: {
    exitCode: 1,
    httpStatus: 503,
    about: 'The database was written by a newer maillog.',
    message: (d: Path) =>
      `${d.path} was written by a newer maillog: upgrade this one, or name another with --db`,
  },
  E_NOT_A_STORE: {
    exitCode: 1,
    httpStatus: 422,
    about: 'The file named as the database is none.',
    message: (d: Path & Problem) =>
      `${d.path} is not a maillog database: ${d.problem}; name another with --db`,
  },
  E_STORE_FAILED: {
    exitCode: 1,
    httpStatus: 500,
    about: 'The database failed at its work; nothing of the step that failed was kept.',
    message: (d: Problem) => `the database failed: ${d.problem}; nothing of this step was kept`,
  },
  E_NOT_READ_ONLY: {
    exitCode: 1,
    httpStatus: 403,
    about: 'SQL was given that would do more than read the views.',
    message: (d: Problem) =>
      `only reading is allowed here: ${d.problem}; give one SELECT statement`,
  },
  E_BAD_SQL: {
    exitCode: 1,
    httpStatus: 400,
    about: 'SQL was given that the database does not understand.',
    message: (d: Problem) =>
      `the SQL is not understood: ${d.problem} ("maillog schema" lists the views)`,
  },
  E_NOTHING_FOUND: {
    exitCode: 1,
    httpStatus: 404,
    about: 'The question was understood and there is nothing to answer it with.',
    message: (d: Nothing) => `nothing found: ${d.what}; ${d.hint}`,
  },
  E_CANNOT_LISTEN: {
    exitCode: 1,
    httpStatus: 500,
    about: 'An address or socket cannot be listened on.',
    message: (d: Problem & { readonly address: string }) =>
      `cannot listen on ${d.address}: ${d.problem}; choose another, or stop what uses it`,
  },
  E_ALREADY_RUNNING: {
    exitCode: 1,
    httpStatus: 409,
    about: 'A daemon is to be started for a database that another one owns.',
    message: (d: Running) =>
      `process ${d.pid} answers for ${d.path} already, since ${d.since}: stop it first`,
  },
  E_NO_DAEMON: {
    exitCode: 1,
    httpStatus: 503,
    about: 'The daemon that should answer does not.',
    message: (d: Path) => `no daemon answers at ${d.path}: start "maillog serve"`,
  },
  E_MTA_CANNOT_START: {
    exitCode: 1,
    httpStatus: 500,
    about: 'The mail server cannot begin its work.',
    message: (d: Problem) => `the MTA cannot start: ${d.problem}`,
  },
  E_INTERNAL: {
    exitCode: 1,
    httpStatus: 500,
    about: 'A defect of maillog itself.',
    message: (d: Problem) =>
      `unexpected failure: ${d.problem}; this is a defect of maillog, please report it`,
  },
} as const satisfies Readonly<Record<string, ErrorSpec>>;

export type ErrorCode = keyof typeof ERRORS;
export type ErrorDetails<C extends ErrorCode> = Parameters<(typeof ERRORS)[C]['message']>[0];

/** A failure of the catalogue. Made by `maillogError`. */
export class MaillogError extends Error {
  override readonly name = 'MaillogError';
  readonly code: ErrorCode;
  readonly exitCode: ExitCode;
  readonly httpStatus: number;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.exitCode = ERRORS[code].exitCode;
    this.httpStatus = ERRORS[code].httpStatus;
  }
}

/** The failure of that code, its message built from what it needs to know. */
export function maillogError<C extends ErrorCode>(
  code: C,
  details: ErrorDetails<C>,
  cause?: unknown,
): MaillogError {
  const build = ERRORS[code].message as (details: ErrorDetails<C>) => string;
  return new MaillogError(code, build(details), cause);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** What a system error about a file means (errno(3)); a MaillogError stays what it is. */
export function fileError(error: unknown, path: string): MaillogError {
  if (error instanceof MaillogError) {
    return error;
  }
  switch (systemCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return maillogError('E_NO_SUCH_FILE', { path }, error);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return maillogError('E_NO_ACCESS', { path }, error);
    case 'EISDIR':
      return maillogError('E_IS_A_FOLDER', { path }, error);
    case 'ENOSPC':
    case 'EDQUOT':
      return maillogError('E_DISK_FULL', { path }, error);
    default:
      return maillogError('E_FILE_FAILED', { path, problem: messageOf(error) }, error);
  }
}

/** Whatever was thrown, as a failure of the catalogue. */
export function toMaillogError(error: unknown): MaillogError {
  return error instanceof MaillogError
    ? error
    : maillogError('E_INTERNAL', { problem: messageOf(error) }, error);
}
