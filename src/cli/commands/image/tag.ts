/** `skiff tag` */

import { messageOf } from "../../../lib/errors.ts";
import { parseReference, type Reference, repositoryOf, withDefaultTag } from "../../../lib/reference.ts";
import type { Command } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { inPath } from "../each.ts";

function parse(name: string): Reference {
  try {
    return parseReference(name);
  } catch (error) {
    throw new CliError(
      `Error parsing reference: ${JSON.stringify(name)} is not a valid repository/tag: ${messageOf(error)}`,
    );
  }
}

const ID = /^([a-f0-9]{64}|sha256:[a-f0-9]{64})$/;

export const command: Command = {
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
  flags: [],
  words: { min: 2, max: 2 },
  async run({ words, client }) {
    const [source = "", target = ""] = words;
    if (!ID.test(source)) parse(source);
    const reference = parse(target);
    if (reference.digest !== "") throw new CliError("refusing to create a tag with a digest reference");
    const { tag } = withDefaultTag(reference);
    await client.post(`/images/${inPath(source)}/tag`, { query: { repo: repositoryOf(reference), tag } });
    return 0;
  },
};
