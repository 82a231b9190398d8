/** Variables and labels: of flags, of files, of our own environment. */
import { readFileSync } from "node:fs";
import { messageOf } from "../../../lib/errors.ts";
import type { Settings } from "../../transport/settings.ts";
import { invalid, pairsOf } from "./values.ts";

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw invalid(`open ${path}: no such file or directory`);
    if (code === "EISDIR") throw invalid(`read ${path}: is a directory`);
    throw invalid(code === "EACCES" ? `open ${path}: permission denied` : messageOf(error));
  }
}

/** `NAME=value` lines, and `NAME` alone for `ours`; comments and empty lines are left out. */
function readPairs(path: string, ours: (name: string) => string | undefined): string[] {
  const lines = read(path)
    .replace(/^\ufeff/, "")
    .split("\n")
    .map((line) => line.replace(/\r$/, "").trimStart())
    .filter((line) => line !== "" && !line.startsWith("#"));
  return lines.flatMap((line) => {
    const name = line.split("=", 1)[0]!;
    if (/\s/.test(name)) throw invalid(`invalid env file (${path}): variable '${name}' contains whitespaces`);
    if (name === "") throw invalid(`invalid env file (${path}): no variable name on line '${line}'`);
    if (line.includes("=")) return [line];
    const value = ours(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
}

export function checkVariable(value: string): void {
  if (value === "" || value.startsWith("=")) throw invalid(`invalid environment variable: ${value}`);
}

export function checkLabel(value: string): void {
  const name = value.split("=", 1)[0]!.trimStart();
  if (name === "") throw invalid(`invalid label '${value}': empty name`);
  if (/\s/.test(name)) throw invalid(`label '${name}' contains whitespaces`);
}

/** A name alone has our own value; the daemon takes one without a value for "remove the image's". */
export function environmentOf(files: readonly string[], given: readonly string[]): string[] {
  const ours = (name: string) => process.env[name];
  const resolved = given.map((entry) => {
    const value = entry.includes("=") ? undefined : ours(entry);
    return value === undefined ? entry : `${entry}=${value}`;
  });
  return [...files.flatMap((path) => readPairs(path, ours)), ...resolved];
}

const PROXIES = {
  httpProxy: "HTTP_PROXY",
  httpsProxy: "HTTPS_PROXY",
  noProxy: "NO_PROXY",
  ftpProxy: "FTP_PROXY",
  allProxy: "ALL_PROXY",
} as const;

/** Of `proxies` in config.json: for this daemon, or for all. */
export function proxiesOf({ config, host }: Settings): Readonly<Record<string, string>> {
  const chosen = config.proxies?.[host] ?? config.proxies?.["default"] ?? {};
  const pairs = Object.entries(PROXIES).flatMap(([key, name]) => {
    const value = chosen[key] ?? "";
    return value === "" ? [] : [[name, value] as const, [name.toLowerCase(), value] as const];
  });
  return Object.fromEntries(pairs);
}

/** A later value of a name wins; what is not said of proxies is as configured. */
export function withProxies(given: readonly string[], proxies: Readonly<Record<string, string>>): string[] {
  const nameOf = (entry: string) => entry.split("=", 1)[0]!;
  const named = new Map(given.map((entry) => [nameOf(entry), entry]));
  for (const [name, value] of Object.entries(proxies))
    if (!named.has(name)) named.set(name, `${name}=${value}`);
  return [...named.values()];
}

export function labelsOf(files: readonly string[], given: readonly string[]): Record<string, string> {
  return pairsOf([...files.flatMap((path) => readPairs(path, () => undefined)), ...given]);
}
