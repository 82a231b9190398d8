/** A request's target: path and query. */
import { bad } from "./head.ts";

/** @throws invalid_argument for what is not an absolute path, or not decodable. */
export function parseTarget(target: string): { readonly path: string; readonly query: URLSearchParams } {
  // Absolute form, as a proxy gets it.
  const origin = /^https?:\/\/[^/?]*/i.exec(target)?.[0] ?? "";
  const rest = target.slice(origin.length) || "/";
  if (!rest.startsWith("/")) throw bad("malformed request target");
  const mark = rest.indexOf("?");
  const raw = mark < 0 ? rest : rest.slice(0, mark);
  try {
    const path = decodeURIComponent(raw);
    if (path.includes("\0")) throw bad("malformed request target");
    return { path, query: new URLSearchParams(mark < 0 ? "" : rest.slice(mark + 1)) };
  } catch {
    throw bad("malformed request target");
  }
}
