/**
 * The one error type of the house.
 *
 * Codes are the closed set of gRPC (https://grpc.github.io/grpc/core/md_doc_statuscodes.html), because two of our
 * seams speak gRPC and the other two translate from it. `conflict` and `not_modified` are the two answers of the
 * Docker Engine API that gRPC has no word for. A message says action, subject and cause: `start container "web": no such
 * image`. An error is handled once: whoever catches it either answers it to its client or adds context with `wrap`.
 */
export const ERROR_CODES = {
  canceled: { grpc: 1, http: 499 },
  unknown: { grpc: 2, http: 500 },
  invalid_argument: { grpc: 3, http: 400 },
  deadline_exceeded: { grpc: 4, http: 504 },
  not_found: { grpc: 5, http: 404 },
  already_exists: { grpc: 6, http: 409 },
  permission_denied: { grpc: 7, http: 403 },
  resource_exhausted: { grpc: 8, http: 500 },
  failed_precondition: { grpc: 9, http: 409 },
  aborted: { grpc: 10, http: 409 },
  out_of_range: { grpc: 11, http: 400 },
  unimplemented: { grpc: 12, http: 501 },
  internal: { grpc: 13, http: 500 },
  unavailable: { grpc: 14, http: 503 },
  data_loss: { grpc: 15, http: 500 },
  unauthenticated: { grpc: 16, http: 401 },
  /** The object is in a state that forbids the request (HTTP 409). */
  conflict: { grpc: 9, http: 409 },
  /** Nothing to do: the object already is as asked for (HTTP 304, no body). */
  not_modified: { grpc: 6, http: 304 },
} as const satisfies Record<string, { readonly grpc: number; readonly http: number }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Survives a second copy of this module, where `instanceof` would not. */
const BRAND = Symbol.for("skiff.error");

export class SkiffError extends Error {
  readonly [BRAND] = true;
  override readonly name = "SkiffError";

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

export function isSkiffError(value: unknown): value is SkiffError {
  return typeof value === "object" && value !== null && BRAND in value;
}

const systemCode = (error: unknown) =>
  error instanceof Error ? (error as { code?: unknown }).code : undefined;

/** The error's code; of what is not ours only a full disk has a name, anything else is `unknown`. */
export function codeOf(error: unknown): ErrorCode {
  if (isSkiffError(error)) return error.code;
  const code = systemCode(error);
  return code === "ENOSPC" || code === "SQLITE_FULL" ? "resource_exhausted" : "unknown";
}

export function messageOf(error: unknown): string {
  // SQLite's words for it ("database or disk is full") are not those that users and programs know.
  if (systemCode(error) === "SQLITE_FULL") return "no space left on device";
  return error instanceof Error ? error.message : String(error);
}

/** Adds the action in front, keeps the code: `wrap(e, "mount rootfs")` → `mount rootfs: <message>`. */
export function wrap(error: unknown, action: string): SkiffError {
  return new SkiffError(codeOf(error), `${action}: ${messageOf(error)}`, { cause: error });
}

/** The name of a gRPC status number; numbers outside the set are `unknown`. */
export function codeFromGrpc(status: number): ErrorCode {
  for (const [code, map] of Object.entries(ERROR_CODES)) {
    if (map.grpc === status) return code as ErrorCode;
  }
  return "unknown";
}
