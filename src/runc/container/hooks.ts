/** The two kinds of hooks that run when no plan does: poststart and poststop. Environment and stdin as in the plan's. */
import type { Hook } from "../../contracts/oci/spec.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { Container } from "./state.ts";

const HOOK_SECONDS_MAX = 600;

async function runHook(kind: string, hook: Hook, state: string): Promise<void> {
  const args = hook.args?.length ? hook.args : [hook.path];
  const environment =
    hook.env &&
    Object.fromEntries(
      hook.env.map((entry) => {
        const at = entry.indexOf("=");
        return at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
      }),
    );
  const child = Bun.spawn([hook.path, ...args.slice(1)], {
    argv0: args[0]!,
    ...(environment && { env: environment }),
    cwd: "/",
    stdio: [Buffer.from(state), "ignore", "ignore"],
    timeout: (hook.timeout ?? HOOK_SECONDS_MAX) * 1000,
    killSignal: "SIGKILL",
  });
  const code = await child.exited;
  if (code !== 0)
    throw new SkiffError(
      "failed_precondition",
      `error running hook: ${kind} hook failed with exit code ${code}`,
    );
}

export async function runHooks(container: Container, kind: "poststart" | "poststop"): Promise<void> {
  const hooks = container.stored.spec.hooks?.[kind] ?? [];
  if (hooks.length === 0) return;
  const state = JSON.stringify({
    ...container.state(),
    ...(kind === "poststop" ? { status: "stopped" } : {}),
  });
  for (const hook of hooks) await runHook(kind, hook, state);
}
