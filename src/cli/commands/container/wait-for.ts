/** The exit code that `run` and `start -a` end with. */

import { CliError } from "../../errors.ts";
import type { Client } from "../../transport/client.ts";

interface WaitAnswer {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string } | null;
}

export interface Waiting {
  readonly exit: Promise<number>;
}

/**
 * Resolves when the daemon waits, which it says by the head of its answer: only then may the container be started, or its end could be missed.
 * `exit` resolves when the container has ended, and with `--rm` has gone.
 */
export async function startWaiting(client: Client, id: string, removed: boolean): Promise<Waiting> {
  const query = { condition: removed ? "removed" : "next-exit" };
  const response = await client.send("POST", `/containers/${id}/wait`, { query });
  const read = async (): Promise<number> => {
    const { StatusCode, Error: failure } = await response.json<WaitAnswer>();
    if (failure) throw new CliError(`Error waiting for container: ${failure.Message}`, 125);
    return StatusCode;
  };
  const exit = read();
  exit.catch(() => undefined);
  return { exit };
}
