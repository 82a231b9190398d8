/** `skiff create` */
import { writeStdout } from "../../../kernel/stdout.ts";
import type { Command } from "../../command.ts";
import { createContainer } from "./create-container.ts";
import { CREATE_FLAGS } from "./create-flags.ts";
import { createCall } from "./create-request.ts";
import { proxiesOf } from "./environment.ts";

/** As it is written in docker's. */
const PULL = 'Pull image before creating ("always", "|missing", "never")';

export const command: Command = {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create a new container",
  flags: CREATE_FLAGS.map((flag) => (flag.name === "pull" ? { ...flag, usage: PULL } : flag)),
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  stopsAtWord: true,
  async run(context) {
    const id = await createContainer(context, createCall(context, false, proxiesOf(context.settings)));
    writeStdout(`${id}\n`);
    return 0;
  },
};
