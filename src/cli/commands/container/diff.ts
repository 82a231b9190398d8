/** `skiff diff` */
import { writeStdout } from "../../../kernel/stdout.ts";
import type { Command } from "../../command.ts";
import { inPath } from "../each.ts";

const KINDS = ["C", "A", "D"];

export const command: Command = {
  usage: "CONTAINER",
  summary: "Inspect changes to files or directories on a container's filesystem",
  flags: [],
  words: { min: 1, max: 1 },
  async run({ words, client }) {
    const changes = await client.get<readonly { Path: string; Kind: number }[] | null>(
      `/containers/${inPath(words[0]!)}/changes`,
    );
    for (const { Path, Kind } of changes ?? []) writeStdout(`${KINDS[Kind] ?? "?"} ${Path}\n`);
    return 0;
  },
};
