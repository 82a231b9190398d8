/** A registry's refusal as an error: its status, and what its JSON says (`errors[].code`, `.message`; distribution-spec, "Error Codes"). */
import { type ErrorCode, SkiffError } from "../../../lib/errors.ts";
import { readBounded } from "./body.ts";

const ANSWER_BYTES_MAX = 64 * 1024;
const SHOWN_MAX = 512;

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: "invalid_argument",
  401: "unauthenticated",
  403: "permission_denied",
  404: "not_found",
  429: "resource_exhausted",
};

const REASONS: Readonly<Record<number, string>> = {
  ...{
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
  },
  ...{ 408: "Request Timeout", 413: "Request Entity Too Large", 416: "Requested Range Not Satisfiable" },
  ...{
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
  },
  ...{ 504: "Gateway Timeout" },
};

function detail(text: string): string {
  try {
    const { errors } = JSON.parse(text) as { errors?: unknown };
    if (!Array.isArray(errors)) return "";
    const told = errors.slice(0, 4).map((entry: { code?: unknown; message?: unknown } | null) => {
      const code = String(entry?.code ?? "unknown")
        .toLowerCase()
        .replaceAll("_", " ");
      return `${code}: ${String(entry?.message ?? "")}`;
    });
    return told.join("\n").slice(0, SHOWN_MAX);
  } catch {
    return "";
  }
}

/** Reads and ends the answer's body. */
export async function statusError(method: string, url: URL, response: Response): Promise<SkiffError> {
  const { status } = response;
  const text = await readBounded(response, ANSWER_BYTES_MAX).then(
    (bytes) => bytes.toString(),
    () => "",
  );
  const code = CODES[status] ?? (status >= 500 ? "unavailable" : "unknown");
  const shown = `${url.protocol}//${url.host}${url.pathname}`;
  const reason = `${status} ${response.statusText || (REASONS[status] ?? "")}`.trim();
  const told = detail(text);
  const message = `unexpected status from ${method} request to ${shown}: ${reason}`;
  return new SkiffError(code, told === "" ? message : `${message}: ${told}`);
}
