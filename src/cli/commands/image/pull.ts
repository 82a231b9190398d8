/** `skiff pull` */
import { writeStdout } from "../../../kernel/stdout.ts";
import { canonicalString } from "../../../lib/reference.ts";
import { bool, type Command, text } from "../../command.ts";
import { pullReference } from "../../images/pull.ts";
import { requestedReference } from "../../images/requested.ts";
import { NO_SCREEN, screenOf } from "../../progress/display.ts";

export const command: Command = {
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  summary: "Download an image from a registry",
  flags: [
    bool("all-tags", "Download all tagged images in the repository", "a"),
    bool("disable-content-trust", "Skip image verification", undefined, "true"),
    text("platform", "Set platform if server is multi-platform capable", {
      default: process.env["DOCKER_DEFAULT_PLATFORM"] ?? "",
    }),
    bool("quiet", "Suppress verbose output", "q"),
  ],
  words: { min: 1, max: 1 },
  async run(context) {
    const reference = requestedReference(context);
    const quiet = context.bool("quiet");
    const screen = quiet ? NO_SCREEN : screenOf("stdout");
    await pullReference(context.client, context.settings, reference, {
      platform: context.text("platform"),
      screen,
    });
    writeStdout(`${canonicalString(reference)}\n`);
    return 0;
  },
};
