/** The values of flags: checked one at a time when they are read, in the words of dockerd's option types. */
import { isIP } from "node:net";
import { SkiffError } from "../../lib/errors.ts";
import type { Flag } from "./flags.ts";
import { checkHost } from "./hosts.ts";

const invalid = (text: string) => new SkiffError("invalid_argument", text);

const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

export function parseBool(text: string): boolean {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw invalid(`strconv.ParseBool: parsing "${text}": invalid syntax`);
}

export function parseInt10(text: string): number {
  const number = Number(text);
  if (!/^[+-]?[0-9]+$/.test(text)) throw invalid(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  if (!Number.isSafeInteger(number)) throw invalid(`strconv.ParseInt: parsing "${text}": value out of range`);
  return number;
}

const UNITS = "bkmgtp";

/** `64m`, `1GiB`, `1024`: steps of 1024, as go-units' RAMInBytes. */
export function parseBytes(text: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?) ?([kmgtp]?)(i?b)?$/i.exec(text);
  if (match === null) throw invalid(`invalid size: '${text}'`);
  return Math.trunc(Number(match[1]) * 1024 ** Math.max(0, UNITS.indexOf((match[2] || "b").toLowerCase())));
}

export interface Ulimit {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

const ULIMITS = new Set(
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  ),
);

/** `nofile=1024[:2048]` */
export function parseUlimit(text: string): Ulimit {
  const equals = text.indexOf("=");
  if (equals < 0) throw invalid(`invalid ulimit argument: ${text}`);
  const [Name, limits] = [text.slice(0, equals), text.slice(equals + 1)];
  if (!ULIMITS.has(Name)) throw invalid(`invalid ulimit type: ${Name}`);
  const parts = limits.split(":");
  if (parts.length > 2)
    throw invalid(`too many limit value arguments - ${limits}, can only have up to two, \`soft[:hard]\``);
  const [Soft = 0, Hard = Soft] = parts.map(parseInt10);
  if (Hard !== -1 && (Soft === -1 || Soft > Hard))
    throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`);
  return { Name, Soft, Hard };
}

/** `name=path` */
export function parseRuntime(text: string): readonly [string, string] {
  const equals = text.indexOf("=");
  const name = text.slice(0, equals).trim().toLowerCase();
  const path = text.slice(equals + 1).trim();
  if (equals < 0 || name === "" || path === "") throw invalid(`invalid runtime argument: ${text}`);
  return [name, path];
}

/** `base=10.10.0.0/16,size=24` */
export function parsePool(text: string): { readonly base: string; readonly size: number } {
  const fields = new Map(text.split(",").map((field) => field.split("=", 2) as [string, string]));
  const base = fields.get("base") ?? "";
  if (!/^[0-9a-fA-F.:]+\/[0-9]+$/.test(base)) throw invalid(`invalid CIDR address: ${base}`);
  return { base, size: parseInt10(fields.get("size") ?? "") };
}

function checkMirror(text: string): void {
  const match = /^(\w+):\/\/([^/?#]+)(\/?)([^?#]*)(\?.*)?(#.*)?$/.exec(text);
  const scheme = match?.[1] ?? "";
  if (scheme !== "http" && scheme !== "https")
    throw invalid(`invalid mirror: unsupported scheme "${scheme}" in "${text}"`);
  if (match![5] !== undefined || match![6] !== undefined)
    throw invalid(`invalid mirror: path, query, or fragment at end of the URI "${text}"`);
}

const LIST_CHECKS: Readonly<Record<string, (text: string) => void>> = {
  dns: (text) => {
    if (isIP(text.trim()) === 0) throw invalid(`${text} is not an ip address`);
  },
  host: checkHost,
  label: (text) => {
    if (!text.includes("=")) throw invalid(`bad attribute format: ${text}`);
  },
  "registry-mirror": checkMirror,
};

/** The value as it is kept. @throws invalid_argument: the part of pflag's message after the flag's name. */
export function checkValue(flag: Flag, text: string): string {
  switch (flag.kind) {
    case "bool":
      return String(parseBool(text));
    case "int":
      return String(parseInt10(text));
    case "bytes":
      return String(parseBytes(text));
    case "ip":
      if (isIP(text) === 0) throw invalid(`${text} is not an ip address`);
      return text;
    case "ulimit":
      parseUlimit(text);
      return text;
    case "runtime":
      parseRuntime(text);
      return text;
    case "pool-options":
      parsePool(text);
      return text;
    case "list":
      LIST_CHECKS[flag.name]?.(text);
      return text;
    default:
      return text;
  }
}
