/** `skiff start` */
import { isTerminal, writeStderr, writeStdout } from "../../../kernel/stdout.ts";
import { messageOf } from "../../../lib/errors.ts";
import { bool, type Command, type Context, text } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { attachStreams } from "../../streams/attach.ts";
import { proxySignals } from "../../streams/signals.ts";
import { followSize } from "../../streams/terminal.ts";
import { inPath } from "../each.ts";
import { startWaiting } from "./wait-for.ts";

interface Inspected {
  readonly Id: string;
  readonly Config: { readonly Tty: boolean; readonly OpenStdin: boolean };
  readonly HostConfig: { readonly AutoRemove: boolean };
}

async function startAttached(context: Context, name: string): Promise<number> {
  const { client, settings } = context;
  const { Id, Config, HostConfig } = await client.get<Inspected>(`/containers/${inPath(name)}/json`);
  const stdin = context.bool("interactive") && Config.OpenStdin;
  const detachKeys = context.text("detach-keys") || (settings.config.detachKeys ?? "");
  const streams = { stdin, stdout: true, stderr: true };
  const query = { stream: true, ...streams, detachKeys };
  const [response, { exit }] = await Promise.all([
    client.send("POST", `/containers/${Id}/attach`, { query, hijack: true }),
    startWaiting(client, Id, HostConfig.AutoRemove),
  ]);
  using attached = attachStreams(response.stream!, { tty: Config.Tty, ...streams, detachKeys });
  const stopProxy = context.bool("sig-proxy") && !Config.Tty ? proxySignals(client, Id) : () => {};
  let stopSize = () => {};
  try {
    await client.post(`/containers/${Id}/start`);
    if (Config.Tty && isTerminal(1)) stopSize = followSize(client, `/containers/${Id}/resize`);
    if ((await attached.output) === "detached") return 0;
    return await exit;
  } finally {
    stopProxy();
    stopSize();
  }
}

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Start one or more stopped containers",
  flags: [
    bool("attach", "Attach STDOUT/STDERR and forward signals", "a"),
    text("detach-keys", "Override the key sequence for detaching a container"),
    bool("interactive", "Attach container's STDIN", "i"),
    { ...bool("sig-proxy", "Proxy received signals to the process", undefined, "true"), hidden: true },
  ],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  async run(context) {
    const { words, client } = context;
    if (context.bool("attach") || context.bool("interactive")) {
      if (words.length > 1) throw new CliError("you cannot start and attach multiple containers at once");
      return startAttached(context, words[0]!);
    }
    const failed: string[] = [];
    for (const name of words) {
      try {
        await client.post(`/containers/${inPath(name)}/start`);
        writeStdout(`${name}\n`);
      } catch (error) {
        writeStderr(`${messageOf(error)}\n`);
        failed.push(name);
      }
    }
    if (failed.length > 0) throw new CliError(`Error: failed to start containers: ${failed.join(", ")}`);
    return 0;
  },
};
