/** The flags of `skiff build` as the parameters of `POST /build`. */
import type { Context } from "../command.ts";
import { bytesOf, pairsOf } from "../commands/container/values.ts";
import type { Query } from "../transport/client.ts";

const NUMBERS = { "cpu-period": "cpuperiod", "cpu-quota": "cpuquota", "cpu-shares": "cpushares" } as const;
const SIZES = { memory: "memory", "memory-swap": "memswap", "shm-size": "shmsize" } as const;

/** `NAME` alone takes its value from our environment. */
function buildArguments(given: readonly string[]): Record<string, string | null> {
  return Object.fromEntries(
    given.map((word) => {
      const equals = word.indexOf("=");
      return equals < 0 ? [word, process.env[word] ?? null] : [word.slice(0, equals), word.slice(equals + 1)];
    }),
  );
}

const json = (value: object): string | undefined =>
  Object.keys(value).length === 0 ? undefined : JSON.stringify(value);

export function buildQuery(context: Context, dockerfile: string): Query {
  const split = (name: string) => context.list(name).flatMap((value) => value.split(","));
  const named = (names: Readonly<Record<string, string>>, value: (flag: string) => number) =>
    Object.fromEntries(
      Object.entries(names).flatMap(([flag, key]) => (context.given(flag) ? [[key, value(flag)]] : [])),
    );
  return {
    ...{
      version: 1,
      dockerfile,
      t: context.list("tag"),
      q: context.bool("quiet"),
      nocache: context.bool("no-cache"),
    },
    ...{ pull: context.bool("pull"), rm: context.bool("rm") ? "1" : "0", forcerm: context.bool("force-rm") },
    ...{
      squash: context.bool("squash"),
      target: context.text("target"),
      platform: context.text("platform").toLowerCase(),
    },
    ...{ networkmode: context.text("network"), cgroupparent: context.text("cgroup-parent") },
    ...{ cpusetcpus: context.text("cpuset-cpus"), cpusetmems: context.text("cpuset-mems") },
    extrahosts: context.list("add-host"),
    buildargs: json(buildArguments(context.list("build-arg"))),
    labels: json(pairsOf(context.list("label"))),
    cachefrom: json(split("cache-from")),
    ...named(NUMBERS, (flag) => context.number(flag)),
    ...named(SIZES, (flag) => bytesOf(context.text(flag))),
  };
}
