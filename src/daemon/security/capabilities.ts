/** Which capabilities a container gets: Docker's fourteen by default, changed by `--cap-add`, `--cap-drop` and `--privileged`. */
import { readFileSync } from "node:fs";
import { SkiffError } from "../../lib/errors.ts";

/** Linux' capabilities by number (include/uapi/linux/capability.h). */
const CAPABILITIES = [
  ..."CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE".split(" "),
  ..."NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT".split(
    " ",
  ),
  ..."SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE".split(
    " ",
  ),
  ..."AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ".split(
    " ",
  ),
  ..."PERFMON BPF CHECKPOINT_RESTORE".split(" "),
].map((name) => `CAP_${name}`);

/** In the order in which dockerd writes them. */
export const DEFAULT_CAPABILITIES: readonly string[] = Object.freeze(
  "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE"
    .split(" ")
    .map((name) => `CAP_${name}`),
);

const ALL = "ALL";

export interface CapabilityRequest {
  readonly add: readonly string[];
  readonly drop: readonly string[];
  readonly privileged: boolean;
}

/** The names of the set bits of a mask as /proc/self/status prints it (hexadecimal). */
export function namesOfMask(mask: string): readonly string[] {
  const bits = BigInt(`0x${mask}`);
  return CAPABILITIES.filter((_, bit) => ((bits >> BigInt(bit)) & 1n) === 1n);
}

/** What this process can give away: its bounding set. Without CAP_SYS_RESOURCE, say, `--privileged` has not got it either. */
export function availableCapabilities(status = readFileSync("/proc/self/status", "utf8")): readonly string[] {
  return namesOfMask(/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)![1]!);
}

function normalize(names: readonly string[], available: readonly string[]): string[] {
  return names.map((given) => {
    const upper = given.toUpperCase();
    if (upper === ALL) return ALL;
    const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
    if (!CAPABILITIES.includes(name))
      throw new SkiffError("invalid_argument", `unknown capability: "${name}"`);
    if (available.includes(name)) return name;
    const why = "capability not supported by your kernel or not available in the current environment";
    throw new SkiffError("invalid_argument", `${why}: "${name}"`);
  });
}

/**
 * The capabilities granted, in Docker's order: `ALL` in add wins over `ALL` in drop, a name in drop is taken from `ALL`.
 * @throws invalid_argument for an unknown name, or one that the kernel or this machine has not got.
 */
export function resolveCapabilities(
  request: CapabilityRequest,
  available: readonly string[],
): readonly string[] {
  if (request.privileged) return available;
  const drop = normalize(request.drop, available);
  const add = normalize(request.add, available);
  if (add.includes(ALL)) return available.filter((name) => !drop.includes(name));
  if (drop.includes(ALL)) return [...new Set(add)];
  return [...new Set([...DEFAULT_CAPABILITIES.filter((name) => !drop.includes(name)), ...add])];
}
