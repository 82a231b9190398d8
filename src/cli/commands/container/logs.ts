/** `skiff logs` */
import { constants } from "node:os";
import { writeStderr, writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, text } from "../../command.ts";
import { demultiplex } from "../../streams/frames.ts";
import { inPath } from "../each.ts";
import { timestampOf } from "../timestamps.ts";

const BROKEN_PIPE_CODE = 128 + constants.signals.SIGPIPE;

export const command: Command = {
  usage: "[OPTIONS] CONTAINER",
  summary: "Fetch the logs of a container",
  flags: [
    bool("details", "Show extra details provided to logs"),
    bool("follow", "Follow log output", "f"),
    text(
      "since",
      'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    ),
    text("tail", "Number of lines to show from the end of the logs", { short: "n", default: "all" }),
    bool("timestamps", "Show timestamps", "t"),
    text(
      "until",
      'Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    ),
  ],
  words: { min: 1, max: 1 },
  async run(context) {
    const { client } = context;
    const name = inPath(context.words[0]!);
    const { Id, Config } = await client.get<{ Id: string; Config: { Tty: boolean } }>(
      `/containers/${name}/json`,
    );
    const query = {
      ...{ stdout: true, stderr: true, details: context.bool("details"), follow: context.bool("follow") },
      ...{ timestamps: context.bool("timestamps"), tail: context.text("tail") },
      ...{ since: timestampOf(context.text("since")), until: timestampOf(context.text("until")) },
    };
    const { body } = await client.send("GET", `/containers/${Id}/logs`, { query });
    const out = (bytes: Uint8Array) => {
      // Nobody reads any more (`| head`): as if the signal had ended us.
      if (!writeStdout(bytes)) process.exit(BROKEN_PIPE_CODE);
    };
    if (Config.Tty) for await (const bytes of body) out(bytes);
    else await demultiplex(body, { out, err: writeStderr });
    return 0;
  },
};
