/** create: the spec compiled, the state on disk; nothing of the kernel is touched before skiff-init runs the plan. */
import { realpathSync } from "node:fs";
import type { CreateContainer } from "../../contracts/oci/runtime.ts";
import type { Spec } from "../../contracts/oci/spec.ts";
import { expandSystemdPath, placeCgroups } from "../cgroups/hierarchies.ts";
import { type CompileRequest, compile } from "../compile/compile.ts";
import { readFacts } from "../facts.ts";
import { encodePlan } from "../plan/encode.ts";
import type { Plan } from "../plan/ops.ts";
import { createFilterCache } from "../seccomp/cache.ts";
import { loadSpec, resolveRootfs } from "../spec/load.ts";
import { checkId, gateOf, pidFileOf, removeState, stateDirectory, storeState } from "./state.ts";

export interface CreateOptions extends CreateContainer {
  readonly noNewKeyring?: boolean;
  readonly preserveFds?: number;
  /** Runs at once, without waiting for `start`; poststart hooks need a gate all the same. */
  readonly ungated?: boolean;
  readonly extraEnv?: readonly string[];
  /** `cgroupsPath` has systemd's form. */
  readonly systemdCgroup?: boolean;
  /** Spec file; the bundle's config.json when absent. */
  readonly config?: string;
  readonly warn?: (message: string) => void;
}

function withEnv(spec: Spec, env: readonly string[]): Spec {
  if (env.length === 0 || spec.process === undefined) return spec;
  return { ...spec, process: { ...spec.process, env: [...(spec.process.env ?? []), ...env] } };
}

/** What `compile` wants, from a bundle; shared with the verb `plan`. */
export function compileRequest(root: string, options: CreateOptions): CompileRequest {
  checkId(options.id);
  const bundle = realpathSync(options.bundle);
  const spec = withEnv(loadSpec(bundle, options.config), options.extraEnv ?? []);
  const facts = readFacts();
  const directory = stateDirectory(root, options.id);
  const written = spec.linux?.cgroupsPath;
  const cgroupsPath = options.systemdCgroup === true ? expandSystemdPath(written, options.id) : written;
  const ungated = options.ungated === true && !spec.hooks?.poststart?.length;
  return {
    ...{ id: options.id, spec, bundle, facts },
    rootfs: resolveRootfs(bundle, spec),
    cgroups: placeCgroups(facts.hierarchies, cgroupsPath, options.id),
    filterOf: createFilterCache(root),
    noPivotRoot: options.noPivotRoot,
    noNewKeyring: options.noNewKeyring ?? false,
    preserveFds: options.preserveFds ?? 0,
    trace: options.traceparent !== "",
    pidFile: pidFileOf(directory),
    gate: ungated ? "" : gateOf(directory),
    ...(options.warn === undefined ? {} : { warn: options.warn }),
  };
}

export function createPlan(
  root: string,
  options: CreateOptions,
): { readonly plan: Plan; readonly request: CompileRequest } {
  const request = compileRequest(root, options);
  const plan = compile(request);
  storeState(root, {
    ...{ id: request.id, bundle: request.bundle, rootfs: request.rootfs, spec: request.spec },
    ...{ cgroups: request.cgroups, cgroupVersion: request.facts.hierarchies.version },
    created: new Date().toISOString(),
    owner: request.facts.euid,
  });
  return { plan, request };
}

/** The encoded plan. A plan that cannot be encoded leaves no state. */
export function createContainer(root: string, options: CreateOptions): Uint8Array {
  const { plan } = createPlan(root, options);
  try {
    return encodePlan(plan);
  } catch (error) {
    removeState(root, options.id);
    throw error;
  }
}
