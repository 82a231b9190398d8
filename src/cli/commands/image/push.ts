/** `skiff push` */
import { writeStdout } from "../../../kernel/stdout.ts";
import { canonicalString, familiarName } from "../../../lib/reference.ts";
import { authHeader } from "../../auth/credentials.ts";
import { bool, type Command, text } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { platformJson } from "../../images/platform.ts";
import { requestedReference } from "../../images/requested.ts";
import { NO_SCREEN, screenOf, showProgress } from "../../progress/display.ts";

export const command: Command = {
  usage: "[OPTIONS] NAME[:TAG]",
  summary: "Upload an image to a registry",
  flags: [
    bool("all-tags", "Push all tags of an image to the repository", "a"),
    bool("disable-content-trust", "Skip image signing", undefined, "true"),
    text(
      "platform",
      `Push a platform-specific manifest as a single-platform image to the registry.
Image index won't be pushed, meaning that other manifests, including attestations won't be preserved.
'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)`,
    ),
    bool("quiet", "Suppress verbose output", "q"),
  ],
  words: { min: 1, max: 1 },
  async run(context) {
    const reference = requestedReference(context);
    if (reference.digest !== "") throw new CliError("cannot push a digest reference");
    const quiet = context.bool("quiet");
    const response = await context.client.send("POST", `/images/${familiarName(reference)}/push`, {
      query: { tag: reference.tag, platform: platformJson(context.text("platform")) },
      headers: await authHeader(context.settings.config, reference.domain),
    });
    await showProgress(response.body, quiet ? NO_SCREEN : screenOf("stdout"));
    if (quiet) writeStdout(`${canonicalString(reference)}\n`);
    return 0;
  },
};
