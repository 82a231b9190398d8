/** kill: a signal for init, or for every process of the container. */
import { SkiffError } from "../../lib/errors.ts";
import type { Container } from "./state.ts";

const SIGKILL = 9;

export async function killContainer(container: Container, signal: number, all: boolean): Promise<void> {
  if (all) return container.cgroups.signal(signal);
  const init = container.alive();
  if (init === undefined) throw new SkiffError("failed_precondition", "container not running");
  /* Without a pid namespace of its own the others would outlive init. */
  const shared = !container.stored.spec.linux?.namespaces?.some(({ type }) => type === "pid");
  if (signal === SIGKILL && shared) return container.cgroups.signal(signal);
  process.kill(init.pid, signal);
  if (signal === SIGKILL && container.cgroups.frozen()) await container.cgroups.freeze(false);
}
