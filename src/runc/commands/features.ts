/** features: what this runtime knows, in the shape of the runtime-spec's features.json. */
import { NAMESPACE_TYPES } from "../../contracts/oci/spec.ts";
import { FLAG_NAMES, PROPAGATION } from "../compile/flags.ts";
import type { RuncContext } from "../context.ts";
import { OPERATORS } from "../seccomp/assemble.ts";
import { ACTION_NAMES, FLAG_NAMES as SECCOMP_FLAGS } from "../seccomp/compile.ts";
import { ARCHITECTURE_NAMES } from "../seccomp/syscalls.ts";
import { CAPABILITIES } from "../security/capabilities.ts";

export async function features(context: RuncContext): Promise<number> {
  const options = [...FLAG_NAMES, ...FLAG_NAMES.map((name) => `r${name}`), ...Object.keys(PROPAGATION)];
  const known = {
    ociVersionMin: "1.0.0",
    ociVersionMax: "1.2.0",
    hooks: ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
    mountOptions: [
      ...new Set([...options, "bind", "rbind", "defaults", "tmpcopyup", "idmap", "ridmap"]),
    ].sort(),
    linux: {
      namespaces: [...NAMESPACE_TYPES].sort(),
      capabilities: CAPABILITIES.map((name) => `CAP_${name}`),
      cgroup: { v1: true, v2: true, systemd: false, systemdUser: false, rdma: false },
      seccomp: {
        enabled: true,
        actions: ACTION_NAMES.toSorted(),
        operators: Object.keys(OPERATORS).sort(),
        archs: ARCHITECTURE_NAMES.toSorted(),
        knownFlags: SECCOMP_FLAGS.toSorted(),
        supportedFlags: SECCOMP_FLAGS.toSorted(),
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: false },
      mountExtensions: { idmap: { enabled: true } },
    },
    potentiallyUnsafeConfigAnnotations: [],
  };
  context.print(`${JSON.stringify(known, null, 4)}\n`);
  return 0;
}
