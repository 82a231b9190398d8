/**
 * `skiff run`: create, attach, wait, start, in this order, so that nothing of what a quick container says or how it ends is missed.
 *
 *     POST create ── POST attach (hijacked) ── POST wait?condition=… ── POST start ── streams until the end ── exit code of wait
 */
import { isTerminal, writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, type Context, text } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { createContainer } from "./create-container.ts";
import { CREATE_FLAGS } from "./create-flags.ts";
import { createCall } from "./create-request.ts";
import { proxiesOf } from "./environment.ts";
import { orStartError } from "./start-error.ts";

const FLAGS = [
  ...CREATE_FLAGS,
  bool("detach", "Run container in background and print container ID", "d"),
  text("detach-keys", "Override the key sequence for detaching a container"),
  bool("sig-proxy", "Proxy received signals to the process", undefined, "true"),
  bool("trace", "Show what each layer did, and how long it took"),
];

async function runContainer(context: Context): Promise<number> {
  const detach = context.bool("detach");
  const call = createCall(context, detach, proxiesOf(context.settings));
  if (detach && context.list("attach").length > 0)
    throw new CliError("conflicting options: cannot specify both --attach and --detach");
  if (call.body.Tty === true && call.attach.stdin && !isTerminal(0))
    throw new CliError("the input device is not a TTY");
  const { stdin, stdout, stderr } = call.attach;
  const attached = stdin || stdout || stderr;
  const creating = orStartError(createContainer(context, call));
  // While the daemon works.
  const rest = attached ? import("./run-attached.ts") : undefined;
  const id = await creating;
  if (rest !== undefined) return (await rest).runAttached(context, id, call);
  await orStartError(context.client.post(`/containers/${id}/start`));
  writeStdout(`${id}\n`);
  return 0;
}

export const command: Command = {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create and run a new container from an image",
  flags: FLAGS,
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  stopsAtWord: true,
  async run(context) {
    if (!context.bool("trace")) return runContainer(context);
    const { traced } = await import("./trace.ts");
    return traced(context, () => runContainer(context));
  },
};
