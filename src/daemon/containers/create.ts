/** `POST /containers/create`. */
import { mkdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { rfc3339Nano } from "../../lib/clock.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { TraceContext } from "../../lib/trace.ts";
import {
  type ContainerConfig,
  completeConfig,
  completeHostConfig,
  type EndpointSettings,
  type HostConfig,
} from "./config.ts";
import { type ContainerRecord, CREATED, type MountPoint } from "./container.ts";
import { fillHostConfig } from "./defaults.ts";
import { mergeConfig } from "./merge.ts";
import { type PlannedMountPoint, planMountPoints } from "./mount-points.ts";
import { makeName, parseName } from "./names.ts";
import { containerDir, type Parts, publish } from "./parts.ts";
import { checkShape, ENDPOINTS_SHAPE } from "./shapes.ts";
import { validate } from "./validate.ts";

export interface CreateRequest {
  /** "" lets us choose. */
  readonly name: string;
  /** `os/architecture[/variant]`, or "". */
  readonly platform: string;
  readonly config: object;
  readonly hostConfig: object;
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
}

export interface CreateResponse {
  readonly Id: string;
  readonly Warnings: readonly string[];
}

/** Finds or makes the volumes; those made for nobody else are given back when the create fails. */
async function acquireVolumes(
  parts: Parts,
  planned: readonly PlannedMountPoint[],
  undo: (() => Promise<void>)[],
): Promise<readonly MountPoint[]> {
  const mounts: MountPoint[] = [];
  for (const { volume, ...mount } of planned) {
    if (volume === undefined) {
      mounts.push(mount);
      continue;
    }
    const made = await parts.volumes.acquire(mount.name, volume.driver, volume.options, volume.labels);
    if (mount.anonymous) undo.push(() => parts.volumes.discard(made.name));
    const mode = mount.mode === "" ? "z" : mount.mode;
    mounts.push({ ...mount, mode, name: made.name, driver: made.driver, source: made.mountpoint });
  }
  return mounts;
}

function withHostname(config: ContainerConfig, host: HostConfig, id: string): ContainerConfig {
  if (config.Hostname !== "") return config;
  const uts = host.NetworkMode === "host" || host.UTSMode === "host";
  return { ...config, Hostname: uts ? hostname() : id.slice(0, 12) };
}

/** A network named in HostConfig has settings even when the client sent none. */
function endpointsOf(
  host: HostConfig,
  asked: CreateRequest["endpoints"],
): Readonly<Record<string, EndpointSettings>> {
  const mode = host.NetworkMode;
  if (mode.startsWith("container:")) return {};
  const { default: byDefault, ...named } = asked as Record<string, EndpointSettings>;
  return { [mode]: named[mode] ?? byDefault ?? {}, ...named };
}

async function build(
  parts: Parts,
  request: CreateRequest,
  id: string,
  name: string,
  undo: (() => Promise<void>)[],
  trace: TraceContext | undefined,
): Promise<CreateResponse> {
  const { registry } = parts;
  const find = (reference: string) => registry.get(reference);
  const asked = completeConfig(request.config);
  checkShape(request.endpoints, ENDPOINTS_SHAPE, "CreateRequest.NetworkingConfig.EndpointsConfig");
  const host = completeHostConfig(request.hostConfig);
  const image = await parts.images.forContainer(asked.Image, request.platform, trace);
  const hostConfig = fillHostConfig(host, parts.defaults, find);
  const config = withHostname(mergeConfig(asked, image.config), hostConfig, id);
  const facts = {
    cpus: navigator.hardwareConcurrency,
    capabilities: parts.host.capabilities,
    runtimes: parts.runtimes,
  };
  const warnings = validate(config, hostConfig, facts);
  const planned = planMountPoints(config, hostConfig, find);
  const endpoints = endpointsOf(hostConfig, request.endpoints);
  await parts.networks.check(hostConfig, endpoints);
  undo.push(() => parts.roots.remove(id));
  const [mounts] = await Promise.all([
    acquireVolumes(parts, planned, undo),
    parts.roots.prepare(id, image.image.chainId, trace),
  ]);
  const directory = containerDir(parts.paths, id);
  undo.push(async () => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(directory, { recursive: true, mode: 0o710 });
  const container: ContainerRecord = {
    id,
    name,
    created: rfc3339Nano(parts.clock.nowNs()),
    image: image.image,
    config,
    hostConfig,
    endpoints,
    mounts,
    state: CREATED,
  };
  registry.put(container);
  publish(parts, container, "create");
  return { Id: id, Warnings: warnings };
}

/**
 * Makes record, writable snapshot, directory and volumes; what was made is undone when a later step fails.
 * @throws not_found (image, network), already_exists (name), invalid_argument, all in Docker's words.
 */
export async function createContainer(
  parts: Parts,
  request: CreateRequest,
  trace?: TraceContext,
): Promise<CreateResponse> {
  const { registry } = parts;
  if ((request.config as { Image?: string }).Image === undefined && Object.keys(request.config).length === 0)
    throw new SkiffError("invalid_argument", "config cannot be empty in order to create a container");
  const id = parts.ids.hex(32);
  const name = request.name === "" ? makeName((word) => registry.isNameTaken(word)) : parseName(request.name);
  registry.reserveName(name, id);
  const undo: (() => Promise<void>)[] = [];
  try {
    return await parts.tracer.span(trace, "create container", (context) =>
      build(parts, request, id, name, undo, context),
    );
  } catch (error) {
    for (const step of undo.toReversed())
      await step().catch((problem: Error) => parts.log(`undo create ${id}: ${problem.message}`));
    registry.releaseName(name, id);
    throw error;
  }
}
