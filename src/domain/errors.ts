/** Exit codes of the command line: 1 failed, 2 usage, 3 not trusted, 4 not found or not resolvable. */
export type ExitCode = 1 | 2 | 3 | 4;

/** Every failure that a user can meet, and the exit code it ends a command with. Closed on purpose. */
export const ERROR_CODES = {
  // usage
  INPUT_NOT_FOUND: 2,
  INPUT_UNREADABLE: 2,
  INPUT_MALFORMED: 2,
  NOTHING_ASKED: 2,
  USAGE: 2,
  // failed
  UPSTREAM_UNREACHABLE: 1,
  UPSTREAM_REFUSED: 1,
  UPSTREAM_MALFORMED: 1,
  DISK_FULL: 1,
  IO_FAILED: 1,
  STORE_DAMAGED: 1,
  DATA_FOLDER_BUSY: 1,
  PORT_TAKEN: 1,
  MASTER_UNREACHABLE: 1,
  PEER_FAILED: 1,
  INCOMPLETE: 1,
  STOPPED: 1,
  CLIENT_MISSING: 1,
  LIMIT_EXCEEDED: 1,
  VOLUME_DAMAGED: 1,
  RUNTIME_UNSUITED: 1,
  // not trusted
  DIGEST_MISMATCH: 3,
  SIGNATURE_INVALID: 3,
  ROLLBACK: 3,
  EXPIRED: 3,
  UNKNOWN_SOURCE: 3,
  UNKNOWN_REQUESTER: 3,
  NOT_A_MEMBER: 3,
  INVITATION_REFUSED: 3,
  KEY_LOCKED: 3,
  KEY_EXPOSED: 3,
  WRONG_SOURCE: 3,
  METADATA_INVALID: 3,
  CONFLICT: 3,
  // not found, not resolvable
  PACKAGE_NOT_FOUND: 4,
  VERSION_NOT_FOUND: 4,
  NOT_RESOLVABLE: 4,
  NO_ARTIFACT: 4,
  BUNDLE_NOT_FOUND: 4,
} as const satisfies Record<string, ExitCode>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface XErrorOptions {
  /** What the user can do next, one sentence. */
  hint?: string | undefined;
  cause?: unknown;
}

/** A failure that a user can meet: what and where in `message`, what next in `hint`. */
export class XError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: XErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'XError';
    this.code = code;
    this.hint = options.hint;
  }

  get exitCode(): ExitCode {
    return ERROR_CODES[this.code];
  }
}

/** The message of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The `code` of a Node system error (`ENOENT`, `ENOSPC`…), or undefined. */
export function systemCodeOf(thrown: unknown): string | undefined {
  if (thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string') {
    return thrown.code;
  }
  return undefined;
}
