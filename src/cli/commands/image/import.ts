/** `skiff import` */
import { parseReference } from "../../../lib/reference.ts";
import { type Command, list, text } from "../../command.ts";
import { screenOf, showProgress } from "../../progress/display.ts";
import { openSource } from "../../streams/source.ts";

const REMOTE = /^https?:\/\//;

export const command: Command = {
  usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
  summary: "Import the contents from a tarball to create a filesystem image",
  flags: [
    list("change", "Apply Dockerfile instruction to the created image", { short: "c" }),
    text("message", "Set commit message for imported image", { short: "m" }),
    text("platform", "Set platform if server is multi-platform capable"),
  ],
  words: { min: 1, max: 2 },
  async run(context) {
    const [from = "", repo = ""] = context.words;
    const remote = REMOTE.test(from);
    using source = remote ? undefined : openSource(from);
    if (repo !== "") parseReference(repo);
    const response = await context.client.send("POST", "/images/create", {
      query: {
        ...{ fromSrc: remote ? from : "-", repo, message: context.text("message") },
        ...{ changes: context.list("change"), platform: context.text("platform").toLowerCase() },
      },
      ...(source === undefined ? {} : { body: source.pieces }),
    });
    await showProgress(response.body, screenOf("stdout"));
    return 0;
  },
};
