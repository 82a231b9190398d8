/** What start makes ready in the container's tree and directory before the specification is written. */
import { existsSync, lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { SkiffError } from "../../lib/errors.ts";
import type { ContainerRecord, MountPoint } from "./container.ts";
import { containerDir, type Parts } from "./parts.ts";
import type { ContainerNetwork } from "./ports.ts";
import { prepareShm } from "./shm.ts";
import type { PlannedMount } from "./spec/mounts.ts";
import type { JoinedNamespaces } from "./spec/namespaces.ts";
import { containerOfMode, isContainerMode } from "./spec/namespaces.ts";
import { type ResolvedUser, resolveUser } from "./spec/user.ts";

/** Bytes of the image's /etc/passwd or /etc/group that are read at most (CVE-2026-47262). */
const USER_FILE_BYTES_MAX = 4 << 20;

export function lookUpUser(
  parts: Pick<Parts, "files">,
  root: string,
  user: string,
  groupAdd: readonly string[],
): ResolvedUser {
  const passwd = parts.files.readText(root, "/etc/passwd", USER_FILE_BYTES_MAX);
  const group = parts.files.readText(root, "/etc/group", USER_FILE_BYTES_MAX);
  return resolveUser(user, { passwd, group }, groupAdd);
}

function makeBindSource(mount: MountPoint): void {
  if (mount.type !== "bind" || existsSync(mount.source)) return;
  if (!mount.createSource)
    throw new SkiffError(
      "invalid_argument",
      `invalid mount config for type "bind": bind source path does not exist: ${mount.source}`,
    );
  try {
    mkdirSync(mount.source, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new SkiffError(
      "unknown",
      `error while creating mount source path '${mount.source}': ${(error as Error).message}`,
    );
  }
}

const planned = (mount: MountPoint, source: string): PlannedMount => ({
  kind: mount.type === "tmpfs" ? "tmpfs" : "bind",
  destination: mount.destination,
  source,
  writable: mount.rw,
  recursive: mount.recursive,
  readonlyRecursive: true,
  propagation: mount.propagation === "" ? "rprivate" : mount.propagation,
  data: mount.type === "tmpfs" ? mount.mode : "",
});

const file = (destination: string, source: string, writable = true): PlannedMount => ({
  kind: "bind",
  destination,
  source,
  writable,
  recursive: true,
  readonlyRecursive: false,
  propagation: "rprivate",
  data: "",
});

/** Volumes are filled on first use, missing bind sources made, the three network files written and mounted, a shared /dev/shm found. */
export function prepareMounts(
  parts: Parts,
  container: ContainerRecord,
  root: string,
  network: ContainerNetwork,
): readonly PlannedMount[] {
  const directory = containerDir(parts.paths, container.id);
  const mounts: PlannedMount[] = [];
  for (const mount of container.mounts) {
    makeBindSource(mount);
    if (mount.type === "volume" && mount.copyUp) parts.files.copyUp(root, mount.destination, mount.source);
    const below = mount.subpath !== "" && mount.type === "volume";
    mounts.push(planned(mount, below ? parts.files.resolveBelow(mount.source, mount.subpath) : mount.source));
  }
  for (const [destination, data] of Object.entries(container.hostConfig.Tmpfs ?? {}))
    mounts.push({ ...file(destination, ""), kind: "tmpfs", data });
  const covered = new Set(mounts.map((mount) => mount.destination));
  const texts = {
    hostname: `${container.config.Hostname}\n`,
    hosts: network.hosts,
    "resolv.conf": network.resolvConf,
  };
  for (const [name, text] of Object.entries(texts)) {
    const path = `${directory}/${name}`;
    writeFileSync(path, text, { mode: 0o644 });
    if (!covered.has(`/etc/${name}`))
      mounts.push(file(`/etc/${name}`, path, !container.hostConfig.ReadonlyRootfs));
  }
  const shm = prepareShm(parts, container);
  if (shm !== undefined) mounts.push(file("/dev/shm", shm));
  return mounts;
}

/** @throws conflict when the container whose namespaces are to be joined does not run. */
export function joinNamespaces(
  parts: Pick<Parts, "registry">,
  container: ContainerRecord,
  netns: string | undefined,
): JoinedNamespaces {
  const pathOf = (mode: string, kind: "ipc" | "pid") => {
    if (!isContainerMode(mode)) return undefined;
    const other = parts.registry.get(containerOfMode(mode));
    const { pid } = other.state;
    if (pid === 0)
      throw new SkiffError(
        "conflict",
        `cannot join ${kind.toUpperCase()} namespace of a non running container: container ${other.id} is not running`,
      );
    return `/proc/${pid}/ns/${kind}`;
  };
  const ipc = pathOf(container.hostConfig.IpcMode, "ipc");
  const pid = pathOf(container.hostConfig.PidMode, "pid");
  return {
    ...(netns === undefined ? {} : { network: netns }),
    ...(ipc === undefined ? {} : { ipc }),
    ...(pid === undefined ? {} : { pid }),
  };
}

/** dockerd makes a missing working directory; what is there and no directory is an error. */
export function makeWorkingDirectory(
  parts: Pick<Parts, "files">,
  container: ContainerRecord,
  root: string,
): void {
  const path = container.config.WorkingDir;
  const covered = container.mounts.some((mount) => `${path}/`.startsWith(`${mount.destination}/`));
  if (path !== "" && path !== "/" && !covered) parts.files.makeDirectory(root, path);
}

/** The directory of the supervisor's sockets: private, because whoever can connect can type into the container. */
export function makeRunDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (!lstatSync(path).isDirectory()) throw new SkiffError("internal", `make ${path}: not a directory`);
}
