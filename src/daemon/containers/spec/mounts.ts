/** The mounts of a container: dockerd's default ones, then its files and the user's, in the order in which they cover each other. */
import type { Mount } from "../../../contracts/oci/spec.ts";
import type { HostConfig } from "../config.ts";

/** A mount as dockerd thinks of it, with its source resolved. */
export interface PlannedMount {
  readonly kind: "bind" | "tmpfs";
  readonly destination: string;
  /** Host path of a bind. */
  readonly source: string;
  readonly writable: boolean;
  readonly recursive: boolean;
  /** Read-only for the mounts below it too (kernel ≥ 5.12). */
  readonly readonlyRecursive: boolean;
  readonly propagation: string;
  /** Options of a tmpfs, comma-separated. */
  readonly data: string;
}

const DEFAULTS: readonly Mount[] = Object.freeze([
  { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
  {
    destination: "/dev",
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
  },
  {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
  },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
  {
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: ["ro", "nosuid", "noexec", "nodev"],
  },
  { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
  {
    destination: "/dev/shm",
    type: "tmpfs",
    source: "shm",
    options: ["nosuid", "noexec", "nodev", "mode=1777"],
  },
]);

/** Stay writable under `--read-only`. */
const ALWAYS_WRITABLE = new Set(["/proc", "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev"]);

const depth = (path: string) => path.split("/").filter((part) => part !== "").length;

/** Groups of which the last word wins, as mount(8) and dockerd read them. */
const OPPOSITES: readonly (readonly string[])[] = [
  ["exec", "noexec"],
  ["suid", "nosuid"],
  ["dev", "nodev"],
  ["ro", "rw"],
  ["atime", "noatime"],
  ["diratime", "nodiratime"],
  ["sync", "async"],
  ["relatime", "norelatime"],
  ["strictatime", "nostrictatime"],
];

/** tmpfs options: the defaults, overridden by the user's. */
export function mergeTmpfsOptions(defaults: readonly string[], data: string): string[] {
  const merged = new Map<string, string>();
  for (const option of [...defaults, ...data.split(",").filter((word) => word !== "")]) {
    const name = option.split("=")[0]!;
    const key = OPPOSITES.find((group) => group.includes(name))?.[0] ?? name;
    merged.delete(key);
    merged.set(key, option);
  }
  return [...merged.values()];
}

function toOci(mount: PlannedMount): Mount {
  if (mount.kind === "tmpfs") {
    const options = mergeTmpfsOptions(["noexec", "nosuid", "nodev", mount.propagation], mount.data);
    return { destination: mount.destination, type: "tmpfs", source: "tmpfs", options };
  }
  const readonly = mount.writable ? [] : [mount.readonlyRecursive ? "rro" : "ro"];
  const options = [mount.recursive ? "rbind" : "bind", ...readonly, mount.propagation];
  return {
    destination: mount.destination,
    type: "bind",
    source: mount.source,
    options: options.filter((option) => option !== ""),
  };
}

function withoutReadonly(mount: Mount): Mount {
  return { ...mount, options: (mount.options ?? []).filter((option) => option !== "ro") };
}

export interface MountContext {
  readonly host: HostConfig;
  /** `writable-cgroups` of --security-opt; undefined: as privileged is. */
  readonly writableCgroups: boolean | undefined;
}

export function buildMounts(planned: readonly PlannedMount[], context: MountContext): readonly Mount[] {
  const { host } = context;
  const sorted = planned.toSorted((a, b) => depth(a.destination) - depth(b.destination));
  const covered = new Set(sorted.map((mount) => mount.destination));
  const defaults = DEFAULTS.filter(
    ({ destination }) =>
      !covered.has(destination) &&
      !(covered.has("/dev") && destination.startsWith("/dev/")) &&
      !(destination === "/dev/shm" && host.IpcMode === "none"),
  ).map((mount) =>
    mount.destination === "/dev/shm"
      ? { ...mount, options: [...mount.options!, `size=${host.ShmSize}`] }
      : mount,
  );
  const writableCgroups = context.writableCgroups ?? host.Privileged;
  return [...defaults, ...sorted.map(toOci)].map((mount) => {
    if (host.Privileged && mount.destination === "/sys") return withoutReadonly(mount);
    if (writableCgroups && mount.type === "cgroup") return withoutReadonly(mount);
    const stays = ALWAYS_WRITABLE.has(mount.destination) || covered.has(mount.destination);
    if (!host.ReadonlyRootfs || stays || mount.options!.includes("ro")) return mount;
    return { ...mount, options: [...mount.options!, "ro"] };
  });
}
