/** Which namespaces a container has for itself, shares with the host, or joins. */
import type { Namespace } from "../../../contracts/oci/spec.ts";
import type { HostConfig } from "../config.ts";

/** Paths of the namespaces joined; undefined: one of its own. */
export interface JoinedNamespaces {
  readonly network?: string;
  readonly ipc?: string;
  readonly pid?: string;
}

export const isContainerMode = (mode: string) => mode.startsWith("container:");
export const containerOfMode = (mode: string) => mode.slice("container:".length);

/** Neither the host's network nor another container's. */
export function hasPrivateNetwork(host: HostConfig): boolean {
  return host.NetworkMode !== "host" && !isContainerMode(host.NetworkMode);
}

export function buildNamespaces(host: HostConfig, joined: JoinedNamespaces): readonly Namespace[] {
  const path = (value: string | undefined) => (value === undefined ? {} : { path: value });
  const namespaces: (Namespace | false)[] = [
    { type: "mount" },
    host.NetworkMode !== "host" && { type: "network", ...path(joined.network) },
    host.UTSMode !== "host" && { type: "uts" },
    host.PidMode !== "host" && { type: "pid", ...path(joined.pid) },
    host.IpcMode !== "host" && { type: "ipc", ...path(joined.ipc) },
    host.CgroupnsMode === "private" && { type: "cgroup" },
  ];
  return namespaces.filter((namespace) => namespace !== false);
}
