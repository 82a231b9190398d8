/** Applies the table's transformers between the newest version and the client's. */
import { type ApiVersion, compareApiVersions } from "../../../contracts/engine/versions.ts";
import { TRANSFORMERS } from "./table.ts";

/** From the newest version's answer to what the client's version knows. */
export function downgrade(route: string, version: ApiVersion, value: unknown): unknown {
  let changed = value;
  for (const { before, routes, response } of TRANSFORMERS) {
    if (response === undefined || compareApiVersions(version, before) >= 0 || !routes.includes(route))
      continue;
    changed = response(changed);
  }
  return changed;
}

/** From what the client sent to what the newest version would have been sent. */
export function upgrade(
  route: string,
  version: ApiVersion,
  body: Record<string, unknown>,
): Record<string, unknown> {
  let changed = body;
  for (const { before, routes, request } of TRANSFORMERS.toReversed()) {
    if (request === undefined || compareApiVersions(version, before) >= 0 || !routes.includes(route))
      continue;
    changed = request(changed);
  }
  return changed;
}

/** Streams are named for what they are since 1.42. */
export function streamType(version: ApiVersion, tty: boolean): string {
  const multiplexed = !tty && compareApiVersions(version, [1, 42]) >= 0;
  return multiplexed ? "application/vnd.docker.multiplexed-stream" : "application/vnd.docker.raw-stream";
}

/** Before 1.42 every unused volume was pruned, not the anonymous ones only. */
export function prunesNamedVolumes(version: ApiVersion): boolean {
  return compareApiVersions(version, [1, 42]) < 0;
}
