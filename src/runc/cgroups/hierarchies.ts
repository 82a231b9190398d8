/** Which cgroup hierarchies this machine has and where a container's cgroups lie in them (cgroups(7)). */
import { readFileSync } from "node:fs";
import { normalize } from "node:path/posix";
import { SkiffError } from "../../lib/errors.ts";

/** v1 controllers a container joins, in runc's order; `name=systemd` comes last. */
const CONTROLLERS = [
  ...["cpuset", "devices", "memory", "cpu", "cpuacct", "pids", "blkio", "hugetlb", "net_cls", "net_prio"],
  ...["perf_event", "freezer", "rdma", "misc", "name=systemd"],
];

export interface Hierarchy {
  readonly mountpoint: string;
  /** The part of the hierarchy that is mounted there: "/" outside containers. */
  readonly root: string;
  /** Our own cgroup in it. */
  readonly own: string;
}

export interface Hierarchies {
  /** 2 only where v2 holds the controllers; a hybrid machine is 1. */
  readonly version: 1 | 2;
  /** Controller → hierarchy; v2: the one key is "". */
  readonly of: ReadonlyMap<string, Hierarchy>;
}

function ownCgroups(text: string): ReadonlyMap<string, string> {
  const own = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    if (match !== null) for (const name of match[1]!.split(",")) own.set(name, match[2]!);
  }
  return own;
}

/** `mountinfo`, `cgroup`: the texts of /proc/self/mountinfo and /proc/self/cgroup. */
export function parseHierarchies(mountinfo: string, cgroup: string): Hierarchies {
  const own = ownCgroups(cgroup);
  const v1 = new Map<string, Hierarchy>();
  let v2: Hierarchy | undefined;
  for (const line of mountinfo.split("\n")) {
    const dash = line.indexOf(" - cgroup");
    if (dash < 0) continue;
    const [, , , root = "/", mountpoint = ""] = line.split(" ");
    const [type, , options = ""] = line.slice(dash + 3).split(" ");
    if (type === "cgroup2") v2 ??= { root, mountpoint, own: own.get("") ?? "/" };
    if (type !== "cgroup") continue;
    for (const name of options.split(",").filter((word) => CONTROLLERS.includes(word))) {
      if (!v1.has(name)) v1.set(name, { root, mountpoint, own: own.get(name) ?? "/" });
    }
  }
  if (v1.has("memory") || v1.has("cpu") || v1.has("pids") || v2 === undefined) {
    const ordered = CONTROLLERS.filter((name) => v1.has(name)).map((name) => [name, v1.get(name)!] as const);
    return { version: 1, of: new Map(ordered) };
  }
  return { version: 2, of: new Map([["", v2]]) };
}

export function readHierarchies(): Hierarchies {
  return parseHierarchies(
    readFileSync("/proc/self/mountinfo", "utf8"),
    readFileSync("/proc/self/cgroup", "utf8"),
  );
}

/** Controller → absolute directory of the container's cgroup. */
export type CgroupPaths = Readonly<Record<string, string>>;

/**
 * Where the container goes: runc's rules. An absolute path counts from the hierarchy's root, a relative one from our own cgroup;
 * without any it is the id, relative. `slice:prefix:name`, systemd's form, is a name like any other to the cgroupfs driver.
 */
export function placeCgroups(
  hierarchies: Hierarchies,
  cgroupsPath: string | undefined,
  id: string,
): CgroupPaths {
  const wanted = cgroupsPath === undefined || cgroupsPath === "" ? id : cgroupsPath;
  const inner = normalize(`/${wanted}`).replace(/\/$/, "");
  if (inner === "") throw new SkiffError("invalid_argument", `place cgroup "${wanted}": the root cgroup`);
  const paths: Record<string, string> = {};
  for (const [name, hierarchy] of hierarchies.of) {
    const { mountpoint, root, own } = hierarchy;
    const below = root !== "/" && own.startsWith(root) ? own.slice(root.length) : own;
    /* Where v2 is mounted whole, our own cgroup holds processes and may have no children with controllers; runc takes its parent. */
    const base = wanted.startsWith("/")
      ? ""
      : hierarchies.version === 2
        ? below.replace(/\/[^/]*$/, "")
        : below;
    paths[name] = mountpoint + normalize(`/${base}`).replace(/\/$/, "") + inner;
  }
  return paths;
}

/** The directories from below the mount point down to `path`, outermost first. */
export function ancestry(mountpoint: string, path: string): string[] {
  const names = path.slice(mountpoint.length + 1).split("/");
  return names.map((_, at) => `${mountpoint}/${names.slice(0, at + 1).join("/")}`);
}

/**
 * `slice:prefix:name`, what systemd's cgroup driver is given, as the path systemd would make of it: the slice's ancestors are in its
 * name (`a-b.slice` lies in `a.slice`), the leaf is `prefix-name.scope`. Without the form, runc's defaults.
 */
export function expandSystemdPath(cgroupsPath: string | undefined, id: string): string {
  const [slice = "", prefix = "", name = ""] = (cgroupsPath || `system.slice:runc:${id}`).split(":");
  if (name === "") {
    throw new SkiffError(
      "invalid_argument",
      `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "${cgroupsPath}" instead`,
    );
  }
  const parts = (slice || "system.slice").replace(/\.slice$/, "").split("-");
  const slices = parts.map((_, at) => `${parts.slice(0, at + 1).join("-")}.slice`);
  const leaf = name.endsWith(".slice") ? name : `${prefix === "" ? "" : `${prefix}-`}${name}.scope`;
  return `/${[...(slice === "-.slice" ? [] : slices), leaf].join("/")}`;
}
