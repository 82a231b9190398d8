/** list: the containers below --root, as a table, as JSON, or only their ids. */
import { readFileSync } from "node:fs";
import { SkiffError } from "../../lib/errors.ts";
import { type Container, listContainers } from "../container/state.ts";
import type { RuncContext } from "../context.ts";
import { BOOLEAN, parseFlags, VALUE } from "../options.ts";

const COLUMN_MIN = 12;
const PADDING = 3;

function ownerName(uid: number): string {
  try {
    const line = readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .find((one) => one.split(":")[2] === String(uid));
    return line?.split(":")[0] ?? `#${uid}`;
  } catch {
    return `#${uid}`;
  }
}

/** Columns as Go's tabwriter pads them. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, at) =>
    Math.max(COLUMN_MIN, ...rows.map((row) => row[at]!.length + PADDING)),
  );
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at]!))).join("");
  return rows.map((row) => `${line(row)}\n`).join("");
}

function describe(container: Container) {
  const { ociVersion, id, pid, status, bundle, annotations } = container.state();
  const { rootfs, created, owner } = container.stored;
  const noted = Object.keys(annotations).length > 0 ? { annotations } : {};
  return { ociVersion, id, pid, status, bundle, rootfs, created, ...noted, owner: ownerName(owner) };
}

export async function list(context: RuncContext, argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(argv, { format: { ...VALUE, short: "f" }, quiet: { ...BOOLEAN, short: "q" } });
  const containers = listContainers(context.root);
  const format = parsed.value("format") ?? "table";
  if (parsed.has("quiet")) context.print(containers.map(({ id }) => `${id}\n`).join(""));
  else if (format === "json") {
    const all = containers.map(describe);
    context.print(all.length === 0 ? "null\n" : `${JSON.stringify(all)}\n`);
  } else if (format === "table") {
    const rows = containers
      .map(describe)
      .map((c) => [c.id, String(c.pid), c.status, c.bundle, c.created, c.owner]);
    context.print(table([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"], ...rows]));
  } else throw new SkiffError("invalid_argument", "invalid format option");
  return 0;
}
