/** NUMA memory policy of the process (set_mempolicy(2), runtime-spec 1.3 `linux.memoryPolicy`). */
import type { MemoryPolicy } from "../../contracts/oci/spec.ts";
import { SkiffError } from "../../lib/errors.ts";

/* linux/mempolicy.h */
const MODES: Readonly<Record<string, number>> = {
  ...{ MPOL_DEFAULT: 0, MPOL_PREFERRED: 1, MPOL_BIND: 2, MPOL_INTERLEAVE: 3, MPOL_LOCAL: 4 },
  ...{ MPOL_PREFERRED_MANY: 5, MPOL_WEIGHTED_INTERLEAVE: 6 },
};
const FLAGS: Readonly<Record<string, number>> = {
  ...{ MPOL_F_NUMA_BALANCING: 1 << 13, MPOL_F_RELATIVE_NODES: 1 << 14, MPOL_F_STATIC_NODES: 1 << 15 },
};
const NODES_MAX = 1024;
const WORD_BYTES = 8;

function fail(message: string): never {
  throw new SkiffError("invalid_argument", `invalid memory policy: ${message}`);
}

function known(table: Readonly<Record<string, number>>, name: unknown, what: string): number {
  const value = typeof name === "string" && Object.hasOwn(table, name) ? table[name] : undefined;
  return value ?? fail(`${what} ${JSON.stringify(name)}`);
}

/** `0-3,5` as a bit mask in whole words of the kernel's. */
export function nodeMask(nodes: string): Uint8Array {
  if (nodes === "") return new Uint8Array();
  const chosen = nodes.split(",").map((part) => {
    const match = /^\s*(\d{1,4})(?:-(\d{1,4}))?\s*$/.exec(part);
    if (match === null) fail(`nodes ${JSON.stringify(nodes)}`);
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (last < first || last >= NODES_MAX) fail(`nodes ${JSON.stringify(nodes)}`);
    return [first, last] as const;
  });
  const most = Math.max(...chosen.map(([, last]) => last));
  const mask = new Uint8Array(WORD_BYTES * (Math.floor(most / (8 * WORD_BYTES)) + 1));
  for (const [first, last] of chosen)
    for (let node = first; node <= last; node++) mask[node >> 3]! |= 1 << (node & 7);
  return mask;
}

export interface CompiledPolicy {
  readonly mode: number;
  readonly mask: Uint8Array;
}

export function compileMemoryPolicy({ mode, nodes = "", flags = [] }: MemoryPolicy): CompiledPolicy {
  const bits = flags.reduce((sum, flag) => sum | known(FLAGS, flag, "flag"), 0);
  return { mode: known(MODES, mode, "mode") | bits, mask: nodeMask(nodes) };
}
