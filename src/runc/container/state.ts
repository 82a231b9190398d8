/**
 * A container's state on disk, and its status, which is never stored but derived from the kernel.
 *
 *     <root>/<id>/state.json   static, written atomically before anything is made
 *                 init.pid     "pid starttime", written by the plan
 *                 exec.fifo    there as long as the container waits to be started
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path/posix";
import type { RuntimeState } from "../../contracts/oci/runtime.ts";
import type { Resources, Spec } from "../../contracts/oci/spec.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { CgroupControl } from "../cgroups/control.ts";
import { createCgroupControl } from "../cgroups/control.ts";
import type { CgroupPaths } from "../cgroups/hierarchies.ts";

export interface StoredState {
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  readonly spec: Spec;
  readonly cgroups: CgroupPaths;
  readonly cgroupVersion: 1 | 2;
  /** RFC 3339. */
  readonly created: string;
  readonly owner: number;
}

export interface InitProcess {
  readonly pid: number;
  readonly startTime: string;
}

export interface Container {
  readonly id: string;
  readonly directory: string;
  readonly stored: StoredState;
  readonly cgroups: CgroupControl;
  readonly gate: string;
  /** Recorded at the clone; it may have ended since. */
  init(): InitProcess | undefined;
  /** The init process, if it lives. */
  alive(): InitProcess | undefined;
  state(): RuntimeState;
  update(resources: Resources): void;
}

const ID = /^[\w+.-]{1,1024}$/;

export function checkId(id: string): void {
  if (!ID.test(id) || id === "." || id === "..")
    throw new SkiffError("invalid_argument", `invalid container ID format: ${JSON.stringify(id)}`);
}

export const stateDirectory = (root: string, id: string): string => join(root, id);
export const pidFileOf = (directory: string): string => join(directory, "init.pid");
export const gateOf = (directory: string): string => join(directory, "exec.fifo");

/** State character and start time of a process (proc(5), fields 3 and 22); undefined when there is none. */
export function processStat(pid: number): { readonly state: string; readonly startTime: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0]!, startTime: fields[19]! };
  } catch {
    return undefined;
  }
}

/** Makes the directory; its existence is what makes an id taken. */
export function storeState(root: string, stored: StoredState): string {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const directory = stateDirectory(root, stored.id);
  try {
    mkdirSync(directory, { mode: 0o711 });
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
    throw new SkiffError("already_exists", "container with given ID already exists");
  }
  writeFileSync(join(directory, "state.json.new"), JSON.stringify(stored), { mode: 0o600 });
  renameSync(join(directory, "state.json.new"), join(directory, "state.json"));
  return directory;
}

export function removeState(root: string, id: string): void {
  const directory = stateDirectory(root, id);
  try {
    /* Several times as fast as the recursive way, which is for whatever else may be there. */
    for (const path of [pidFileOf(directory), join(directory, "state.json")]) unlinkSync(path);
    rmdirSync(directory);
  } catch {
    rmSync(directory, { recursive: true, force: true });
  }
}

function statusOf(container: Container): RuntimeState["status"] {
  const init = container.init();
  if (init === undefined) return "creating";
  if (container.alive() === undefined) return "stopped";
  if (existsSync(container.gate)) return "created";
  return container.cgroups.frozen() ? "paused" : "running";
}

export function openContainer(root: string, id: string): Container {
  checkId(id);
  const directory = stateDirectory(root, id);
  let stored: StoredState;
  try {
    stored = JSON.parse(readFileSync(join(directory, "state.json"), "utf8")) as StoredState;
  } catch (error) {
    throw new SkiffError("not_found", "container does not exist", { cause: error });
  }
  const cgroups = createCgroupControl(stored.cgroups, stored.cgroupVersion);
  const container: Container = {
    ...{ id, directory, stored, cgroups, gate: gateOf(directory) },
    init() {
      try {
        const [pid, startTime] = readFileSync(pidFileOf(directory), "utf8").trim().split(" ");
        return { pid: Number(pid), startTime: startTime! };
      } catch {
        return undefined;
      }
    },
    alive() {
      const init = container.init();
      const stat = init === undefined ? undefined : processStat(init.pid);
      const lives = stat !== undefined && stat.startTime === init?.startTime && !"ZX".includes(stat.state);
      return lives ? init : undefined;
    },
    state() {
      const status = statusOf(container);
      const { spec, bundle } = stored;
      const pid = status === "stopped" || status === "creating" ? 0 : container.init()!.pid;
      return { ociVersion: spec.ociVersion, id, status, pid, bundle, annotations: spec.annotations ?? {} };
    },
    update: (resources) => cgroups.update(resources),
  };
  return container;
}

export function listContainers(root: string): Container[] {
  let names: string[];
  try {
    names = readdirSync(root).sort();
  } catch {
    return [];
  }
  return names.flatMap((name) =>
    existsSync(join(root, name, "state.json")) ? [openContainer(root, name)] : [],
  );
}
