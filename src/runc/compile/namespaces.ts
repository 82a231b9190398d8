/** Namespaces: the new ones as clone flags, existing ones joined by the stage actor, user namespace mappings. */
import type { IdMapping, NamespaceType } from "../../contracts/oci/spec.ts";
import { SLOT } from "../plan/ops.ts";
import { type Compilation, isNew, O } from "./context.ts";

/* linux/sched.h */
export const CLONE: Readonly<Record<NamespaceType, number>> = {
  time: 0x80,
  mount: 0x2_0000,
  cgroup: 0x200_0000,
  uts: 0x400_0000,
  ipc: 0x800_0000,
  user: 0x1000_0000,
  pid: 0x2000_0000,
  network: 0x4000_0000,
};

/** Names under /proc/<pid>/ns. */
export const NS_FILE: Readonly<Record<NamespaceType, string>> = {
  ...{ pid: "pid_for_children", network: "net", mount: "mnt", ipc: "ipc", uts: "uts" },
  ...{ user: "user", cgroup: "cgroup", time: "time_for_children" },
};

/**
 * Opens the namespaces first, because /proc is another one after setns(mount), then joins them. As root the user namespace comes
 * last: root may enter all others from outside, but not from inside. An ordinary user must be inside first.
 */
export function joinNamespaces(
  { plan, facts }: Pick<Compilation, "plan" | "facts">,
  namespaces: readonly { readonly type: NamespaceType; readonly path: string }[],
): void {
  const rank = (type: NamespaceType): number => (type === "user" ? (facts.euid === 0 ? 2 : 0) : 1);
  const ordered = namespaces.toSorted((a, b) => rank(a.type) - rank(b.type));
  const opened = ordered.map(({ type, path }) => {
    const slot = plan.slot();
    plan.host("open", `open namespace path "${path}"`, slot, SLOT.none, path, O.readOnly);
    return { type, path, slot };
  });
  for (const { type, path, slot } of opened)
    plan.stage("setns", `setns ${type} "${path}"`, slot, CLONE[type]);
}

/** Flags of the clone, after the operations that must precede it. The cgroup namespace is made once init is in its cgroup. */
export function compileNamespaces(compilation: Compilation): number {
  const { linux, plan } = compilation;
  const paths = (linux.namespaces ?? []).flatMap(({ type, path }) => (path ? [{ type, path }] : []));
  if (paths.length > 0) joinNamespaces(compilation, paths);
  if (isNew(linux, "time")) {
    plan.stage("unshare", "unshare time namespace", CLONE.time);
    const offsets = Object.entries(linux.timeOffsets ?? {});
    const text = offsets
      .map(([clock, { secs = 0, nanosecs = 0 }]) => `${clock} ${secs} ${nanosecs}\n`)
      .join("");
    if (text !== "") plan.stage("write", "write time offsets", SLOT.proc, "self/timens_offsets", text, 0);
  }
  const fresh = (linux.namespaces ?? []).filter(
    ({ type, path }) => !path && type !== "cgroup" && type !== "time",
  );
  return fresh.reduce((flags, { type }) => flags | CLONE[type], 0);
}

export function idMapText(mappings: readonly IdMapping[]): string {
  return mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
}

/** After the clone, by host. */
export function compileIdMaps({ linux, plan, facts }: Compilation): void {
  if (!isNew(linux, "user")) return;
  if (facts.euid !== 0) plan.host("map", "deny setgroups", "setgroups", "deny");
  plan.host("map", "write uid_map", "uid_map", idMapText(linux.uidMappings ?? []));
  plan.host("map", "write gid_map", "gid_map", idMapText(linux.gidMappings ?? []));
}
