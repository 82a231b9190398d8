/** OCI hooks as plan operations: the environment they name, or ours when they name none, as runc does; the container's state on stdin. */
import type { Hook, Hooks } from "../../contracts/oci/spec.ts";
import type { Compilation } from "./context.ts";

const PID = "@pid@";

/** The state document with the pid left out: two halves that skiff-init writes around it. */
export function stateHalves(
  compilation: Pick<Compilation, "id" | "bundle" | "spec">,
  status: string,
): readonly [string, string] {
  const { id, bundle, spec } = compilation;
  const state = {
    ociVersion: spec.ociVersion,
    id,
    status,
    pid: PID,
    bundle,
    annotations: spec.annotations ?? {},
  };
  const [before, after] = JSON.stringify(state).split(`"${PID}"`);
  return [before!, after!];
}

export function compileHooks(
  compilation: Compilation,
  kind: keyof Hooks,
  actor: "host" | "init",
  status = "creating",
): void {
  const hooks: readonly Hook[] = compilation.spec.hooks?.[kind] ?? [];
  if (hooks.length === 0) return;
  const [before, after] = stateHalves(compilation, status);
  for (const [at, hook] of hooks.entries()) {
    const argv = [hook.path, ...(hook.args?.length ? hook.args : [hook.path])];
    const text = `error running ${kind} hook #${at}`;
    compilation.plan[actor](
      "hook",
      text,
      argv,
      hook.env ?? compilation.facts.environment,
      before,
      after,
      hook.timeout ?? 0,
    );
  }
}
