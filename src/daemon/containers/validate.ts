/** The rules dockerd checks at create, in its words. What needs a look at the machine gets it through `facts`. */

import { SkiffError } from "../../lib/errors.ts";
import { resolveCapabilities } from "../security/capabilities.ts";
import { parseSecurityOptions } from "../security/options.ts";
import type { ContainerConfig, HostConfig } from "./config.ts";
import { checkHealthcheck } from "./health/request.ts";
import { checkLogConfig } from "./log-config.ts";
import { parseSignal } from "./signals.ts";
import { isContainerMode } from "./spec/namespaces.ts";

const MEMORY_MIN = 6 * 1024 * 1024;
const HOSTNAME_MAX = 64;

export interface ValidationFacts {
  readonly cpus: number;
  readonly capabilities: readonly string[];
  readonly runtimes: readonly string[];
}

function check(condition: boolean, message: string): void {
  if (!condition) throw new SkiffError("invalid_argument", message);
}

function checkConfig(config: ContainerConfig): void {
  const { WorkingDir, Hostname } = config;
  check(
    WorkingDir === "" || WorkingDir.startsWith("/"),
    `the working directory '${WorkingDir}' is invalid, it needs to be an absolute path`,
  );
  check(
    Buffer.byteLength(Hostname) <= HOSTNAME_MAX,
    `hostname "${Hostname}" is too long (maximum ${HOSTNAME_MAX} bytes)`,
  );
  if (config.StopSignal !== undefined && config.StopSignal !== "") parseSignal(config.StopSignal);
  checkHealthcheck(config.Healthcheck);
  for (const entry of config.Env ?? [])
    check(entry !== "" && !entry.startsWith("="), `invalid environment variable: ${entry}`);
}

function checkMemory(host: HostConfig): void {
  const { Memory, MemorySwap, MemoryReservation, MemorySwappiness } = host;
  check(Memory === 0 || Memory >= MEMORY_MIN, "Minimum memory limit allowed is 6MB");
  check(
    !(Memory > 0 && MemorySwap > 0 && MemorySwap < Memory),
    "Minimum memoryswap limit should be larger than memory limit, see usage",
  );
  check(
    !(Memory === 0 && MemorySwap > 0),
    "You should always set the Memory limit when using Memoryswap limit, see usage",
  );
  check(
    MemoryReservation <= 0 || MemoryReservation >= MEMORY_MIN,
    "Minimum memory reservation allowed is 6MB",
  );
  check(
    !(Memory > 0 && MemoryReservation > 0 && Memory < MemoryReservation),
    "Minimum memory limit can not be less than memory reservation limit, see usage",
  );
  check(
    MemorySwappiness === null || (MemorySwappiness >= -1 && MemorySwappiness <= 100),
    `Invalid value: ${MemorySwappiness}, valid memory swappiness range is 0-100`,
  );
}

function checkCpu(host: HostConfig, cpus: number): void {
  const { NanoCpus, CpuPeriod, CpuQuota } = host;
  check(!(NanoCpus > 0 && CpuPeriod > 0), "Conflicting options: Nano CPUs and CPU Period cannot both be set");
  check(!(NanoCpus > 0 && CpuQuota > 0), "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  check(
    NanoCpus >= 0 && NanoCpus <= cpus * 1e9,
    `range of CPUs is from 0.01 to ${cpus}.00, as there are only ${cpus} CPUs available`,
  );
  check(
    CpuPeriod === 0 || (CpuPeriod >= 1000 && CpuPeriod <= 1_000_000),
    "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
  );
  check(CpuQuota <= 0 || CpuQuota >= 1000, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
  check(host.CpuShares >= 0, `invalid CPU shares (${host.CpuShares}): value must be a positive integer`);
}

function checkModes(host: HostConfig): void {
  const one = (what: string, mode: string, words: readonly string[]) =>
    check(words.includes(mode) || isContainerMode(mode), `invalid ${what} mode: ${mode}`);
  one("IPC", host.IpcMode, ["", "none", "private", "shareable", "host"]);
  one("PID", host.PidMode, ["", "host"]);
  check(["", "host"].includes(host.UTSMode), `invalid UTS mode: ${host.UTSMode}`);
  check(
    ["", "private", "host"].includes(host.CgroupnsMode),
    `invalid cgroup namespace mode: ${host.CgroupnsMode}`,
  );
  check(["", "default"].includes(host.Isolation), `invalid isolation '${host.Isolation}' on linux`);
  check(["", "host"].includes(host.UsernsMode), `invalid userns mode: ${host.UsernsMode}`);
}

function checkRestart(host: HostConfig): void {
  const { Name, MaximumRetryCount } = host.RestartPolicy;
  check(
    ["", "no", "always", "on-failure", "unless-stopped"].includes(Name),
    `invalid restart policy: unknown policy '${Name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
  );
  const negative = MaximumRetryCount < 0 ? " and cannot be negative" : "";
  check(
    MaximumRetryCount === 0 || Name === "on-failure" || Name === "",
    `invalid restart policy: maximum retry count can only be used with 'on-failure'${negative}`,
  );
  check(MaximumRetryCount >= 0, "invalid restart policy: maximum retry count cannot be negative");
  check(
    !(host.AutoRemove && Name !== "" && Name !== "no"),
    "can't create 'AutoRemove' container with restart policy",
  );
}

function checkPorts(host: HostConfig): void {
  for (const [port, bindings] of Object.entries(host.PortBindings)) {
    const match = /^([0-9]{1,5})(\/(tcp|udp|sctp))?$/.exec(port);
    check(
      match !== null && Number(match[1]) > 0 && Number(match[1]) < 65_536,
      `invalid port specification: "${port}"`,
    );
    for (const { HostPort } of bindings ?? [])
      check(
        HostPort === "" || HostPort === undefined || /^[0-9]{1,5}(-[0-9]{1,5})?$/.test(HostPort),
        `invalid port specification: "${HostPort}"`,
      );
  }
}

function checkSecurity(host: HostConfig, facts: ValidationFacts): void {
  for (const [field, list] of [
    ["CapAdd", host.CapAdd],
    ["CapDrop", host.CapDrop],
  ] as const) {
    try {
      resolveCapabilities({ add: list ?? [], drop: [], privileged: false }, facts.capabilities);
    } catch (error) {
      throw new SkiffError("invalid_argument", `invalid ${field}: ${(error as Error).message}`);
    }
  }
  parseSecurityOptions(host.SecurityOpt ?? []);
}

/** @throws invalid_argument. Answers the warnings of the create response. */
export function validate(
  config: ContainerConfig,
  host: HostConfig,
  facts: ValidationFacts,
): readonly string[] {
  checkConfig(config);
  checkMemory(host);
  checkCpu(host, facts.cpus);
  checkModes(host);
  checkRestart(host);
  checkPorts(host);
  checkSecurity(host, facts);
  checkLogConfig(host.LogConfig);
  check(host.ShmSize >= 0, "SHM size can not be less than 0");
  check(
    host.OomScoreAdj >= -1000 && host.OomScoreAdj <= 1000,
    `Invalid value ${host.OomScoreAdj}, range for oom score adj is [-1000, 1000]`,
  );
  check(
    host.Runtime === "" || facts.runtimes.includes(host.Runtime),
    `unknown or invalid runtime name: ${host.Runtime}`,
  );
  for (const destination of Object.keys(host.Tmpfs ?? {}))
    check(
      destination.startsWith("/") && destination !== "/",
      `invalid mount path: '${destination}' mount path must be absolute`,
    );
  for (const entry of host.ExtraHosts ?? []) {
    const index = entry.search(/[:=]/);
    check(index > 0 && index < entry.length - 1, `bad format for add-host: "${entry}"`);
  }
  const published = Object.keys(host.PortBindings).length > 0;
  return host.NetworkMode === "host" && published
    ? ["Published ports are discarded when using host network mode"]
    : [];
}
