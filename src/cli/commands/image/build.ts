/** `skiff build`: sends a directory to the daemon's classic builder and shows what it does. */
import { rmSync, writeFileSync } from "node:fs";
import { writeStderr, writeStdout } from "../../../kernel/stdout.ts";
import { messageOf } from "../../../lib/errors.ts";
import { allCredentials, encodeAuth } from "../../auth/credentials.ts";
import { openContext } from "../../build/context.ts";
import { BUILD_FLAGS, buildQuery } from "../../build/request.ts";
import { counted } from "../../build/upload.ts";
import type { Command, Context } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { ProgressFailure, type Screen, screenOf, showProgress } from "../../progress/display.ts";

/** With `--quiet`: kept until it is known whether anybody needs it. */
function keepingScreen(kept: string[]): Screen {
  return { terminal: false, columns: 0, write: (text) => void kept.push(text) };
}

async function build(context: Context, sent: Screen, shown: Screen): Promise<string> {
  const { remote, dockerfile, body } = await openContext(context.words[0]!, context.text("file"));
  const plain = body === undefined ? undefined : counted(compressed(context, body), sent);
  const response = await context.client.send("POST", "/build", {
    query: buildQuery(context, remote, dockerfile),
    headers: {
      "Content-Type": "application/x-tar",
      "X-Registry-Config": encodeAuth(await allCredentials(context.settings.config)),
    },
    ...(plain === undefined ? {} : { body: plain }),
  });
  let id = "";
  await showProgress(response.body, shown, (aux) => {
    id = (aux as { ID?: string }).ID ?? id;
  });
  return id;
}

function compressed(context: Context, body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  if (!context.bool("compress")) return body;
  const pieces = body[Symbol.asyncIterator]();
  const stream = new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
  });
  return stream.pipeThrough(new CompressionStream("gzip"));
}

export const command: Command = {
  usage: "[OPTIONS] PATH | URL | -",
  summary: "Build an image from a Dockerfile",
  flags: BUILD_FLAGS,
  words: { min: 1, max: 1 },
  async run(context) {
    const file = context.text("iidfile");
    // One from an earlier build would speak for this one.
    if (file !== "") rmSync(file, { force: true });
    const [sent, shown]: [string[], string[]] = [[], []];
    const quiet = context.bool("quiet");
    const screen = screenOf("stdout");
    let id: string;
    try {
      // Bars of images that a build pulls are not drawn, even on a terminal: docker 28 lost them.
      const plain = { ...screen, terminal: false };
      id = await build(context, quiet ? keepingScreen(sent) : screen, quiet ? keepingScreen(shown) : plain);
    } catch (error) {
      if (quiet) writeStderr([...sent, ...shown].join(""));
      // A build ends as its failed step did.
      if (error instanceof ProgressFailure) throw new CliError(error.message, error.stepCode || 1);
      throw error;
    }
    if (quiet) writeStdout(shown.join(""));
    if (file === "") return 0;
    if (id === "") throw new CliError(`server did not provide an image ID. Cannot write ${file}`);
    try {
      writeFileSync(file, id, { mode: 0o666 });
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
      throw new CliError(`open ${file}: ${missing ? "no such file or directory" : messageOf(error)}`);
    }
    return 0;
  },
};
