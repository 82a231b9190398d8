/** `skiff attach` */
import { isTerminal } from "../../../kernel/stdout.ts";
import { bool, type Command, text } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { attachStreams, detachedError } from "../../streams/attach.ts";
import { proxySignals } from "../../streams/signals.ts";
import { followSize } from "../../streams/terminal.ts";
import { inPath } from "../each.ts";

interface Inspected {
  readonly Id: string;
  readonly State: { readonly Running: boolean; readonly Paused: boolean; readonly Restarting: boolean };
  readonly Config: { readonly Tty: boolean; readonly OpenStdin: boolean };
}

export const command: Command = {
  usage: "[OPTIONS] CONTAINER",
  summary: "Attach local standard input, output, and error streams to a running container",
  flags: [
    text("detach-keys", "Override the key sequence for detaching a container"),
    bool("no-stdin", "Do not attach STDIN"),
    bool("sig-proxy", "Proxy all received signals to the process", undefined, "true"),
  ],
  words: { min: 1, max: 1 },
  async run(context) {
    const { client, settings } = context;
    const { Id, State, Config } = await client.get<Inspected>(
      `/containers/${inPath(context.words[0]!)}/json`,
    );
    if (!State.Running) throw new CliError("cannot attach to a stopped container, start it first");
    if (State.Paused) throw new CliError("cannot attach to a paused container, unpause it first");
    if (State.Restarting)
      throw new CliError("cannot attach to a restarting container, wait until it is running");
    const stdin = !context.bool("no-stdin") && Config.OpenStdin;
    if (Config.Tty && stdin && !isTerminal(0)) throw new CliError("the input device is not a TTY");
    const detachKeys = context.text("detach-keys") || (settings.config.detachKeys ?? "");
    const streams = { stdin, stdout: true, stderr: true };
    const query = { stream: true, ...streams, detachKeys };
    const exit = client.post<{ StatusCode: number }>(`/containers/${Id}/wait`);
    exit.catch(() => undefined);
    const response = await client.send("POST", `/containers/${Id}/attach`, { query, hijack: true });
    using attached = attachStreams(response.stream!, { tty: Config.Tty, ...streams, detachKeys });
    const stopProxy = context.bool("sig-proxy") && !Config.Tty ? proxySignals(client, Id) : () => {};
    const stopSize =
      Config.Tty && isTerminal(1) ? followSize(client, `/containers/${Id}/resize`, true) : () => {};
    try {
      if ((await attached.output) === "detached") throw detachedError();
      return (await exit).StatusCode;
    } finally {
      stopProxy();
      stopSize();
    }
  },
};
