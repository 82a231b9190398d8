/** `skiff image inspect` */
import { type Command, text } from "../../command.ts";
import { INSPECT_FORMAT } from "../../format/flags.ts";
import { platformJson } from "../../images/platform.ts";
import { findObject } from "../../inspect/finders.ts";
import { inspectNames } from "../../inspect/inspect.ts";

export const command: Command = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Display detailed information on one or more images",
  flags: [
    INSPECT_FORMAT,
    text(
      "platform",
      `Inspect a specific platform of the multi-platform image.
If the image or the server is not multi-platform capable, the command will error out if the platform does not match.
'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)`,
    ),
  ],
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  run(context) {
    const query = { platform: platformJson(context.text("platform")) };
    return inspectNames(context.words, context.text("format"), (name) =>
      findObject(context.client, "image", name, query),
    );
  },
};
