/** update: other limits for a running container, by flags or as JSON. */
import { readFileSync } from "node:fs";
import type { Resources } from "../../contracts/oci/spec.ts";
import { SkiffError } from "../../lib/errors.ts";
import { openContainer } from "../container/state.ts";
import type { RuncContext } from "../context.ts";
import { type Parsed, parseFlags, parseWhole, VALUE } from "../options.ts";
import { parseJson } from "../spec/load.ts";
import { onlyId } from "./words.ts";

const NUMBERS = {
  "blkio-weight": ["blockIO", "weight"],
  "cpu-period": ["cpu", "period"],
  "cpu-quota": ["cpu", "quota"],
  "cpu-burst": ["cpu", "burst"],
  "cpu-share": ["cpu", "shares"],
  "cpu-idle": ["cpu", "idle"],
  "cpu-rt-period": ["cpu", "realtimePeriod"],
  "cpu-rt-runtime": ["cpu", "realtimeRuntime"],
  memory: ["memory", "limit"],
  "memory-reservation": ["memory", "reservation"],
  "memory-swap": ["memory", "swap"],
  "kernel-memory": ["memory", "kernel"],
  "kernel-memory-tcp": ["memory", "kernelTCP"],
  "pids-limit": ["pids", "limit"],
} as const;
const TEXTS = { "cpuset-cpus": "cpus", "cpuset-mems": "mems" } as const;

const FLAGS = {
  resources: { ...VALUE, short: "r" },
  ...Object.fromEntries([...Object.keys(NUMBERS), ...Object.keys(TEXTS)].map((name) => [name, VALUE])),
  ...{ "l3-cache-schema": VALUE, "mem-bw-schema": VALUE },
};

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Bytes with an optional unit, as `--memory 64m`; -1 is unlimited. */
function parseSize(name: string, text: string): number {
  const match = /^(-?\d{1,19})([kmgt]?)i?b?$/i.exec(text);
  if (match === null) throw new SkiffError("invalid_argument", `invalid value for ${name}: ${text}`);
  return Number(match[1]) * UNITS[match[2]!.toLowerCase()]!;
}

function resourcesOf(parsed: Parsed): Resources {
  const file = parsed.value("resources");
  if (file !== undefined)
    return parseJson(readFileSync(file === "-" ? 0 : file, "utf8"), "resources") as Resources;
  const resources: Record<string, Record<string, number | string>> = {};
  for (const [flag, [group, field]] of Object.entries(NUMBERS)) {
    const text = parsed.value(flag);
    if (text === undefined) continue;
    const value = group === "memory" ? parseSize(flag, text) : parseWhole(flag, text);
    resources[group] = { ...resources[group], [field]: value };
  }
  for (const [flag, field] of Object.entries(TEXTS)) {
    const text = parsed.value(flag);
    if (text !== undefined) resources["cpu"] = { ...resources["cpu"], [field]: text };
  }
  return resources as Resources;
}

export async function update(context: RuncContext, argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(argv, FLAGS);
  /* runc takes its flags behind the id, too. */
  const id = parsed.words[0] ?? onlyId("update", parsed);
  const rest = parseFlags(parsed.words.slice(1), FLAGS);
  const merged: Parsed = { ...parsed, value: (name) => rest.value(name) ?? parsed.value(name) };
  const container = openContainer(context.root, id);
  if (container.alive() === undefined) throw new SkiffError("failed_precondition", "container not running");
  container.update(resourcesOf(merged));
  return 0;
}
