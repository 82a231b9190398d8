/** `POST /networks/{id}/connect` and `/disconnect`: a container, running or not, and one network. */
import { readFileSync, writeFileSync } from "node:fs";
import { SkiffError } from "../../lib/errors.ts";
import type { EndpointSettings } from "./config.ts";
import { type ContainerRecord, isRunning } from "./container.ts";
import { containerDir, type Parts } from "./parts.ts";
import type { ContainerNetwork } from "./ports.ts";

const FILE_BYTES_MAX = 4 * 1024 * 1024;

function checkAlive({ id, state }: ContainerRecord): void {
  if (state.status === "removing" || state.status === "dead")
    throw new SkiffError(
      "conflict",
      `Container ${id} is marked for removal and cannot be connected or disconnected to the network`,
    );
}

/** A container's own changes to the file stay: lines that were ours are exchanged, or for resolv.conf nothing at all. */
function merged(now: string, before: string, after: string, byLine: boolean): string {
  if (now === before) return after;
  if (!byLine) return now;
  const [own, next] = [before.split("\n"), after.split("\n")];
  const kept = now.split("\n").filter((line) => line !== "" && (!own.includes(line) || next.includes(line)));
  const added = next.filter((line) => line !== "" && !own.includes(line));
  return `${[...kept, ...added].join("\n")}\n`;
}

/** The files are mounted into the container: they are changed in place. */
function refreshFiles(
  parts: Parts,
  id: string,
  before: ContainerNetwork | undefined,
  after: ContainerNetwork,
): void {
  if (before === undefined) return;
  const files = [
    ["hosts", before.hosts, after.hosts],
    ["resolv.conf", before.resolvConf, after.resolvConf],
  ] as const;
  for (const [name, old, text] of files) {
    if (old === text) continue;
    const path = `${containerDir(parts.paths, id)}/${name}`;
    const now = readFileSync(path, "utf8");
    if (now.length < FILE_BYTES_MAX) writeFileSync(path, merged(now, old, text, name === "hosts"));
  }
}

/** The container's settings for a network, whether it was named by its name or its id. */
function withoutNetwork(
  parts: Parts,
  { endpoints }: ContainerRecord,
  name: string,
): ContainerRecord["endpoints"] {
  const isOther = (key: string) => key !== name && parts.networks.nameOf(key) !== name;
  return Object.fromEntries(Object.entries(endpoints).filter(([key]) => isOther(key)));
}

const has = (parts: Parts, container: ContainerRecord, name: string) =>
  Object.keys(withoutNetwork(parts, container, name)).length < Object.keys(container.endpoints).length;

/** @throws in Docker's words */
export async function connectContainer(
  parts: Parts,
  reference: string,
  network: string,
  settings: EndpointSettings,
): Promise<void> {
  const name = parts.networks.nameOf(network);
  if (name === undefined) throw new SkiffError("not_found", `network ${network} not found`);
  const { id } = parts.registry.get(reference);
  return parts.locks.run(id, async () => {
    const container = parts.registry.get(id);
    checkAlive(container);
    if (isRunning(container)) {
      const before = parts.networks.stateOf(id);
      const after = await parts.networks.connect(id, name, settings);
      refreshFiles(parts, id, before, after);
    } else {
      // As dockerd: nothing to do, and no error.
      if (has(parts, container, name)) return;
      await parts.networks.check(container.hostConfig, { ...container.endpoints, [name]: settings });
    }
    parts.registry.change(id, (now) => ({ ...now, endpoints: { ...now.endpoints, [name]: settings } }));
  });
}

/** @param force a network that is gone is taken out of the container's settings */
export async function disconnectContainer(
  parts: Parts,
  reference: string,
  network: string,
  force: boolean,
): Promise<void> {
  const found = parts.networks.nameOf(network);
  if (found === undefined && !force) throw new SkiffError("not_found", `network ${network} not found`);
  const name = found ?? network;
  const { id } = parts.registry.get(reference);
  return parts.locks.run(id, async () => {
    const container = parts.registry.get(id);
    checkAlive(container);
    if (isRunning(container) && found !== undefined) {
      const before = parts.networks.stateOf(id);
      const after = await parts.networks.disconnect(id, name);
      refreshFiles(parts, id, before, after);
    } else if (!has(parts, container, name)) {
      throw new SkiffError("unknown", `container ${id} is not connected to the network ${name}`);
    }
    parts.registry.change(id, (now) => ({ ...now, endpoints: withoutNetwork(parts, now, name) }));
  });
}
