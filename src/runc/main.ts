/** skiff-runc: an OCI runtime with runc's command line. Each verb is a file of its own, loaded only when it is called. */
import { messageOf } from "../lib/errors.ts";
import { createLogger, print, type RuncContext, type Verb } from "./context.ts";
import { BOOLEAN, parseFlags, VALUE } from "./options.ts";

const VERBS: Readonly<Record<string, { readonly help: string; load(): Promise<Verb> }>> = {
  checkpoint: {
    help: "not supported",
    load: async () => (await import("./commands/checkpoint.ts")).checkpoint,
  },
  create: { help: "create a container", load: async () => (await import("./commands/create.ts")).create },
  delete: {
    help: "delete any resources held by the container",
    load: async () => (await import("./commands/delete.ts")).remove,
  },
  events: {
    help: "display container events such as cpu, memory, and IO usage statistics",
    load: async () => (await import("./commands/events.ts")).events,
  },
  exec: {
    help: "execute new process inside the container",
    load: async () => (await import("./commands/exec.ts")).exec,
  },
  features: {
    help: "show the enabled features",
    load: async () => (await import("./commands/features.ts")).features,
  },
  kill: {
    help: "send the specified signal (default: SIGTERM) to the container's init process",
    load: async () => (await import("./commands/kill.ts")).kill,
  },
  list: {
    help: "list containers started with the given root",
    load: async () => (await import("./commands/list.ts")).list,
  },
  pause: {
    help: "suspend all processes inside the container",
    load: async () => (await import("./commands/pause.ts")).pause,
  },
  plan: {
    help: "print the kernel plan of a bundle, one operation a line",
    load: async () => (await import("./commands/plan.ts")).plan,
  },
  ps: {
    help: "display the processes running inside a container",
    load: async () => (await import("./commands/ps.ts")).ps,
  },
  restore: { help: "not supported", load: async () => (await import("./commands/checkpoint.ts")).restore },
  resume: {
    help: "resume all processes that have been previously paused",
    load: async () => (await import("./commands/resume.ts")).resume,
  },
  run: { help: "create and run a container", load: async () => (await import("./commands/run.ts")).run },
  spec: {
    help: "create a new specification file",
    load: async () => (await import("./commands/spec.ts")).spec,
  },
  start: {
    help: "execute the user defined process in a created container",
    load: async () => (await import("./commands/start.ts")).start,
  },
  state: {
    help: "output the state of a container",
    load: async () => (await import("./commands/state.ts")).state,
  },
  update: {
    help: "update container resource constraints",
    load: async () => (await import("./commands/update.ts")).update,
  },
};

const GLOBAL = {
  root: VALUE,
  log: VALUE,
  "log-format": VALUE,
  debug: BOOLEAN,
  criu: VALUE,
  "systemd-cgroup": BOOLEAN,
  // crun's way to say the same.
  "cgroup-manager": VALUE,
  rootless: VALUE,
  help: { ...BOOLEAN, short: "h" },
  version: { ...BOOLEAN, short: "v" },
};

const DEFAULT_ROOT = "/run/skiff-runc";
const UNKNOWN_VERB = 3;

function version(): string {
  return "skiff-runc version 0.1.0\nspec: 1.2.0\n";
}

function help(): string {
  const verbs = Object.entries(VERBS).map(([name, verb]) => `   ${name.padEnd(12)}${verb.help}\n`);
  const flags = Object.entries(GLOBAL).map(
    ([name, { kind }]) => `   --${name}${kind === "value" ? " value" : ""}\n`,
  );
  return `NAME:\n   skiff-runc - Open Container Initiative runtime\n\nUSAGE:\n   skiff-runc [global options] command [command options] [arguments...]\n\nCOMMANDS:\n${verbs.join("")}\nGLOBAL OPTIONS:\n${flags.join("")}`;
}

function verbHelp(name: string): string {
  return `NAME:\n   skiff-runc ${name} - ${VERBS[name]!.help}\n\nUSAGE:\n   skiff-runc ${name} [command options] <container-id>\n`;
}

/** `argv` without the program's name. Answers the exit status: 1 for errors, for `exec` 255, as runc. */
export async function main(argv: readonly string[]): Promise<number> {
  let context: RuncContext | undefined;
  let name = "";
  try {
    const parsed = parseFlags(argv, GLOBAL);
    const [word = "", ...rest] = parsed.words;
    name = word;
    const log = createLogger(parsed.value("log") ?? "", parsed.value("log-format") ?? "text");
    const root =
      parsed.value("root") ||
      (process.geteuid?.() === 0 ? DEFAULT_ROOT : `${process.env["XDG_RUNTIME_DIR"] ?? "/tmp"}/skiff-runc`);
    context = {
      root,
      log,
      print,
      systemdCgroup: parsed.has("systemd-cgroup") || parsed.value("cgroup-manager") === "systemd",
    };
    if (parsed.has("version") || name === "version") {
      print(version());
      return 0;
    }
    if (parsed.has("help") || name === "" || name === "help") {
      print(help());
      return 0;
    }
    if (!Object.hasOwn(VERBS, name)) {
      log.error(`No help topic for '${name}'`);
      return UNKNOWN_VERB;
    }
    if (rest[0] === "--help" || rest[0] === "-h") {
      print(verbHelp(name));
      return 0;
    }
    return await (await VERBS[name]!.load())(context, rest);
  } catch (error) {
    const log = context?.log ?? createLogger("", "text");
    const prefix =
      name === "create" || name === "run" ? `runc ${name} failed: ` : name === "exec" ? "exec failed: " : "";
    log.error(prefix + messageOf(error));
    return name === "exec" ? 255 : 1;
  }
}
