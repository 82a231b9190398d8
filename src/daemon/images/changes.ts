/** `--change` of `docker commit` and `docker import`: the Dockerfile instructions that only touch the configuration. */
import { SkiffError } from "../../lib/errors.ts";
import type { ImageDefaults } from "../containers/ports.ts";
import { splitWords } from "./words.ts";

type Mutable = { -readonly [K in keyof ImageDefaults]: ImageDefaults[K] };
type Change = (config: Mutable, rest: string, name: string) => void;

const invalid = (why: string) => new SkiffError("invalid_argument", why);
const needsOne = (name: string) => invalid(`${name} requires exactly one argument`);

/** `["a","b"]`, or undefined when it is not JSON of strings. */
function jsonWords(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((word) => typeof word === "string") ? value : undefined;
  } catch {
    return undefined;
  }
}

/** JSON, or a line for a shell. */
function command(config: Mutable, rest: string): readonly string[] {
  return jsonWords(rest) ?? [...(config.Shell ?? ["/bin/sh", "-c"]), rest];
}

/** `KEY=value …`, or the older `KEY value`. */
function pairs(rest: string, name: string): [string, string][] {
  const words = splitWords(rest);
  if (words.length === 0) throw invalid(`${name} must have two arguments`);
  if (!words[0]!.includes("=")) {
    const match = /^(\S+)\s+(.+)$/s.exec(rest);
    if (match === null) throw invalid(`${name} must have two arguments`);
    return [[match[1]!, splitWords(match[2]!).join(" ")]];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 0)
      throw invalid(`Syntax error - can't find = in "${word}". Must be of the form: name=value`);
    if (equals === 0) throw invalid(`${name} names can not be blank`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

function setEnvironment(config: Mutable, rest: string): void {
  const environment = [...(config.Env ?? [])];
  for (const [key, value] of pairs(rest, "ENV")) {
    const at = environment.findIndex((entry) => entry.split("=", 1)[0] === key);
    if (at < 0) environment.push(`${key}=${value}`);
    else environment[at] = `${key}=${value}`;
  }
  config.Env = environment;
}

function expose(config: Mutable, rest: string): void {
  const words = splitWords(rest);
  if (words.length === 0) throw invalid("EXPOSE requires at least one argument");
  const ports: Record<string, object> = { ...config.ExposedPorts };
  for (const word of words) {
    const match = /^([0-9]{1,5})(?:-([0-9]{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(word);
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (match === null || first > last || last > 65_535) throw invalid(`invalid containerPort: ${word}`);
    for (let port = first; port <= last; port++) ports[`${port}/${(match[3] ?? "tcp").toLowerCase()}`] = {};
  }
  config.ExposedPorts = ports;
}

function workingDirectory(config: Mutable, rest: string): void {
  if (rest === "") throw needsOne("WORKDIR");
  const parts = (rest.startsWith("/") ? rest : `${config.WorkingDir ?? ""}/${rest}`).split("/");
  const stack: string[] = [];
  for (const part of parts) {
    if (part === "..") stack.pop();
    else if (part !== "" && part !== ".") stack.push(part);
  }
  config.WorkingDir = `/${stack.join("/")}`;
}

const DURATIONS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};

function duration(text: string): number {
  const parts = [...text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== text)
    throw invalid(`time: invalid duration "${text}"`);
  return Math.round(parts.reduce((sum, part) => sum + Number(part[1]) * DURATIONS[part[2]!]!, 0));
}

const HEALTH_FLAGS: Readonly<Record<string, string>> = {
  interval: "Interval",
  timeout: "Timeout",
  "start-period": "StartPeriod",
  "start-interval": "StartInterval",
  retries: "Retries",
};

function healthcheck(config: Mutable, rest: string): void {
  const check: Record<string, unknown> = {};
  let left = rest;
  for (
    let flag = /^--([a-z-]+)=(\S+)\s*/.exec(left);
    flag !== null;
    flag = /^--([a-z-]+)=(\S+)\s*/.exec(left)
  ) {
    const field = HEALTH_FLAGS[flag[1]!];
    if (field === undefined) throw invalid(`unknown flag: --${flag[1]}`);
    check[field] = field === "Retries" ? Number(flag[2]) : duration(flag[2]!);
    left = left.slice(flag[0].length);
  }
  const [kind = "", after = ""] = [left.split(/\s/, 1)[0]!.toUpperCase(), left.replace(/^\S+\s*/, "")];
  if (kind === "NONE" && after === "") config.Healthcheck = { Test: ["NONE"] };
  else if (kind === "CMD" && after !== "") {
    const json = jsonWords(after);
    config.Healthcheck = { Test: json === undefined ? ["CMD-SHELL", after] : ["CMD", ...json], ...check };
  } else throw invalid(`Unknown type "${kind}" in HEALTHCHECK (try CMD)`);
}

const CHANGES: Readonly<Record<string, Change>> = {
  CMD: (config, rest) => {
    config.Cmd = rest === "" ? [] : command(config, rest);
  },
  ENTRYPOINT: (config, rest) => {
    config.Entrypoint = rest === "" ? [] : command(config, rest);
  },
  ENV: setEnvironment,
  EXPOSE: expose,
  LABEL: (config, rest) => {
    config.Labels = { ...config.Labels, ...Object.fromEntries(pairs(rest, "LABEL")) };
  },
  USER: (config, rest, name) => {
    if (rest === "") throw needsOne(name);
    config.User = splitWords(rest).join(" ");
  },
  VOLUME: (config, rest) => {
    const volumes = jsonWords(rest) ?? splitWords(rest);
    if (volumes.length === 0 || volumes.some((path) => path.trim() === ""))
      throw invalid("VOLUME specified can not be an empty string");
    config.Volumes = { ...config.Volumes, ...Object.fromEntries(volumes.map((path) => [path, {}])) };
  },
  WORKDIR: workingDirectory,
  STOPSIGNAL: (config, rest, name) => {
    if (!/^\S+$/.test(rest)) throw needsOne(name);
    if (!/^(?:[0-9]{1,2}|(?:SIG)?[A-Z][A-Z0-9+-]*)$/i.test(rest)) throw invalid(`invalid signal: ${rest}`);
    config.StopSignal = rest;
  },
  HEALTHCHECK: healthcheck,
  ONBUILD: (config, rest) => {
    const trigger = rest.split(/\s/, 1)[0]!.toUpperCase();
    if (trigger === "ONBUILD") throw invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (trigger === "MAINTAINER" || trigger === "FROM")
      throw invalid(`${trigger} isn't allowed as an ONBUILD trigger`);
    config.OnBuild = [...(config.OnBuild ?? []), rest];
  },
};

/** Each change may have several lines, as a Dockerfile has. @throws invalid_argument in dockerd's words */
export function applyChanges(config: ImageDefaults, changes: readonly string[]): ImageDefaults {
  const changed: Mutable = { ...config };
  const lines = changes
    .join("\n")
    .replace(/\\[ \t]*\n/g, "")
    .split("\n");
  for (const line of lines.map((text) => text.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const [word = ""] = line.split(/\s/, 1);
    const name = word.toUpperCase();
    const change = Object.hasOwn(CHANGES, name) ? CHANGES[name] : undefined;
    if (change === undefined) throw invalid(`${name} is not a valid change command`);
    change(changed, line.slice(word.length).trim(), name);
  }
  return changed;
}
