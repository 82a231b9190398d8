/** What skiffd is to do, out of its flags and daemon.json. */
import { homedir } from "node:os";
import { resolve } from "node:path";
import { messageOf, SkiffError, wrap } from "../../lib/errors.ts";
import { checkLogConfig } from "../containers/log-config.ts";
import { mergeFile } from "./file.ts";
import { CONFIG_FILE, DATA_ROOT, DEFAULT_HOST, EXEC_ROOT, FLAGS } from "./flags.ts";
import { type Host, parseHost } from "./hosts.ts";
import type { Given } from "./parse.ts";
import { parseBytes, parsePool, parseRuntime, parseUlimit, type Ulimit } from "./values.ts";

export const OWN_RUNTIME = "skiff-runc";
const LEVELS = ["debug", "info", "warn", "error", "fatal"];

export interface TlsOptions {
  readonly verify: boolean;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface DaemonOptions {
  readonly hosts: readonly Host[];
  readonly tls: TlsOptions | undefined;
  /** Absolute. */
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidfile: string;
  /** "" for our own. */
  readonly containerd: string;
  readonly group: string;
  /** Whether `--group` was given: then a missing group is an error. */
  readonly groupGiven: boolean;
  readonly level: string;
  readonly bridge: string;
  readonly bip: string;
  readonly mtu: number;
  readonly dns: {
    readonly servers: readonly string[];
    readonly search: readonly string[];
    readonly options: readonly string[];
  };
  readonly addressPools: readonly { readonly base: string; readonly size: number }[];
  readonly runtimes: Readonly<Record<string, string>>;
  readonly defaultRuntime: string;
  readonly init: boolean;
  readonly shmSize: number;
  readonly log: { readonly Type: string; readonly Config: Readonly<Record<string, string>> };
  readonly ulimits: readonly Ulimit[];
  readonly insecureRegistries: readonly string[];
  readonly mirrors: readonly string[];
  readonly labels: readonly string[];
  readonly experimental: boolean;
  /** To be said once, in the log. */
  readonly warnings: readonly string[];
}

const invalid = (text: string) => new SkiffError("invalid_argument", text);

const pair = (word: string): [string, string] => {
  const equals = word.indexOf("=");
  return equals < 0 ? [word, ""] : [word.slice(0, equals), word.slice(equals + 1)];
};

/** @throws invalid_argument for a flag that asks for what skiffd does not do. */
function checkSupport(given: Given): void {
  for (const { name, kind, support, default: byDefault } of FLAGS) {
    if (support !== "refused") continue;
    const values = given.get(name);
    const usual = byDefault ?? (kind === "bool" ? "false" : kind === "int" ? "0" : "");
    if (values?.some((value) => value !== usual)) throw invalid(`--${name} is not implemented by skiffd`);
  }
}

function runtimesOf(words: readonly string[]): Readonly<Record<string, string>> {
  const runtimes: Record<string, string> = {};
  for (const [name, path] of words.map(parseRuntime)) {
    if (name === OWN_RUNTIME) throw invalid(`runtime name '${name}' is reserved`);
    if (Object.hasOwn(runtimes, name)) throw invalid(`runtime '${name}' was already defined`);
    runtimes[name] = path;
  }
  return runtimes;
}

function logOf(driver: string, words: readonly string[]): DaemonOptions["log"] {
  const log = { Type: driver, Config: Object.fromEntries(words.map(pair)) };
  try {
    checkLogConfig(log);
  } catch (error) {
    throw wrap(error, "failed to set log opts");
  }
  return log;
}

function labelsOf(words: readonly string[]): readonly string[] {
  const seen = new Map<string, string>();
  for (const word of words) {
    const [key, value] = pair(word);
    const before = seen.get(key);
    if (before !== undefined && before !== value)
      throw invalid(`conflict labels for ${key}=${value} and ${key}=${before}`);
    seen.set(key, value);
  }
  return [...seen].map(([key, value]) => `${key}=${value}`);
}

interface Reader {
  one(name: string, byDefault: string): string;
  many(name: string): readonly string[];
  flag(name: string): boolean;
}

function readerOf(given: Given): Reader {
  return {
    one: (name, byDefault) => given.get(name)?.[0] ?? byDefault,
    many: (name) => given.get(name) ?? [],
    flag: (name) => given.get(name)?.[0] === "true",
  };
}

function tlsOf({ one, flag }: Reader): TlsOptions | undefined {
  if (!flag("tls") && !flag("tlsverify")) return undefined;
  const directory = process.env["DOCKER_CERT_PATH"] || `${homedir()}/.docker`;
  return {
    verify: flag("tlsverify"),
    ca: one("tlscacert", `${directory}/ca.pem`),
    cert: one("tlscert", `${directory}/cert.pem`),
    key: one("tlskey", `${directory}/key.pem`),
  };
}

function warningsOf(given: Given): readonly string[] {
  const warnings: string[] = [];
  if (given.get("live-restore")?.[0] === "false")
    warnings.push("--live-restore=false has no effect: containers always go on while skiffd is away");
  const driver = given.get("storage-driver")?.[0] ?? "";
  if (!["", "overlay2", "overlayfs"].includes(driver))
    warnings.push(`--storage-driver ${driver} has no effect: it is overlayfs`);
  return warnings;
}

function networkOf({ one, many }: Reader) {
  const bridge = one("bridge", "");
  const bip = one("bip", "");
  if (bridge !== "" && bip !== "")
    throw invalid("You specified -b & --bip, mutually exclusive options. Please specify only one");
  return {
    ...{ bridge, bip, mtu: Number(one("mtu", "0")) },
    dns: {
      servers: many("dns").map((server) => server.trim()),
      search: many("dns-search"),
      options: many("dns-opt"),
    },
    addressPools: many("default-address-pool").map(parsePool),
  };
}

function build(given: Given): DaemonOptions {
  checkSupport(given);
  const reader = readerOf(given);
  const { one, many, flag } = reader;
  const level = one("log-level", "info");
  if (!LEVELS.includes(level)) throw invalid(`invalid logging level: ${level}`);
  const runtimes = runtimesOf(many("add-runtime"));
  const defaultRuntime = one("default-runtime", OWN_RUNTIME);
  if (defaultRuntime !== OWN_RUNTIME && !Object.hasOwn(runtimes, defaultRuntime))
    throw invalid(`specified default runtime '${defaultRuntime}' does not exist`);
  const tls = tlsOf(reader);
  const asked = many("host");
  const hosts = (asked.length === 0 ? [DEFAULT_HOST] : asked).map((host) =>
    parseHost(host, tls !== undefined),
  );
  const execRoot = resolve(one("exec-root", EXEC_ROOT));
  const containerd = one("containerd", "").replace(/^unix:\/\//, "");
  return Object.freeze({
    ...{ hosts, tls, runtimes, defaultRuntime, execRoot, containerd },
    ...networkOf(reader),
    dataRoot: resolve(one("data-root", DATA_ROOT)),
    pidfile: one("pidfile", `${EXEC_ROOT}/skiffd.pid`),
    group: one("group", "docker"),
    groupGiven: given.has("group"),
    level: flag("debug") ? "debug" : level,
    init: flag("init"),
    shmSize: parseBytes(one("default-shm-size", "64m")),
    log: logOf(one("log-driver", "json-file"), many("log-opt")),
    ulimits: many("default-ulimit").map(parseUlimit),
    insecureRegistries: many("insecure-registry"),
    mirrors: many("registry-mirror"),
    labels: labelsOf(many("label")),
    experimental: flag("experimental"),
    warnings: warningsOf(given),
  });
}

/** @throws invalid_argument in dockerd's words, naming the file. */
export function daemonOptions(given: Given): DaemonOptions {
  const path = given.get("config-file")?.[0] ?? CONFIG_FILE;
  let merged: Given;
  try {
    merged = mergeFile(path, given.has("config-file"), given);
  } catch (error) {
    throw invalid(`unable to configure the Docker daemon with file ${path}: ${messageOf(error)}`);
  }
  return build(merged);
}
