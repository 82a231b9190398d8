/** exec: another process in a running container. */
import { existsSync, readFileSync } from "node:fs";
import type { Process } from "../../contracts/oci/spec.ts";
import { SkiffError } from "../../lib/errors.ts";
import { compileExec } from "../container/exec.ts";
import { openContainer } from "../container/state.ts";
import { preservedFds, type RuncContext } from "../context.ts";
import { runPlan, runPlanInForeground } from "../executor.ts";
import { BOOLEAN, type Parsed, parseFlags, parseWhole, VALUE } from "../options.ts";
import { encodePlan } from "../plan/encode.ts";
import { parseJson } from "../spec/load.ts";
import { validateProcess } from "../spec/validate.ts";
import { checkConsole, writePidFile } from "./launch.ts";

const VALUES = { kind: "values" } as const;
const FLAGS = {
  ...{
    "console-socket": VALUE,
    cwd: VALUE,
    "pid-file": VALUE,
    "process-label": VALUE,
    apparmor: VALUE,
    cgroup: VALUE,
  },
  env: { ...VALUES, short: "e" },
  tty: { ...BOOLEAN, short: "t" },
  user: { ...VALUE, short: "u" },
  "additional-gids": { ...VALUES, short: "g" },
  process: { ...VALUE, short: "p" },
  detach: { ...BOOLEAN, short: "d" },
  "no-new-privs": BOOLEAN,
  cap: { ...VALUES, short: "c" },
  "preserve-fds": VALUE,
  "ignore-paused": BOOLEAN,
};

/** `uid[:gid]`, numbers only (CVE-2026-30892: trailing garbage is an error, not another user). */
export function parseUser(text: string, otherwise: Process["user"]): Process["user"] {
  const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text);
  if (match === null)
    throw new SkiffError("invalid_argument", `bad user ${JSON.stringify(text)}: want uid[:gid]`);
  return {
    ...otherwise,
    uid: Number(match[1]),
    gid: match[2] === undefined ? otherwise.gid : Number(match[2]),
  };
}

function withCapabilities(process: Process, added: readonly string[]): Process {
  if (added.length === 0) return process;
  const { capabilities = {} } = process;
  const join = (names: readonly string[] = []): string[] => [...new Set([...names, ...added])];
  const { bounding, effective, permitted, ambient } = capabilities;
  return {
    ...process,
    capabilities: {
      ...capabilities,
      bounding: join(bounding),
      effective: join(effective),
      permitted: join(permitted),
      ambient: ambient ?? [],
    },
  };
}

/** The init's process with what the flags change. */
function processOf(parsed: Parsed, init: Process): Process {
  const file = parsed.value("process");
  if (file !== undefined) return validateProcess(parseJson(readFileSync(file, "utf8"), file));
  const args = parsed.words.slice(1);
  if (args.length === 0) throw new SkiffError("invalid_argument", "process args cannot be empty");
  const user = parsed.value("user");
  const gids = parsed.values("additional-gids").map((gid) => parseWhole("additional-gids", gid));
  const chosen = user === undefined ? init.user : parseUser(user, init.user);
  const { terminal: _terminal, consoleSize: _size, ...base } = init;
  const process: Process = {
    ...base,
    args,
    terminal: parsed.has("tty"),
    cwd: parsed.value("cwd") ?? init.cwd,
    env: [...(init.env ?? []), ...parsed.values("env")],
    user: { ...chosen, additionalGids: [...(chosen.additionalGids ?? []), ...gids] },
    noNewPrivileges: parsed.has("no-new-privs") || init.noNewPrivileges === true,
    ...(parsed.value("apparmor") === undefined ? {} : { apparmorProfile: parsed.value("apparmor")! }),
    ...(parsed.value("process-label") === undefined ? {} : { selinuxLabel: parsed.value("process-label")! }),
  };
  return validateProcess(withCapabilities(process, parsed.values("cap")));
}

export async function exec(context: RuncContext, argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(argv, FLAGS);
  const [id] = parsed.words;
  if (id === undefined)
    throw new SkiffError("invalid_argument", `runc: "exec" requires a minimum of 1 argument(s)`);
  const container = openContainer(context.root, id);
  const preserved = preservedFds(parsed.value("preserve-fds"));
  const wanted = processOf(parsed, container.stored.spec.process!);
  const process: Process = { ...wanted, env: [...(wanted.env ?? []), ...preserved.env] };
  const detached = parsed.has("detach");
  const consoleSocket = parsed.value("console-socket");
  checkConsole(process, consoleSocket, detached);
  if (process.consoleSize === undefined && consoleSocket !== undefined && !existsSync(consoleSocket)) {
    throw new SkiffError("invalid_argument", `console socket ${consoleSocket}: no such file`);
  }
  const plan = encodePlan(
    compileExec(container, process, {
      preserveFds: preserved.count,
      ignorePaused: parsed.has("ignore-paused"),
      ...(parsed.value("cgroup") === undefined ? {} : { subCgroup: parsed.value("cgroup")! }),
      warn: context.log.warn,
    }),
  );
  const request = {
    plan,
    preserveFds: preserved.count,
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
  };
  if (!detached) {
    const pidFile = parsed.value("pid-file");
    const onStarted = async (pid: number): Promise<void> => writePidFile(pidFile, pid);
    return (await runPlanInForeground({ ...request, ...(pidFile === undefined ? {} : { onStarted }) }))
      .status;
  }
  const { pid } = runPlan({ ...request, wait: false });
  writePidFile(parsed.value("pid-file"), pid);
  return 0;
}
