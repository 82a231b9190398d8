/** `POST /containers/{id}/pause` and `/unpause`. */
import { SkiffError } from "../../lib/errors.ts";
import { withState } from "./container.ts";
import { whenHalted } from "./health/changes.ts";
import { type Parts, publish } from "./parts.ts";

export function pauseContainer(parts: Parts, reference: string): Promise<void> {
  const { id } = parts.registry.get(reference);
  return parts.locks.run(id, async () => {
    const { state } = parts.registry.get(id);
    if (state.status === "paused") throw new SkiffError("conflict", `container ${id} is already paused`);
    if (state.status === "restarting")
      throw new SkiffError("conflict", `Container ${id} is restarting, wait until the container is running`);
    if (state.status !== "running") throw new SkiffError("conflict", `container ${id} is not running`);
    await parts.controls.pause(id);
    publish(
      parts,
      parts.registry.change(id, (now) => withState(now, { status: "paused", ...whenHalted(now) }))!,
      "pause",
    );
  });
}

export function unpauseContainer(parts: Parts, reference: string): Promise<void> {
  const { id } = parts.registry.get(reference);
  return parts.locks.run(id, async () => {
    const { state } = parts.registry.get(id);
    if (state.status !== "paused") throw new SkiffError("conflict", `Container ${id} is not paused`);
    await parts.controls.resume(id);
    publish(parts, parts.registry.change(id, (now) => withState(now, { status: "running" }))!, "unpause");
  });
}
