/** What the compiler must know about the machine and about ourselves; read once, lazily, and replaced by constants in tests. */
import { existsSync, readFileSync } from "node:fs";
import { type Hierarchies, readHierarchies } from "./cgroups/hierarchies.ts";

export interface Facts {
  readonly euid: number;
  readonly hierarchies: Hierarchies;
  /** Our own bounding and effective capabilities. */
  readonly bounding: bigint;
  readonly effective: bigint;
  readonly oomScoreAdj: number;
  readonly apparmor: boolean;
  /** Hard limits of ours as RLIMIT name → value; what is not there is unlimited. */
  readonly hardLimits: ReadonlyMap<string, bigint>;
  /** Ours, `NAME=value`: what a hook gets that names no environment. */
  readonly environment: readonly string[];
  /** The text of a file of the host, "" when it cannot be read. */
  readText(path: string): string;
  exists(path: string): boolean;
}

/** RLIMIT names by their line in /proc/self/limits. */
const LIMIT_LINES: readonly (readonly [string, string])[] = [
  ["Max cpu time", "RLIMIT_CPU"],
  ["Max file size", "RLIMIT_FSIZE"],
  ["Max data size", "RLIMIT_DATA"],
  ["Max stack size", "RLIMIT_STACK"],
  ["Max core file size", "RLIMIT_CORE"],
  ["Max resident set", "RLIMIT_RSS"],
  ["Max processes", "RLIMIT_NPROC"],
  ["Max open files", "RLIMIT_NOFILE"],
  ["Max locked memory", "RLIMIT_MEMLOCK"],
  ["Max address space", "RLIMIT_AS"],
  ["Max file locks", "RLIMIT_LOCKS"],
  ["Max pending signals", "RLIMIT_SIGPENDING"],
  ["Max msgqueue size", "RLIMIT_MSGQUEUE"],
  ["Max nice priority", "RLIMIT_NICE"],
  ["Max realtime priority", "RLIMIT_RTPRIO"],
  ["Max realtime timeout", "RLIMIT_RTTIME"],
];

export function parseHardLimits(text: string): ReadonlyMap<string, bigint> {
  const limits = new Map<string, bigint>();
  for (const line of text.split("\n")) {
    const known = LIMIT_LINES.find(([name]) => line.startsWith(name));
    const match =
      known === undefined ? null : /^\s+(?:\d+|unlimited)\s+(\d+)/.exec(line.slice(known[0].length));
    if (known !== undefined && match !== null) limits.set(known[1], BigInt(match[1]!));
  }
  return limits;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

export function readFacts(): Facts {
  let hierarchies: Hierarchies | undefined;
  let status: string | undefined;
  const capabilities = (name: string): bigint => {
    status ??= readText("/proc/self/status");
    const at = status.indexOf(`${name}:\t`);
    return BigInt(`0x${at < 0 ? "0" : status.slice(at + name.length + 2, status.indexOf("\n", at))}`);
  };
  return {
    euid: process.geteuid?.() ?? 0,
    get hierarchies() {
      hierarchies ??= readHierarchies();
      return hierarchies;
    },
    get bounding() {
      return capabilities("CapBnd");
    },
    get effective() {
      return capabilities("CapEff");
    },
    get oomScoreAdj() {
      return Number(readText("/proc/self/oom_score_adj"));
    },
    get apparmor() {
      return readText("/sys/module/apparmor/parameters/enabled").startsWith("Y");
    },
    get hardLimits() {
      return parseHardLimits(readText("/proc/self/limits"));
    },
    get environment() {
      return Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
    },
    readText,
    exists: existsSync,
  };
}
