/** `skiff image prune` */
import type { ImageDeleted } from "../../../contracts/engine/image.ts";
import { writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, list } from "../../command.ts";
import { humanSize } from "../../format/units.ts";
import { type Client, encodeFilters } from "../../transport/client.ts";
import { confirm } from "../confirm.ts";

export const ALL_IMAGES_WARNING = "all images without at least one container associated to them";

export interface Pruned {
  /** What to print, "" for nothing. */
  readonly text: string;
  readonly bytes: number;
}

export async function pruneImages(client: Client, all: boolean, filters: readonly string[]): Promise<Pruned> {
  const query = { filters: encodeFilters([...filters, `dangling=${!all}`]) };
  const report = await client.post<{ ImagesDeleted: readonly ImageDeleted[] | null; SpaceReclaimed: number }>(
    "/images/prune",
    { query },
  );
  const lines = (report.ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
    Untagged ? `untagged: ${Untagged}\n` : `deleted: ${Deleted}\n`,
  );
  return {
    text: lines.length === 0 ? "" : `Deleted Images:\n${lines.join("")}`,
    bytes: report.SpaceReclaimed,
  };
}

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "Remove unused images",
  flags: [
    bool("all", "Remove all unused images, not just dangling ones", "a"),
    list("filter", 'Provide filter values (e.g. "until=<timestamp>")', { type: "filter" }),
    bool("force", "Do not prompt for confirmation", "f"),
  ],
  words: { min: 0, max: 0 },
  async run(context) {
    const all = context.bool("all");
    const what = all ? `${ALL_IMAGES_WARNING}.` : "all dangling images.";
    const question = `WARNING! This will remove ${what}\nAre you sure you want to continue?`;
    if (!context.bool("force") && !(await confirm(question))) return 0;
    const { text, bytes } = await pruneImages(context.client, all, context.list("filter"));
    writeStdout(`${text === "" ? "" : `${text}\n`}Total reclaimed space: ${humanSize(bytes)}\n`);
    return 0;
  },
};
