/** Where a process's stdio goes (contracts/shim/stdio.ts), with the log options of its container. */
import { SkiffError } from "../../lib/errors.ts";
import type { ContainerRecord } from "./container.ts";
import { logPath, type Paths, stdioPath } from "./parts.ts";

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

/** `10m`, `1.5g`, `512`: bytes. */
export function parseSize(text: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?) ?([bkmgt]?)(?:i?b)?$/i.exec(text);
  if (match === null) throw new SkiffError("invalid_argument", `invalid size: '${text}'`);
  return Math.floor(Number(match[1]) * UNITS[match[2]!.toLowerCase()]!);
}

export function stdioUri(paths: Paths, container: ContainerRecord): string {
  const { Type, Config } = container.hostConfig.LogConfig;
  const query = new URLSearchParams({ log: Type === "none" ? "none" : "json-file" });
  if (Type !== "none") {
    query.set("path", logPath(paths, container.id));
    const [size, files] = Type === "local" ? ["20m", "5"] : ["0", "1"];
    query.set("max-size", String(parseSize(Config["max-size"] ?? size)));
    query.set("max-file", Config["max-file"] ?? files);
  }
  return `supervisor://${encodeURI(stdioPath(paths, container.id))}?${query}`;
}

/** An exec'ed process has a socket of its own and no log. */
export function execUri(paths: Paths, containerId: string, execId: string): string {
  return `supervisor://${encodeURI(stdioPath(paths, containerId, execId))}?log=none`;
}
