/** `skiff update` */

import { writeStderr } from "../../../kernel/stdout.ts";
import { bool, type Command, int, text } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { forEachName, inPath } from "../each.ts";
import { bytesOf, nanoCpusOf, restartOf, swapOf } from "./values.ts";

const NUMBERS = {
  "blkio-weight": "BlkioWeight",
  "cpu-period": "CpuPeriod",
  "cpu-quota": "CpuQuota",
  "cpu-rt-period": "CpuRealtimePeriod",
  "cpu-rt-runtime": "CpuRealtimeRuntime",
  "cpu-shares": "CpuShares",
  "pids-limit": "PidsLimit",
} as const;
const SIZES = {
  memory: "Memory",
  "memory-reservation": "MemoryReservation",
  "memory-swap": "MemorySwap",
} as const;
const TEXTS = { "cpuset-cpus": "CpusetCpus", "cpuset-mems": "CpusetMems" } as const;

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Update configuration of one or more containers",
  flags: [
    text("blkio-weight", "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)", {
      type: "uint16",
    }),
    int("cpu-period", "Limit CPU CFS (Completely Fair Scheduler) period"),
    int("cpu-quota", "Limit CPU CFS (Completely Fair Scheduler) quota"),
    int("cpu-rt-period", "Limit the CPU real-time period in microseconds"),
    int("cpu-rt-runtime", "Limit the CPU real-time runtime in microseconds"),
    int("cpu-shares", "CPU shares (relative weight)", { short: "c" }),
    text("cpus", "Number of CPUs", { type: "decimal", check: nanoCpusOf }),
    text("cpuset-cpus", "CPUs in which to allow execution (0-3, 0,1)"),
    text("cpuset-mems", "MEMs in which to allow execution (0-3, 0,1)"),
    text("memory", "Memory limit", { short: "m", type: "bytes", check: bytesOf }),
    text("memory-reservation", "Memory soft limit", { type: "bytes", check: bytesOf }),
    text("memory-swap", "Swap limit equal to memory plus swap: -1 to enable unlimited swap", {
      type: "bytes",
      check: swapOf,
    }),
    int("pids-limit", "Tune container pids limit (set -1 for unlimited)"),
    text("restart", "Restart policy to apply when a container exits"),
    { ...bool("quiet", ""), hidden: true },
  ],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  async run(context) {
    const change: Record<string, unknown> = {};
    for (const [flag, field] of Object.entries(NUMBERS))
      if (context.given(flag)) change[field] = context.number(flag);
    for (const [flag, field] of Object.entries(SIZES))
      if (context.given(flag)) change[field] = swapOf(context.text(flag));
    for (const [flag, field] of Object.entries(TEXTS))
      if (context.given(flag)) change[field] = context.text(flag);
    if (context.given("cpus")) change["NanoCpus"] = nanoCpusOf(context.text("cpus"));
    if (context.given("restart")) change["RestartPolicy"] = restartOf(context.text("restart"));
    if (Object.keys(change).length === 0)
      throw new CliError("you must provide one or more flags when using this command");
    const warnings: string[] = [];
    const code = await forEachName(context.words, async (name) => {
      const answer = await context.client.post<{ Warnings: readonly string[] | null }>(
        `/containers/${inPath(name)}/update`,
        { json: change },
      );
      warnings.push(...(answer.Warnings ?? []));
      return name;
    });
    if (warnings.length > 0) writeStderr(`${warnings.join("\n")}\n`);
    return code;
  },
};
