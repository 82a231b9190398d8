/** The OCI configuration of a container: a pure function of its record, of the host, and of what start has prepared. */
import type { Device, DeviceRule, Rlimit, Seccomp, Spec } from "../../../contracts/oci/spec.ts";
import { type AppArmor, resolveAppArmor } from "../../security/apparmor.ts";
import { resolveCapabilities } from "../../security/capabilities.ts";
import {
  ALL_DEVICES,
  DEFAULT_DEVICE_RULES,
  devicesFromPath,
  hostDevices,
  parseDeviceRule,
  ruleOf,
} from "../../security/devices.ts";
import { parseSecurityOptions } from "../../security/options.ts";
import { READONLY_PATHS } from "../../security/paths.ts";
import { customSeccomp, defaultSeccomp, type SeccompFacts } from "../../security/seccomp.ts";
import type { HostConfig } from "../config.ts";
import type { ContainerRecord } from "../container.ts";
import { processEnvironment } from "./environment.ts";
import { buildMounts, type PlannedMount } from "./mounts.ts";
import { buildNamespaces, hasPrivateNetwork, type JoinedNamespaces } from "./namespaces.ts";
import { buildResources } from "./resources.ts";
import type { ResolvedUser } from "./user.ts";

export const INIT_IN_CONTAINER = "/sbin/docker-init";

/** What does not change while skiffd runs. */
export interface HostFacts {
  readonly cgroupVersion: 1 | 2;
  /** Capabilities that can be given away. */
  readonly capabilities: readonly string[];
  readonly maskedPaths: readonly string[];
  readonly seccomp: SeccompFacts;
  readonly apparmor: AppArmor;
  /** Path of skiff-init on the host, for `--init`. */
  readonly initPath: string;
}

export interface SpecInput {
  readonly container: ContainerRecord;
  readonly host: HostFacts;
  /** Where the container's root file system is mounted. */
  readonly rootfs: string;
  readonly user: ResolvedUser;
  readonly mounts: readonly PlannedMount[];
  readonly namespaces: JoinedNamespaces;
}

/** Path and arguments, entry point before command. */
export function commandOf(container: ContainerRecord): readonly string[] {
  return [...(container.config.Entrypoint ?? []), ...(container.config.Cmd ?? [])];
}

function usesInit(host: HostConfig): boolean {
  return host.Init === true && host.PidMode === "";
}

function rlimits(host: HostConfig): readonly Rlimit[] {
  return (host.Ulimits ?? []).map(({ Name, Soft, Hard }) => ({
    type: `RLIMIT_${Name.toUpperCase()}`,
    hard: Hard,
    soft: Soft,
  }));
}

/** Unlike capabilities, a profile of the user's own holds for `--privileged` too; only the default does not. */
export function seccompFor(
  host: HostConfig,
  asked: string,
  capabilities: readonly string[],
  facts: SeccompFacts,
): Seccomp | undefined {
  if (asked === "unconfined" || (asked === "" && host.Privileged)) return undefined;
  if (asked === "" || asked === "builtin") return defaultSeccomp(capabilities, facts);
  return customSeccomp(asked, capabilities, facts);
}

export function capabilitiesOf(asked: HostConfig, host: HostFacts): readonly string[] {
  const { CapAdd, CapDrop, Privileged } = asked;
  return resolveCapabilities(
    { add: CapAdd ?? [], drop: CapDrop ?? [], privileged: Privileged },
    host.capabilities,
  );
}

function devices(host: HostConfig): { nodes: readonly Device[]; rules: readonly DeviceRule[] } {
  const asked = (host.Devices ?? []).map((request) => ({ request, nodes: devicesFromPath(request) }));
  if (host.Privileged) {
    const moved = asked.filter(({ request }) => request.PathOnHost !== request.PathInContainer);
    return { nodes: [...hostDevices(), ...moved.flatMap(({ nodes }) => nodes)], rules: ALL_DEVICES };
  }
  const granted = asked.flatMap(({ request, nodes }) =>
    nodes.map((node) => ruleOf(node, request.CgroupPermissions)),
  );
  const rules = [...DEFAULT_DEVICE_RULES, ...granted, ...(host.DeviceCgroupRules ?? []).map(parseDeviceRule)];
  return { nodes: asked.flatMap(({ nodes }) => nodes), rules };
}

const PRIVATE_NETWORK_SYSCTLS = Object.freeze({
  "net.ipv4.ip_unprivileged_port_start": "0",
  "net.ipv4.ping_group_range": "0 2147483647",
});

/** The domain name is a sysctl too: older runtimes do not know the specification's `domainname`. */
function sysctls(host: HostConfig, domain: string): Record<string, string> {
  return {
    ...(domain === "" || host.UTSMode === "host" ? {} : { "kernel.domainname": domain }),
    ...(hasPrivateNetwork(host) ? PRIVATE_NETWORK_SYSCTLS : {}),
    ...host.Sysctls,
  };
}

function strongest(mounts: readonly PlannedMount[]): string | undefined {
  const has = (words: readonly string[]) => mounts.some((mount) => words.includes(mount.propagation));
  if (has(["shared", "rshared"])) return "shared";
  return has(["slave", "rslave"]) ? "rslave" : undefined;
}

/** The container's own process; an exec'ed one begins with the same. */
export function buildProcess(
  input: Pick<SpecInput, "container" | "host" | "user">,
  capabilities: readonly string[],
): NonNullable<Spec["process"]> {
  const { container, host, user } = input;
  const { config, hostConfig } = container;
  const options = parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  const apparmorProfile = resolveAppArmor(host.apparmor, options.apparmor, hostConfig.Privileged);
  const [height, width] = hostConfig.ConsoleSize;
  return {
    ...(config.Tty ? { terminal: true } : {}),
    ...(config.Tty && height > 0 && width > 0 ? { consoleSize: { height, width } } : {}),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: [...(usesInit(hostConfig) ? [INIT_IN_CONTAINER, "--"] : []), ...commandOf(container)],
    env: processEnvironment(config, user.home),
    cwd: config.WorkingDir === "" ? "/" : config.WorkingDir,
    // No inheritable and no ambient ones (CVE-2022-24769).
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    ...(hostConfig.Ulimits?.length ? { rlimits: rlimits(hostConfig) } : {}),
    ...(options.noNewPrivileges ? { noNewPrivileges: true } : {}),
    ...(apparmorProfile === "" ? {} : { apparmorProfile }),
    oomScoreAdj: hostConfig.OomScoreAdj,
  };
}

export function buildSpec(input: SpecInput): Spec {
  const { container, host } = input;
  const { config, hostConfig } = container;
  const options = parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  const capabilities = capabilitiesOf(hostConfig, host);
  const seccomp = seccompFor(hostConfig, options.seccomp, capabilities, host.seccomp);
  const { nodes, rules } = devices(hostConfig);
  const propagation = strongest(input.mounts);
  const parent = hostConfig.CgroupParent === "" ? "/docker" : hostConfig.CgroupParent;
  const init = usesInit(hostConfig)
    ? [{ destination: INIT_IN_CONTAINER, type: "bind", source: host.initPath, options: ["bind", "ro"] }]
    : [];
  return {
    // The oldest version whose fields these are: crun up to 1.8 refuses later ones.
    ociVersion: "1.0.2",
    process: buildProcess(input, capabilities),
    root: { path: input.rootfs, ...(hostConfig.ReadonlyRootfs ? { readonly: true } : {}) },
    ...(hostConfig.UTSMode === "host" ? {} : { hostname: config.Hostname }),
    mounts: [
      ...buildMounts(input.mounts, { host: hostConfig, writableCgroups: options.writableCgroups }),
      ...init,
    ],
    ...(hostConfig.Annotations === undefined ? {} : { annotations: hostConfig.Annotations }),
    linux: {
      namespaces: buildNamespaces(hostConfig, input.namespaces),
      devices: nodes,
      cgroupsPath: `${parent.replace(/\/$/, "")}/${container.id}`,
      ...(propagation === undefined ? {} : { rootfsPropagation: propagation }),
      resources: buildResources(hostConfig, rules),
      ...(seccomp === undefined ? {} : { seccomp }),
      sysctl: sysctls(hostConfig, config.Domainname),
      ...(hostConfig.Privileged
        ? {}
        : {
            maskedPaths: hostConfig.MaskedPaths ?? host.maskedPaths,
            readonlyPaths: hostConfig.ReadonlyPaths ?? READONLY_PATHS,
          }),
    },
  };
}
