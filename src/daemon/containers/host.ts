/** What the machine and the daemon's options say about every container: asked once, when skiffd starts. */
import { mkdirSync, readFileSync } from "node:fs";
import { installInit } from "../../kernel/init.ts";
import { hostAppArmor } from "../security/apparmor.ts";
import { availableCapabilities } from "../security/capabilities.ts";
import { maskedPaths } from "../security/paths.ts";
import { hostSeccompFacts } from "../security/seccomp.ts";
import type { HostDefaults } from "./defaults.ts";
import type { HostFacts } from "./spec/build.ts";

/** 2 where /sys/fs/cgroup is the unified hierarchy itself; hybrid is 1. */
export function cgroupVersion(mountinfo = readFileSync("/proc/self/mountinfo", "utf8")): 1 | 2 {
  return / \/sys\/fs\/cgroup [^-]*- cgroup2 /.test(mountinfo) ? 2 : 1;
}

/** `directory` gets the file that `--init` mounts. */
export function readHostFacts(directory: string): HostFacts {
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  return Object.freeze({
    cgroupVersion: cgroupVersion(),
    capabilities: availableCapabilities(),
    maskedPaths: maskedPaths(),
    seccomp: hostSeccompFacts(),
    apparmor: hostAppArmor(),
    initPath: installInit(directory),
  });
}

const SHM_BYTES = 64 * 1024 * 1024;

/** dockerd's defaults; the daemon's own options are laid over them. */
export function hostDefaults(host: HostFacts, options: Partial<HostDefaults>): HostDefaults {
  return Object.freeze({
    runtime: DEFAULT_RUNTIME,
    network: "bridge",
    cgroupVersion: host.cgroupVersion,
    shmSize: SHM_BYTES,
    maskedPaths: host.maskedPaths,
    init: false,
    log: { Type: "json-file", Config: {} },
    ulimits: null,
    ...options,
  });
}

export const DEFAULT_RUNTIME = "skiff-runc";
