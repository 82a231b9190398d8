/** The command line of skiff-containerd: containerd's flags, and what we honour of its configuration file. */
import { readFileSync } from "node:fs";
import { messageOf, SkiffError } from "../../lib/errors.ts";

export interface Options {
  readonly address: string;
  readonly root: string;
  readonly state: string;
  readonly logLevel: string;
  readonly version: boolean;
  readonly help: boolean;
}

const DEFAULTS: Options = {
  address: "/run/skiff/containerd/containerd.sock",
  root: "/var/lib/skiff/containerd",
  state: "/run/skiff/containerd",
  logLevel: "info",
  version: false,
  help: false,
};

export const USAGE = `Usage: skiff-containerd [options]

  -a, --address PATH    socket to serve gRPC on (${DEFAULTS.address})
      --root DIR        what is kept over reboots (${DEFAULTS.root})
      --state DIR       what is not (${DEFAULTS.state})
  -c, --config FILE     containerd's configuration: root, state, [grpc] address, [debug] level
  -l, --log-level LEVEL trace, debug, info, warn, error, fatal, panic
  -v, --version         print the version
`;

type Flag = "address" | "root" | "state" | "logLevel" | "config" | "version" | "help";

const FLAGS: Readonly<Record<string, Flag>> = {
  a: "address",
  address: "address",
  root: "root",
  state: "state",
  l: "logLevel",
  "log-level": "logLevel",
  c: "config",
  config: "config",
  v: "version",
  version: "version",
  h: "help",
  help: "help",
};

type Given = Partial<Record<Flag, string>>;

function parseFlags(argv: readonly string[]): Given {
  const given: Given = {};
  for (let at = 0; at < argv.length; at++) {
    const match = /^--?([^=]+)(?:=(.*))?$/s.exec(argv[at]!);
    const flag = match === null ? undefined : FLAGS[match[1]!];
    if (flag === undefined) throw new SkiffError("invalid_argument", `unknown argument ${argv[at]}`);
    if (flag === "version" || flag === "help") {
      given[flag] = match![2] ?? "true";
      continue;
    }
    const value = match![2] ?? argv[++at];
    if (value === undefined) throw new SkiffError("invalid_argument", `flag ${argv[at - 1]}: value missing`);
    given[flag] = value;
  }
  return given;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function readConfig(path: string): Given {
  try {
    const config = Bun.TOML.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    const section = (name: string) => (config[name] ?? {}) as Record<string, unknown>;
    const found = {
      root: text(config["root"]),
      state: text(config["state"]),
      address: text(section("grpc")["address"]),
      logLevel: text(section("debug")["level"]),
    };
    return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
  } catch (error) {
    throw new SkiffError("invalid_argument", `read configuration ${path}: ${messageOf(error)}`);
  }
}

/** Flags win over the file, the file over the defaults. Throws `invalid_argument`. */
export function parseOptions(argv: readonly string[]): Options {
  const flags = parseFlags(argv);
  const merged = { ...(flags.config === undefined ? {} : readConfig(flags.config)), ...flags };
  return {
    address: merged.address ?? DEFAULTS.address,
    root: merged.root ?? DEFAULTS.root,
    state: merged.state ?? DEFAULTS.state,
    logLevel: merged.logLevel ?? DEFAULTS.logLevel,
    version: flags.version === "true",
    help: flags.help === "true",
  };
}
