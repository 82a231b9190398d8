/** JSON in request bodies, refused in dockerd's words. */
import { SkiffError } from "../../lib/errors.ts";
import type { HttpRequest } from "../../wire/http1/api.ts";

const BODY_BYTES_MAX = 16 * 1024 * 1024;

function invalid(why: string): SkiffError {
  return new SkiffError("invalid_argument", why);
}

/** @param optional an empty body is {}. @throws invalid_argument */
export async function parseJsonBody(
  request: HttpRequest,
  optional: boolean,
): Promise<Record<string, unknown>> {
  const bytes = await request.bytes(BODY_BYTES_MAX);
  if (bytes.length === 0) {
    if (optional) return {};
    throw invalid("invalid JSON: got EOF while reading request body");
  }
  const type = request.headers.get("content-type") ?? "";
  if (type.split(";")[0]!.trim().toLowerCase() !== "application/json") {
    if (optional && type === "") return {};
    throw invalid(
      type === ""
        ? "malformed Content-Type header (): mime: no media type"
        : `unsupported Content-Type header (${type}): must be 'application/json'`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch (error) {
    throw invalid(`invalid JSON: ${(error as Error).message}`);
  }
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw invalid("invalid JSON: not an object");
  return value as Record<string, unknown>;
}
