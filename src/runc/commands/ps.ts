/** ps: the container's processes, as the host's ps shows them, or their pids as JSON. */
import { SkiffError } from "../../lib/errors.ts";
import { openContainer } from "../container/state.ts";
import type { RuncContext } from "../context.ts";
import { parseFlags, VALUE } from "../options.ts";
import { firstId } from "./words.ts";

/** The lines of ps about `pids`, and its heading. */
export function selectLines(output: string, pids: ReadonlySet<number>): string {
  const [heading = "", ...lines] = output.trimEnd().split("\n");
  const column = heading.trim().split(/\s+/).indexOf("PID");
  if (column < 0) throw new SkiffError("invalid_argument", "couldn't find PID field in ps output");
  const ours = lines.filter((line) => pids.has(Number(line.trim().split(/\s+/)[column])));
  return [heading, ...ours].map((line) => `${line}\n`).join("");
}

export async function ps(context: RuncContext, argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(argv, { format: { ...VALUE, short: "f" } });
  const pids = openContainer(context.root, firstId("ps", parsed)).cgroups.pids();
  const format = parsed.value("format") ?? "table";
  if (format === "json") {
    context.print(`${JSON.stringify(pids)}\n`);
    return 0;
  }
  if (format !== "table") throw new SkiffError("invalid_argument", "invalid format option");
  const options = parsed.words.length > 1 ? parsed.words.slice(1) : ["-ef"];
  const child = Bun.spawnSync(["ps", ...options]);
  if (child.exitCode !== 0) throw new SkiffError("unknown", `ps: ${child.stderr.toString().trim()}`);
  context.print(selectLines(child.stdout.toString(), new Set(pids)));
  return 0;
}
