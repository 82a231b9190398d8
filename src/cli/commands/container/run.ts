/**
 * `skiff run`: create, attach, wait, start, in this order, so that nothing of what a quick container says or how it ends is missed.
 *
 *     POST create ── POST attach (hijacked) ── POST wait?condition=… ── POST start ── streams until the end ── exit code of wait
 */
import { isTerminal, writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, type Context, text } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { attachStreams } from "../../streams/attach.ts";
import { proxySignals } from "../../streams/signals.ts";
import { followSize } from "../../streams/terminal.ts";
import { createContainer } from "./create-container.ts";
import { CREATE_FLAGS } from "./create-flags.ts";
import { type CreateCall, createCall } from "./create-request.ts";
import { proxiesOf } from "./environment.ts";
import { startError } from "./start-error.ts";
import { waitForExit } from "./wait-for.ts";

const FLAGS = [
  ...CREATE_FLAGS,
  bool("detach", "Run container in background and print container ID", "d"),
  text("detach-keys", "Override the key sequence for detaching a container"),
  bool("sig-proxy", "Proxy received signals to the process", undefined, "true"),
  bool("trace", "Show what each layer did, and how long it took"),
];

/** Every failure from here on is one of starting, with its exit code. */
async function orStartError<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw startError(error);
  }
}

async function runAttached(context: Context, id: string, { attach, body }: CreateCall): Promise<number> {
  const { client, settings } = context;
  const tty = body.Tty === true;
  const removed = body.HostConfig?.AutoRemove === true;
  const detachKeys = context.text("detach-keys") || (settings.config.detachKeys ?? "");
  const query = { stream: true, ...attach, detachKeys };
  const response = await client.send("POST", `/containers/${id}/attach`, { query, hijack: true });
  using attached = attachStreams(response.stream!, { tty, ...attach, detachKeys });
  const exit = waitForExit(client, id, removed);
  exit.catch(() => undefined);
  const stopProxy = context.bool("sig-proxy") && !tty ? proxySignals(client, id) : () => {};
  let stopSize = () => {};
  try {
    await orStartError(
      client.post(`/containers/${id}/start`).catch(async (error: unknown) => {
        // It removes itself: who asks for the same name next must not find it.
        if (removed) await exit.catch(() => undefined);
        throw error;
      }),
    );
    if (tty && isTerminal(1)) stopSize = followSize(client, `/containers/${id}/resize`);
    if ((await attached.output) === "detached") return 0;
    return await exit;
  } finally {
    stopProxy();
    stopSize();
  }
}

async function runContainer(context: Context): Promise<number> {
  const detach = context.bool("detach");
  const call = createCall(context, detach, proxiesOf(context.settings));
  if (detach && context.list("attach").length > 0)
    throw new CliError("conflicting options: cannot specify both --attach and --detach");
  if (call.body.Tty === true && call.attach.stdin && !isTerminal(0))
    throw new CliError("the input device is not a TTY");
  const id = await orStartError(createContainer(context, call));
  const { stdin, stdout, stderr } = call.attach;
  if (stdin || stdout || stderr) return runAttached(context, id, call);
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
