/**
 * `skiff run`: create, attach, wait, start, in this order, so that nothing of what a quick container says or how it ends is missed.
 *
 *     POST create ── POST attach (hijacked) ── POST wait?condition=… ── POST start ── streams until the end ── exit code of wait
 */
import { isTerminal, writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, type Context, text } from "../../command.ts";
import { CliError, DaemonError } from "../../errors.ts";
import { attachStreams } from "../../streams/attach.ts";
import { proxySignals } from "../../streams/signals.ts";
import { followSize } from "../../streams/terminal.ts";
import { createContainer } from "./create-container.ts";
import { CREATE_FLAGS } from "./create-flags.ts";
import { type CreateCall, createCall } from "./create-request.ts";
import { startError } from "./start-error.ts";
import { invalid } from "./values.ts";
import { waitForExit } from "./wait-for.ts";

const FLAGS = [
  ...CREATE_FLAGS,
  bool("detach", "Run container in background and print container ID", "d"),
  text("detach-keys", "Override the key sequence for detaching a container"),
  bool("sig-proxy", "Proxy received signals to the process", undefined, "true"),
  bool("trace", "Show what each layer did, and how long it took"),
];

async function start(context: Context, id: string): Promise<void> {
  try {
    await context.client.post(`/containers/${id}/start`);
  } catch (error) {
    throw error instanceof DaemonError ? startError(error) : error;
  }
}

async function runAttached(context: Context, id: string, { attach, body }: CreateCall): Promise<number> {
  const { client, settings } = context;
  const tty = body.Tty === true;
  const query = {
    stream: true,
    ...attach,
    detachKeys: context.text("detach-keys") || settings.config.detachKeys,
  };
  const response = await client.send("POST", `/containers/${id}/attach`, { query, hijack: true });
  using attached = attachStreams(response.stream!, { tty, ...attach });
  const exit = waitForExit(client, id, body.HostConfig?.AutoRemove === true);
  exit.catch(() => undefined);
  const stopProxy = context.bool("sig-proxy") && !tty ? proxySignals(client, id) : () => {};
  let stopSize = () => {};
  try {
    await start(context, id);
    if (tty && isTerminal(1)) stopSize = followSize(client, `/containers/${id}/resize`);
    await attached.output;
    if (tty && attach.stdin && (await detached(client, id))) return 0;
    return await exit;
  } finally {
    stopProxy();
    stopSize();
  }
}

/** The streams ended and the container runs on: the user has left by the detach keys. */
async function detached(client: Context["client"], id: string): Promise<boolean> {
  try {
    const { State } = await client.get<{ State: { Running: boolean } }>(`/containers/${id}/json`);
    return State.Running;
  } catch {
    return false;
  }
}

async function runContainer(context: Context): Promise<number> {
  const detach = context.bool("detach");
  if (detach && context.list("attach").length > 0) throw invalid("Conflicting options: -a and -d");
  const call = createCall(context, detach);
  if (call.body.Tty === true && call.attach.stdin && !detach && !isTerminal(0))
    throw new CliError("the input device is not a TTY");
  const id = await createContainer(context, call);
  const { stdin, stdout, stderr } = call.attach;
  if (!detach && (stdin || stdout || stderr)) return runAttached(context, id, call);
  await start(context, id);
  writeStdout(`${id}\n`);
  return 0;
}

export const command: Command = {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create and run a new container from an image",
  flags: FLAGS,
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  stopsAtWord: true,
  errorCode: 125,
  async run(context) {
    if (!context.bool("trace")) return runContainer(context);
    const { traced } = await import("./trace.ts");
    return traced(context, () => runContainer(context));
  },
};
