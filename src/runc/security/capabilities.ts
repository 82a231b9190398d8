/** Capability names as bit sets (capabilities(7), include/uapi/linux/capability.h). */
import type { Capabilities } from "../../contracts/oci/spec.ts";

/** The number of a capability is its place. */
export const CAPABILITIES = [
  ...["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP"],
  ...[
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
  ],
  ...[
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
  ],
  ...[
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
  ],
  ...["MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF"],
  "CHECKPOINT_RESTORE",
] as const;

export interface CapabilitySets {
  readonly bounding: bigint;
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly ambient: bigint;
  /** Names the kernel or we do not know: runc warns and goes on. */
  readonly unknown: readonly string[];
}

const BITS: ReadonlyMap<string, bigint> = new Map(
  CAPABILITIES.map((name, number) => [`CAP_${name}`, 1n << BigInt(number)]),
);

/** `available`: the caller's bounding set; what is not in it cannot be given and counts as unknown. */
export function compileCapabilities(capabilities: Capabilities, available: bigint): CapabilitySets {
  const unknown = new Set<string>();
  const bits = (names: readonly string[] | undefined): bigint => {
    let set = 0n;
    for (const name of names ?? []) {
      const bit = BITS.get(name.toUpperCase());
      if (bit === undefined || (available & bit) === 0n) unknown.add(name);
      else set |= bit;
    }
    return set;
  };
  const permitted = bits(capabilities.permitted);
  const inheritable = bits(capabilities.inheritable);
  return {
    bounding: bits(capabilities.bounding),
    effective: bits(capabilities.effective) & permitted,
    permitted,
    inheritable,
    /* The kernel gives ambient only what is permitted and inheritable. */
    ambient: bits(capabilities.ambient) & permitted & inheritable,
    unknown: [...unknown],
  };
}
