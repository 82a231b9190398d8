/** /dev: the device nodes and links every container has (config-linux.md, "Default Devices"), and those of the spec. */
import type { Device } from "../../contracts/oci/spec.ts";
import { SLOT } from "../plan/ops.ts";
import type { Compilation } from "./context.ts";
import { parseMountOptions } from "./flags.ts";

const DEFAULTS: readonly Device[] = [
  { type: "c", path: "/dev/null", major: 1, minor: 3 },
  { type: "c", path: "/dev/zero", major: 1, minor: 5 },
  { type: "c", path: "/dev/full", major: 1, minor: 7 },
  { type: "c", path: "/dev/tty", major: 5, minor: 0 },
  { type: "c", path: "/dev/urandom", major: 1, minor: 9 },
  { type: "c", path: "/dev/random", major: 1, minor: 8 },
];

const LINKS: readonly (readonly [string, string])[] = [
  ["/proc/self/fd", "/dev/fd"],
  ["/proc/self/fd/0", "/dev/stdin"],
  ["/proc/self/fd/1", "/dev/stdout"],
  ["/proc/self/fd/2", "/dev/stderr"],
];

/* linux/stat.h, linux/kdev_t.h */
const TYPE = { c: 0o020000, u: 0o020000, b: 0o060000, p: 0o010000 } as const;

function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (
    ((high & 0xffff_f000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffff_ff00n) << 12n) | (low & 0xffn)
  );
}

/** Whether /dev is the container's own: a /dev bound from outside is left as it is. */
export function ownsDev({ spec }: Pick<Compilation, "spec">): boolean {
  const mount = spec.mounts?.findLast(({ destination }) => destination.replace(/\/+$/, "") === "/dev");
  return mount === undefined || !(mount.type === "bind" || parseMountOptions(mount.options ?? []).bind);
}

export function compileDevices(compilation: Compilation): void {
  const { plan, linux, userNamespace, facts } = compilation;
  const own = linux.devices ?? [];
  const devices = [...DEFAULTS.filter(({ path }) => !own.some((device) => device.path === path)), ...own];
  for (const device of devices) {
    const failed = `error creating device nodes: ${device.path}`;
    if (userNamespace) {
      /* mknod is not allowed there; the host's node is bound. */
      const slot = plan.slot();
      plan.early("tree", failed, slot, SLOT.none, device.path, 0);
      plan.init("place", failed, slot, device.path);
      continue;
    }
    const mode = TYPE[device.type] | (device.fileMode ?? 0o666);
    const number = deviceNumber(device.major ?? 0, device.minor ?? 0);
    plan.init("mknod", failed, device.path, mode, number, device.uid ?? 0, device.gid ?? 0);
  }
  for (const [text, path] of LINKS) plan.init("symlink", `error symlinking ${path}`, text, path);
  if (facts.exists("/proc/kcore"))
    plan.init("symlink", "error symlinking /dev/core", "/proc/kcore", "/dev/core");
  plan.init("symlink", "error setting up ptmx", "pts/ptmx", "/dev/ptmx");
}
