/** `--security-opt`: a seccomp profile is a file here and its text there; `systempaths` becomes two lists. */
import { readFileSync } from "node:fs";
import { messageOf } from "../../../lib/errors.ts";
import { invalid } from "./values.ts";

export interface Security {
  readonly SecurityOpt: readonly string[] | null;
  readonly MaskedPaths: readonly string[] | null;
  readonly ReadonlyPaths: readonly string[] | null;
}

/** `net_admin` and `CAP_NET_ADMIN` are one; ALL makes the others of its list needless; what is added is not dropped. */
export function capabilitiesOf(
  add: readonly string[],
  drop: readonly string[],
): Record<"CapAdd" | "CapDrop", readonly string[] | null> {
  const named = (words: readonly string[]): Set<string> => {
    const names = words.map((word) => {
      const name = word.trim().toUpperCase();
      return name === "ALL" || name === "RESET" || name.startsWith("CAP_") ? name : `CAP_${name}`;
    });
    return new Set(names.includes("ALL") ? ["ALL"] : names);
  };
  const [added, dropped] = [named(add), named(drop)];
  const list = (names: Iterable<string>) => {
    const sorted = [...names].sort();
    return sorted.length === 0 ? null : sorted;
  };
  return { CapAdd: list(added), CapDrop: list([...dropped].filter((name) => !added.has(name))) };
}

function profileOf(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const why = missing ? `open ${path}: no such file or directory` : messageOf(error);
    throw invalid(`opening seccomp profile (${path}) failed: ${why}`);
  }
  try {
    JSON.parse(text);
  } catch (error) {
    throw invalid(`compacting json for seccomp profile (${path}) failed: ${messageOf(error)}`);
  }
  // White space outside of strings goes; everything else stays as it is written.
  return text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, quoted?: string) => quoted ?? "");
}

export function securityOf(options: readonly string[]): Security {
  const parsed = options.map((option) => {
    const [, key = "", separator = "", value = ""] = /^([^=:]*)([=:])(.*)$/s.exec(option) ?? [];
    if (separator === "" && option !== "no-new-privileges")
      throw invalid(`Invalid --security-opt: ${JSON.stringify(option)}`);
    if (key !== "seccomp" || value === "unconfined" || value === "builtin") return option;
    return `seccomp=${profileOf(value)}`;
  });
  const kept = parsed.filter((option) => option !== "systempaths=unconfined");
  const bare = kept.length < parsed.length ? [] : null;
  return {
    SecurityOpt: options.length === 0 ? null : kept,
    MaskedPaths: bare,
    ReadonlyPaths: bare,
  };
}
