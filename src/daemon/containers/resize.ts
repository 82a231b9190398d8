/** `POST /containers/{id}/resize` and `/exec/{id}/resize`. */
import { SkiffError } from "../../lib/errors.ts";
import { isRunning } from "./container.ts";
import type { Execs } from "./execs.ts";
import type { Parts } from "./parts.ts";

function checkSize(width: number, height: number): void {
  for (const number of [width, height])
    if (!Number.isInteger(number) || number < 0 || number > 65_535)
      throw new SkiffError("invalid_argument", `invalid size: ${width}x${height}`);
}

export async function resizeContainer(
  parts: Parts,
  reference: string,
  width: number,
  height: number,
): Promise<void> {
  checkSize(width, height);
  const container = parts.registry.get(reference);
  if (!isRunning(container)) throw new SkiffError("conflict", `container ${container.id} is not running`);
  await parts.tasks.resize(container.id, "", width, height);
}

/** How long a resize waits for the start it has overtaken: clients send both at once. */
const START_MS_MAX = 5000;
const PAUSE_MS = 20;

export async function resizeExec(
  parts: Parts & { readonly execs: Execs },
  execId: string,
  width: number,
  height: number,
): Promise<void> {
  checkSize(width, height);
  const deadline = parts.clock.now() + START_MS_MAX;
  while (parts.execs.get(execId).pid === 0 && parts.execs.get(execId).exitCode === null) {
    if (parts.clock.now() > deadline)
      throw new SkiffError("deadline_exceeded", "timeout waiting for exec session ready");
    await Bun.sleep(PAUSE_MS);
  }
  const { containerId, running } = parts.execs.get(execId);
  if (running) await parts.tasks.resize(containerId, execId, width, height);
}
