/** `POST /build`: its query, from the command's flags. Of what has its default nothing is said. */

import { parseReference } from "../../lib/reference.ts";
import type { Context, Flag } from "../command.ts";
import { bool, int, list, text } from "../command.ts";
import { extraHostOf } from "../commands/container/addresses.ts";
import { checkLabel } from "../commands/container/environment.ts";
import { bytesOf, pairsOf, swapOf, ulimitOf } from "../commands/container/values.ts";
import type { Query } from "../transport/client.ts";

const bytes = (name: string, usage: string, more: Partial<Flag> = {}) =>
  text(name, usage, { type: "bytes", check: bytesOf, ...more });
const amount = (name: string, usage: string, more: Partial<Flag> = {}) =>
  int(name, usage, { default: "0", ...more });

export const BUILD_FLAGS: readonly Flag[] = [
  list("add-host", 'Add a custom host-to-IP mapping ("host:ip")', { check: extraHostOf }),
  list("build-arg", "Set build-time variables"),
  list("cache-from", "Images to consider as cache sources", { type: "strings" }),
  text("cgroup-parent", 'Set the parent cgroup for the "RUN" instructions during build'),
  bool("compress", "Compress the build context using gzip"),
  amount("cpu-period", "Limit the CPU CFS (Completely Fair Scheduler) period"),
  amount("cpu-quota", "Limit the CPU CFS (Completely Fair Scheduler) quota"),
  amount("cpu-shares", "CPU shares (relative weight)", { short: "c" }),
  text("cpuset-cpus", "CPUs in which to allow execution (0-3, 0,1)"),
  text("cpuset-mems", "MEMs in which to allow execution (0-3, 0,1)"),
  bool("disable-content-trust", "Skip image verification", undefined, "true"),
  text("file", 'Name of the Dockerfile (Default is "PATH/Dockerfile")', { short: "f" }),
  bool("force-rm", "Always remove intermediate containers"),
  text("iidfile", "Write the image ID to the file"),
  text("isolation", "Container isolation technology"),
  list("label", "Set metadata for an image", { check: checkLabel }),
  bytes("memory", "Memory limit", { short: "m" }),
  bytes("memory-swap", "Swap limit equal to memory plus swap: -1 to enable unlimited swap", {
    check: swapOf,
  }),
  text("network", "Set the networking mode for the RUN instructions during build", { default: "default" }),
  bool("no-cache", "Do not use cache when building the image"),
  text("platform", "Set platform if server is multi-platform capable", {
    default: process.env["DOCKER_DEFAULT_PLATFORM"] ?? "",
  }),
  bool("pull", "Always attempt to pull a newer version of the image"),
  bool("quiet", "Suppress the build output and print image ID on success", "q"),
  bool("rm", "Remove intermediate containers after a successful build", undefined, "true"),
  list("security-opt", "Security options", { type: "strings" }),
  bytes("shm-size", 'Size of "/dev/shm"'),
  bool("squash", "Squash newly built layers into a single new layer"),
  list("tag", 'Name and optionally a tag in the "name:tag" format', { short: "t", check: parseReference }),
  text("target", "Set the target build stage to build."),
  list("ulimit", "Ulimit options", { type: "ulimit", default: "[]", check: ulimitOf }),
];

const json = (value: object): string | undefined =>
  Object.keys(value).length === 0 ? undefined : JSON.stringify(value);

/** `NAME` alone takes the value of our environment, or leaves the Dockerfile's. */
function buildArguments(words: readonly string[]): Record<string, string | null> {
  const values = words.map((word): [string, string | null] => {
    const equals = word.indexOf("=");
    return equals < 0 ? [word, process.env[word] ?? null] : [word.slice(0, equals), word.slice(equals + 1)];
  });
  return Object.fromEntries(values);
}

function limits(context: Context): Query {
  const nonZero = (name: string) => context.number(name) || undefined;
  return {
    cpusetcpus: context.text("cpuset-cpus"),
    cpusetmems: context.text("cpuset-mems"),
    cpushares: nonZero("cpu-shares"),
    cpuquota: nonZero("cpu-quota"),
    cpuperiod: nonZero("cpu-period"),
    memory: bytesOf(context.text("memory")) || undefined,
    memswap: swapOf(context.text("memory-swap")) || undefined,
    shmsize: bytesOf(context.text("shm-size")) || undefined,
    ulimits: json(
      context
        .list("ulimit")
        .map(ulimitOf)
        .map(({ Name, Hard, Soft }) => ({ Name, Hard, Soft })),
    ),
    cgroupparent: context.text("cgroup-parent"),
  };
}

export function buildQuery(context: Context, remote: string, dockerfile: string): Query {
  const commas = (name: string) => context.list(name).flatMap((word) => word.split(","));
  const network = context.text("network");
  return {
    ...limits(context),
    ...{ t: context.list("tag"), remote, dockerfile, version: "1", target: context.text("target") },
    securityopt: commas("security-opt"),
    extrahosts: context.list("add-host").map(extraHostOf),
    q: context.bool("quiet"),
    nocache: context.bool("no-cache"),
    rm: context.bool("rm") ? undefined : "0",
    forcerm: context.bool("force-rm"),
    pull: context.bool("pull"),
    squash: context.bool("squash"),
    isolation: context.text("isolation"),
    networkmode: network === "default" ? undefined : network,
    platform: context.text("platform"),
    buildargs: json(buildArguments(context.list("build-arg"))),
    labels: json(pairsOf(context.list("label"))),
    cachefrom: json(commas("cache-from")),
  };
}
