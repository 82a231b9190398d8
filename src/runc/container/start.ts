/** start: opens the gate that init waits at. Works from any process, because the gate is a FIFO on disk. */
import { closeSync, constants, openSync, readSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { SkiffError } from "../../lib/errors.ts";
import { deleteContainer } from "./delete.ts";
import { runHooks } from "./hooks.ts";
import type { Container } from "./state.ts";

const GATE_MS_MAX = 30_000;
const SPINS = 200;

/** Whether the byte has come. */
function tryRead(fd: number): boolean {
  try {
    return readSync(fd, new Uint8Array(1)) === 1;
  } catch (error) {
    if ((error as { code?: string }).code !== "EAGAIN") throw error;
    return false;
  }
}

/**
 * Init opens the FIFO for writing and blocks until a reader comes, writes one byte and goes on to execve. A reader that blocked
 * as well would hang if init died in between, so ours does not: it looks until the byte is there or init is gone.
 */
async function openGate(container: Container): Promise<void> {
  const fd = openSync(container.gate, constants.O_RDONLY | constants.O_NONBLOCK);
  const started = performance.now();
  try {
    for (let spins = 0; ; spins++) {
      if (tryRead(fd)) return;
      if (spins % SPINS === SPINS - 1 && container.alive() === undefined) {
        // A short program may have run to its end between the two looks: then the byte is there.
        if (tryRead(fd)) return;
        throw new SkiffError("failed_precondition", "container process is already dead");
      }
      if (performance.now() - started > GATE_MS_MAX)
        throw new SkiffError("deadline_exceeded", "container does not open its gate");
      await Bun.sleep(spins < SPINS ? 0 : 1);
    }
  } finally {
    closeSync(fd);
  }
}

export async function startContainer(container: Container): Promise<void> {
  const { status } = container.state();
  if (status === "stopped")
    throw new SkiffError("failed_precondition", "cannot start a container that has stopped");
  if (status !== "created") {
    throw new SkiffError("failed_precondition", `cannot start an already running container`);
  }
  await openGate(container);
  unlinkSync(container.gate);
  try {
    await runHooks(container, "poststart");
  } catch (error) {
    // runtime-spec, "Lifecycle": a container whose poststart hook fails is stopped and destroyed.
    await deleteContainer(dirname(container.directory), container.id, true);
    throw error;
  }
}
