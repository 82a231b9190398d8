/** The exit code that `run` and `start -a` end with. */

import { CliError } from "../../errors.ts";
import type { Client } from "../../transport/client.ts";

interface WaitAnswer {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string } | null;
}

/** Asked before the start: the daemon answers when the container has ended, and with `--rm` has gone. */
export async function waitForExit(client: Client, id: string, removed: boolean): Promise<number> {
  const query = { condition: removed ? "removed" : "next-exit" };
  const { StatusCode, Error: failure } = await client.post<WaitAnswer>(`/containers/${id}/wait`, { query });
  if (failure) throw new CliError(`Error waiting for container: ${failure.Message}`, 125);
  return StatusCode;
}
