/** delete: what `create` made is unmade. May be repeated; a container that was only half created is deleted like any other. */
import { existsSync } from "node:fs";
import { SkiffError } from "../../lib/errors.ts";
import { runHooks } from "./hooks.ts";
import { type Container, checkId, openContainer, removeState, stateDirectory } from "./state.ts";

const SIGKILL = 9;
const DIE_MS_MAX = 10_000;

async function killInit(container: Container): Promise<void> {
  for (let waited = 0; container.alive() !== undefined; waited += 5) {
    if (waited >= DIE_MS_MAX) throw new SkiffError("deadline_exceeded", "container init still running");
    if (waited === 0) {
      process.kill(container.alive()!.pid, SIGKILL);
      if (container.cgroups.frozen()) await container.cgroups.freeze(false);
    }
    await Bun.sleep(Math.min(waited, 5));
  }
}

export async function deleteContainer(root: string, id: string, force: boolean): Promise<void> {
  checkId(id);
  let container: Container;
  try {
    container = openContainer(root, id);
  } catch (error) {
    if (existsSync(stateDirectory(root, id))) removeState(root, id);
    else throw error;
    return;
  }
  const { status } = container.state();
  if (status === "created" || force) await killInit(container);
  else if (status !== "stopped" && status !== "creating") {
    throw new SkiffError(
      "failed_precondition",
      `cannot delete container ${id} that is not stopped: ${status}\n`.trimEnd(),
    );
  }
  await container.cgroups.remove();
  await runHooks(container, "poststop").finally(() => removeState(root, id));
}
