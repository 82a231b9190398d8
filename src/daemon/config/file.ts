/** daemon.json: the same settings as the flags. One that is in both is an error, as for dockerd: nobody could say which one holds. */
import { readFileSync } from "node:fs";
import { messageOf, SkiffError } from "../../lib/errors.ts";
import { FLAGS, type Flag, isMany, keyOf } from "./flags.ts";
import type { Given } from "./parse.ts";
import { checkValue } from "./values.ts";

const invalid = (text: string) => new SkiffError("invalid_argument", text);

/** Directives that are no flags, or are written in another way there. */
const ONLY_IN_FILE = new Set([
  "proxies",
  "builder",
  "features",
  "max-concurrent-downloads",
  "deprecated-key-path",
]);

/** Flags that may be in both places. */
const MAY_REPEAT = new Set(["features", "default-network-opts"]);

function read(path: string, mustExist: boolean): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && !mustExist) return undefined;
    throw invalid(`open ${path}: ${code === "ENOENT" ? "no such file or directory" : messageOf(error)}`);
  }
  if (text.trim() === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw invalid(messageOf(error));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid("json: cannot unmarshal into Go value of type config.Config");
  return value as Record<string, unknown>;
}

/** How Go prints a value with %v. */
function goText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, one]) => `${key}:${goText(one)}`).join(" ")}]`;
}

function conflicts(file: Record<string, unknown>, given: Given): string[] {
  const both = FLAGS.filter(
    (flag) => given.has(flag.name) && keyOf(flag) in file && !MAY_REPEAT.has(keyOf(flag)),
  );
  return both.map((flag) => {
    const values = given.get(flag.name)!;
    const fromFlag = isMany(flag) ? goText(values) : values[0]!;
    return `${keyOf(flag)}: (from flag: ${fromFlag}, from file: ${goText(file[keyOf(flag)])})`;
  });
}

const wrongType = (key: string) => invalid(`json: cannot unmarshal value of directive ${key}: wrong type`);

function runtimeWord(name: string, value: unknown): string {
  const { path, runtimeType, runtimeArgs } = (value ?? {}) as Record<string, unknown>;
  if (Array.isArray(runtimeArgs) && runtimeArgs.length > 0)
    throw invalid(`runtime ${name}: runtimeArgs are not implemented by skiffd`);
  const word = path ?? runtimeType;
  if (typeof word !== "string" || word === "")
    throw invalid(`runtime ${name}: either a runtimeType or a path must be configured`);
  return `${name}=${word}`;
}

/** A directive in the words that the flag takes. */
function wordsOf(flag: Flag, key: string, value: unknown): string[] {
  if (flag.kind === "list") {
    if (!Array.isArray(value) || !value.every((word) => typeof word === "string")) throw wrongType(key);
    return value as string[];
  }
  if (flag.kind === "pool-options") {
    if (!Array.isArray(value)) throw wrongType(key);
    return value.map((pool: { base?: unknown; size?: unknown }) => `base=${pool.base},size=${pool.size}`);
  }
  if (isMany(flag)) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrongType(key);
    return Object.entries(value).map(([name, one]) => {
      if (flag.kind === "runtime") return runtimeWord(name, one);
      if (flag.kind !== "ulimit") return `${name}=${one}`;
      const { Soft, Hard } = one as { Soft?: unknown; Hard?: unknown };
      return `${name}=${Soft ?? 0}:${Hard ?? Soft ?? 0}`;
    });
  }
  const type = flag.kind === "bool" ? "boolean" : flag.kind === "int" ? "number" : "string";
  const bytes = flag.kind === "bytes" && typeof value === "number";
  if (typeof value !== type && !bytes) throw wrongType(key);
  return [String(value)];
}

/** The flags given, with what the file says. @throws invalid_argument: what follows "unable to configure …: ". */
export function mergeFile(path: string, mustExist: boolean, given: Given): Given {
  const file = read(path, mustExist);
  if (file === undefined) return given;
  const byKey = new Map(FLAGS.map((flag) => [keyOf(flag), flag]));
  const unknown = Object.keys(file).filter((key) => !byKey.has(key) && !ONLY_IN_FILE.has(key));
  if (unknown.length > 0)
    throw invalid(`the following directives don't match any configuration option: ${unknown.join(", ")}`);
  const both = conflicts(file, given);
  if (both.length > 0)
    throw invalid(
      `the following directives are specified both as a flag and in the configuration file: ${both.join(", ")}`,
    );
  const merged = new Map(given);
  for (const [key, value] of Object.entries(file)) {
    const flag = byKey.get(key);
    if (flag === undefined || value === null) continue;
    const words = wordsOf(flag, key, value).map((word) => checkValue(flag, word));
    merged.set(flag.name, isMany(flag) ? [...words, ...(given.get(flag.name) ?? [])] : words);
  }
  return merged;
}
