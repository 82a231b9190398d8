/** `skiff pull` */
import { writeStdout } from "../../../kernel/stdout.ts";
import { canonicalString, parseReference, withDefaultTag } from "../../../lib/reference.ts";
import { bool, type Command, text } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { pullReference } from "../../images/pull.ts";
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
    const given = parseReference(context.words[0]!);
    const quiet = context.bool("quiet");
    const all = context.bool("all-tags");
    const nameOnly = given.tag === "" && given.digest === "";
    if (all && !nameOnly) throw new CliError("tag can't be used with --all-tags/-a");
    const reference = all ? given : withDefaultTag(given);
    if (!all && nameOnly && !quiet) writeStdout(`Using default tag: ${reference.tag}\n`);
    const screen = quiet ? NO_SCREEN : screenOf("stdout");
    await pullReference(context.client, context.settings, reference, {
      platform: context.text("platform"),
      screen,
    });
    writeStdout(`${canonicalString(reference)}\n`);
    return 0;
  },
};
