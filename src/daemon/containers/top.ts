/** `GET /containers/{id}/top`: ps on the host, narrowed to the container's processes. */
import { SkiffError } from "../../lib/errors.ts";
import { isRunning } from "./container.ts";
import { type Parts, publish } from "./parts.ts";

export interface Top {
  readonly Titles: readonly string[];
  readonly Processes: readonly (readonly string[])[];
}

/** A column's `=heading` could break the table apart: dockerd refuses it, too. */
function checkArguments(args: string): void {
  if (/\s+-?p?o?[^\s]*=\s*pid/i.test(args) || /(^|\s)[^\s=]*=[^\s]*\bpid\b/i.test(args))
    throw new SkiffError("invalid_argument", `specifying "${args}" is not allowed`);
}

/** Splits ps' output: as many columns as titles, the last may have spaces. Only the lines of these pids. */
export function parsePs(output: string, pids: ReadonlySet<number>): Top {
  const [head = "", ...lines] = output.split("\n").filter((line) => line.trim() !== "");
  const titles = head.trim().split(/\s+/);
  const column = titles.indexOf("PID");
  if (column < 0) throw new SkiffError("unknown", "Couldn't find PID field in ps output");
  const rows = lines.map((line) => {
    const fields = line.trim().split(/\s+/);
    return [...fields.slice(0, titles.length - 1), fields.slice(titles.length - 1).join(" ")];
  });
  return { Titles: titles, Processes: rows.filter((row) => pids.has(Number(row[column]))) };
}

export async function topContainer(parts: Parts, reference: string, psArgs: string): Promise<Top> {
  const container = parts.registry.get(reference);
  const args = psArgs === "" ? "-ef" : psArgs;
  checkArguments(args);
  if (container.state.status === "restarting")
    throw new SkiffError(
      "conflict",
      `Container ${container.id} is restarting, wait until the container is running`,
    );
  if (!isRunning(container)) throw new SkiffError("conflict", `container ${container.id} is not running`);
  const pids = await parts.controls.pids(container.id);
  const ps = Bun.spawn(["ps", ...args.split(/\s+/).filter((word) => word !== "")], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C" },
  });
  const [output, problem, code] = await Promise.all([ps.stdout.text(), ps.stderr.text(), ps.exited]);
  if (code !== 0) throw new SkiffError("unknown", `Error running ps: ${problem.trim()}`);
  publish(parts, container, "top");
  return parsePs(output, new Set(pids));
}
