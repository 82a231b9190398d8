/** What the machine says about itself, for `docker info` and `docker version`. */
import { readFileSync } from "node:fs";
import { release } from "node:os";

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** A field of os-release(5), without its quotes. */
export function osRelease(text: string, field: string): string {
  const line = text.split("\n").find((one) => one.startsWith(`${field}=`)) ?? "";
  return line.slice(field.length + 1).replace(/^(["'])(.*)\1$/, "$2");
}

export function operatingSystem(): { readonly name: string; readonly version: string } {
  const text = read("/etc/os-release") || read("/usr/lib/os-release");
  return { name: osRelease(text, "PRETTY_NAME") || "Linux", version: osRelease(text, "VERSION_ID") };
}

/** As GOARCH names it. */
export const goArchitecture = (): string => (process.arch === "x64" ? "amd64" : process.arch);
/** As uname(1) names it. */
export const machine = (): string => (process.arch === "x64" ? "x86_64" : "aarch64");
export const kernelVersion = (): string => release();

/** Bytes. */
export function memoryTotal(): number {
  const match = /^MemTotal:\s+([0-9]+) kB/m.exec(read("/proc/meminfo"));
  return Number(match?.[1] ?? 0) * 1024;
}

export const ipv4Forwarding = (): boolean => read("/proc/sys/net/ipv4/ip_forward").trim() === "1";

export interface CgroupFacts {
  readonly memory: boolean;
  readonly swap: boolean;
  readonly cpuCfs: boolean;
  readonly cpuShares: boolean;
  readonly cpuset: boolean;
  readonly pids: boolean;
  readonly oomKillDisable: boolean;
}

/** Which limits the kernel's cgroups can set. */
export function cgroupFacts(version: 1 | 2): CgroupFacts {
  if (version === 2) {
    const controllers = new Set(read("/sys/fs/cgroup/cgroup.controllers").trim().split(" "));
    const [memory, cpu] = [controllers.has("memory"), controllers.has("cpu")];
    return {
      ...{ memory, swap: memory, cpuCfs: cpu, cpuShares: cpu, oomKillDisable: false },
      ...{ cpuset: controllers.has("cpuset"), pids: controllers.has("pids") },
    };
  }
  const there = (path: string) => read(`/sys/fs/cgroup/${path}`) !== "";
  return {
    memory: there("memory/memory.limit_in_bytes"),
    swap: there("memory/memory.memsw.limit_in_bytes"),
    cpuCfs: there("cpu/cpu.cfs_quota_us"),
    cpuShares: there("cpu/cpu.shares"),
    cpuset: there("cpuset/cpuset.cpus"),
    pids: read("/proc/self/cgroup").includes(":pids:"),
    oomKillDisable: there("memory/memory.oom_control"),
  };
}
