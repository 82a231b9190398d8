/** What a registry's refusal is called in Docker. */
import { codeOf, messageOf, SkiffError } from "../../lib/errors.ts";
import { familiarName, familiarString, type Reference } from "../../lib/reference.ts";
import { formatPlatform, type Platform } from "./platform.ts";

const DENIED =
  /authorization failed|access denied|insufficient_scope|access to the resource is denied|\bdenied\b/i;
const UNAUTHORIZED = /unauthorized|incorrect username or password|no basic auth/i;

/** Prefixes that say what containerd did, not what is wrong. */
function bare(message: string): string {
  return message.replace(
    /^(?:failed to (?:resolve|pull|push) (?:image|reference "[^"]*"): |failed to do request: |transfer: )+/i,
    "",
  );
}

export function pullError(error: unknown, reference: Reference, platform: Platform): SkiffError {
  const code = codeOf(error);
  const message = messageOf(error);
  const cause = { cause: error };
  if (code === "canceled") return error as SkiffError;
  if (code === "not_found" && /platform/.test(message))
    return new SkiffError(
      "not_found",
      `no matching manifest for ${formatPlatform(platform)} in the manifest list entries: no match for platform in manifest: not found`,
      cause,
    );
  if (code === "permission_denied" || DENIED.test(message))
    return new SkiffError(
      "not_found",
      `pull access denied for ${familiarName(reference)}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
      cause,
    );
  if (code === "unauthenticated" || UNAUTHORIZED.test(message))
    return new SkiffError("unknown", bare(message), cause);
  if (code === "not_found" && /name.?unknown/i.test(message))
    return new SkiffError(
      "not_found",
      `repository ${familiarName(reference)} not found: name unknown: repository name not known to registry`,
      cause,
    );
  if (code === "not_found" && /failed to resolve/.test(message))
    return new SkiffError(
      "not_found",
      `manifest for ${familiarString(reference)} not found: manifest unknown: manifest unknown`,
      cause,
    );
  return new SkiffError("unknown", bare(message), cause);
}

export function pushError(error: unknown): SkiffError {
  const code = codeOf(error);
  const message = messageOf(error);
  if (code === "canceled") return error as SkiffError;
  if (code === "permission_denied" || DENIED.test(message))
    return new SkiffError("unknown", "denied: requested access to the resource is denied", { cause: error });
  if (code === "unauthenticated" || UNAUTHORIZED.test(message))
    return new SkiffError("unknown", "unauthorized: authentication required", { cause: error });
  return new SkiffError(code === "not_found" ? "not_found" : "unknown", bare(message), { cause: error });
}
