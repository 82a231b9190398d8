/** The configuration that `spec` writes to begin with, as runc's. */
import type { Mount, Namespace, Spec } from "../../contracts/oci/spec.ts";

const CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
const NO_EXEC = ["nosuid", "noexec", "nodev"];

function mounts(rootless: boolean): Mount[] {
  const pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
  const sys: Mount = rootless
    ? { destination: "/sys", type: "none", source: "/sys", options: ["rbind", ...NO_EXEC, "ro"] }
    : { destination: "/sys", type: "sysfs", source: "sysfs", options: [...NO_EXEC, "ro"] };
  return [
    { destination: "/proc", type: "proc", source: "proc" },
    {
      ...{ destination: "/dev", type: "tmpfs", source: "tmpfs" },
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: rootless ? pts : [...pts, "gid=5"],
    },
    {
      ...{ destination: "/dev/shm", type: "tmpfs", source: "shm" },
      options: [...NO_EXEC, "mode=1777", "size=65536k"],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: NO_EXEC },
    sys,
    {
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: [...NO_EXEC, "relatime", "ro"],
    },
  ];
}

function namespaces(rootless: boolean): Namespace[] {
  const common: Namespace[] = [{ type: "ipc" }, { type: "uts" }, { type: "mount" }];
  return rootless
    ? [{ type: "pid" }, ...common, { type: "user" }]
    : [{ type: "pid" }, { type: "network" }, ...common];
}

export function defaultSpec(rootless: { readonly uid: number; readonly gid: number } | undefined): Spec {
  const bare = rootless !== undefined;
  const mapped = bare && {
    uidMappings: [{ containerID: 0, hostID: rootless.uid, size: 1 }],
    gidMappings: [{ containerID: 0, hostID: rootless.gid, size: 1 }],
  };
  const [bounding, effective, permitted, ambient] = [CAPABILITIES, CAPABILITIES, CAPABILITIES, CAPABILITIES];
  return {
    ociVersion: "1.0.2-dev",
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding, effective, permitted, ambient },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "runc",
    mounts: mounts(bare),
    linux: {
      ...(mapped || { resources: { devices: [{ allow: false, access: "rwm" }] } }),
      namespaces: namespaces(bare),
      maskedPaths: [
        ...[
          "/proc/acpi",
          "/proc/asound",
          "/proc/kcore",
          "/proc/keys",
          "/proc/latency_stats",
          "/proc/timer_list",
        ],
        ...["/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}
