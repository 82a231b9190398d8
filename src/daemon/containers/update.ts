/** `POST /containers/{id}/update`: limits and restart policy, of a running container too. */
import { SkiffError } from "../../lib/errors.ts";
import type { HostConfig } from "./config.ts";
import { isRunning } from "./container.ts";
import { type Parts, publish } from "./parts.ts";
import { checkShape, HOST_SHAPE } from "./shapes.ts";
import { buildResources } from "./spec/resources.ts";
import { validate } from "./validate.ts";

const LIMITS = [
  ..."BlkioWeight CpuShares CpuPeriod CpuQuota CpuRealtimePeriod CpuRealtimeRuntime CpusetCpus CpusetMems".split(
    " ",
  ),
  ..."Memory MemoryReservation MemorySwap NanoCpus PidsLimit".split(" "),
];

const isSet = (value: unknown) => value !== undefined && value !== null && value !== 0 && value !== "";

/** Only what is set is changed: 0 and "" mean "as it was". */
function merge(host: HostConfig, change: Readonly<Record<string, unknown>>): HostConfig {
  const limits = Object.fromEntries(
    LIMITS.filter((key) => isSet(change[key])).map((key) => [key, change[key]]),
  );
  const policy = change["RestartPolicy"] as HostConfig["RestartPolicy"] | undefined;
  const restart = policy?.Name
    ? { RestartPolicy: { ...policy, MaximumRetryCount: policy.MaximumRetryCount ?? 0 } }
    : {};
  return { ...host, ...limits, ...restart } as HostConfig;
}

export async function updateContainer(
  parts: Parts,
  reference: string,
  change: Readonly<Record<string, unknown>>,
): Promise<{ readonly Warnings: readonly string[] | null }> {
  checkShape(change, HOST_SHAPE, "UpdateConfig");
  const { id } = parts.registry.get(reference);
  return parts.locks.run(id, async () => {
    const container = parts.registry.get(id);
    const hostConfig = merge(container.hostConfig, change);
    const facts = {
      cpus: navigator.hardwareConcurrency,
      capabilities: parts.host.capabilities,
      runtimes: parts.runtimes,
    };
    // What it says of --rm and a policy is for create: update has words of its own.
    const warnings = validate(container.config, { ...hostConfig, AutoRemove: false }, facts);
    const { AutoRemove } = container.hostConfig;
    const policy = (change["RestartPolicy"] as { Name?: string } | undefined)?.Name ?? "";
    if (AutoRemove && policy !== "" && policy !== "no")
      throw new SkiffError(
        "conflict",
        `Cannot update container ${id}: Restart policy cannot be updated because AutoRemove is enabled for the container`,
      );
    if (isRunning(container)) {
      const { devices: _, ...resources } = buildResources(hostConfig, []);
      await parts.controls.update(id, resources);
    }
    publish(parts, parts.registry.change(id, (now) => ({ ...now, hostConfig }))!, "update");
    return { Warnings: warnings.length === 0 ? null : warnings };
  });
}
