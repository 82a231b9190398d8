/** What goes wrong on the way to a registry, in the words of Go's network library that docker's users know. */
import { isIP } from "node:net";
import { isSkiffError, messageOf, SkiffError } from "../../../lib/errors.ts";

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

function causeText(url: URL, error: unknown): string {
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (url.protocol === "http:" ? "80" : "443") : url.port;
  const address = name.includes(":") ? `[${name}]:${port}` : `${name}:${port}`;
  const code = codeOf(error);
  if (code === "ECONNREFUSED" || code === "ConnectionRefused")
    return `dial tcp ${address}: connect: connection refused`;
  if (code === "ENOTFOUND" || (code === "" && isIP(name) === 0 && messageOf(error).includes("getaddrinfo")))
    return `dial tcp: lookup ${name}: no such host`;
  if (code === "ECONNRESET" || code === "ConnectionClosed") return "unexpected EOF";
  if ((error as Error | null)?.name === "TimeoutError") return "net/http: request timed out";
  if (/CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(code))
    return `tls: failed to verify certificate: ${messageOf(error)}`;
  return messageOf(error);
}

/** True for what may go better the next time: a dropped or silent connection. */
export function isTransient(error: unknown): boolean {
  const code = codeOf(error);
  const { name } = (error ?? {}) as { name?: unknown };
  return ["ECONNRESET", "ConnectionClosed", "EPIPE", "ETIMEDOUT"].includes(code) || name === "TimeoutError";
}

export function requestError(method: string, url: URL, error: unknown, signal: AbortSignal): SkiffError {
  if (signal.aborted) return new SkiffError("canceled", "context canceled");
  if (isSkiffError(error)) return error;
  const verb = method[0] + method.slice(1).toLowerCase();
  const shown = `${url.protocol}//${url.host}${url.pathname}`;
  return new SkiffError("unavailable", `failed to do request: ${verb} "${shown}": ${causeText(url, error)}`, {
    cause: error,
  });
}
