/** `skiff exec` */
import { isTerminal, windowSize } from "../../../kernel/stdout.ts";
import { bool, type Command, type Context, list, text } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { attachStreams, detachedError } from "../../streams/attach.ts";
import { followSize } from "../../streams/terminal.ts";
import { inPath } from "../each.ts";
import { checkVariable, environmentOf } from "./environment.ts";

async function runExec(context: Context, id: string, tty: boolean, stdin: boolean): Promise<number> {
  const { client } = context;
  const size = tty ? windowSize(1) : undefined;
  const json = {
    Detach: false,
    Tty: tty,
    ...(size === undefined ? {} : { ConsoleSize: [size.rows, size.columns] }),
  };
  const response = await client.send("POST", `/exec/${id}/start`, { json, hijack: true });
  using attached = attachStreams(response.stream!, {
    ...{ tty, stdin, stdout: true, stderr: true },
    detachKeys: context.text("detach-keys") || (context.settings.config.detachKeys ?? ""),
  });
  const stopSize = tty && isTerminal(1) ? followSize(client, `/exec/${id}/resize`) : () => {};
  try {
    if ((await attached.output) === "detached") throw detachedError();
  } finally {
    stopSize();
  }
  const { ExitCode } = await client.get<{ ExitCode: number | null }>(`/exec/${id}/json`);
  return ExitCode ?? 0;
}

export const command: Command = {
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  summary: "Execute a command in a running container",
  flags: [
    bool("detach", "Detached mode: run command in the background", "d"),
    text("detach-keys", "Override the key sequence for detaching a container"),
    list("env", "Set environment variables", { short: "e", check: checkVariable }),
    list("env-file", "Read in a file of environment variables"),
    bool("interactive", "Keep STDIN open even if not attached", "i"),
    bool("privileged", "Give extended privileges to the command"),
    bool("tty", "Allocate a pseudo-TTY", "t"),
    text("user", 'Username or UID (format: "<name|uid>[:<group|gid>]")', { short: "u" }),
    text("workdir", "Working directory inside the container", { short: "w" }),
  ],
  words: { min: 2, max: Number.POSITIVE_INFINITY },
  stopsAtWord: true,
  async run(context) {
    const { client, settings } = context;
    const [name = "", ...argv] = context.words;
    const detach = context.bool("detach");
    const tty = context.bool("tty");
    const stdin = context.bool("interactive") && !detach;
    if (tty && stdin && !isTerminal(0)) {
      // A container that is not there is the first thing to be said.
      await client.get(`/containers/${inPath(name)}/json`);
      throw new CliError("the input device is not a TTY");
    }
    const env = environmentOf(context.list("env-file"), context.list("env"));
    const { Id } = await client.post<{ Id: string }>(`/containers/${inPath(name)}/exec`, {
      json: {
        ...{ User: context.text("user"), Privileged: context.bool("privileged"), Tty: tty },
        ...{ AttachStdin: stdin, AttachStderr: !detach, AttachStdout: !detach, Detach: detach },
        DetachKeys: context.text("detach-keys") || (settings.config.detachKeys ?? ""),
        ...{ Env: env.length === 0 ? null : env, WorkingDir: context.text("workdir"), Cmd: argv },
      },
    });
    if (!detach) return runExec(context, Id, tty, stdin);
    await client.post(`/exec/${Id}/start`, { json: { Detach: true, Tty: tty } });
    return 0;
  },
};
