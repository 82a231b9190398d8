/** `skiff builder prune` */
import { writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, list, text } from "../../command.ts";
import { humanSize } from "../../format/units.ts";
import { type Client, encodeFilters } from "../../transport/client.ts";
import { confirm } from "../confirm.ts";
import { bytesOf } from "../container/values.ts";

export async function pruneBuildCache(
  client: Client,
  options: { readonly all: boolean; readonly keepBytes: number; readonly filters: readonly string[] },
) {
  const query = {
    all: options.all,
    filters: encodeFilters(options.filters),
    ...(options.keepBytes === 0
      ? {}
      : { "keep-storage": options.keepBytes, "reserved-space": options.keepBytes }),
  };
  const report = await client.post<{ CachesDeleted: readonly string[] | null; SpaceReclaimed: number }>(
    "/build/prune",
    { query },
  );
  const ids = report.CachesDeleted ?? [];
  const text = ids.length === 0 ? "" : `Deleted build cache objects:\n${ids.join("\n")}\n`;
  return { text, bytes: report.SpaceReclaimed };
}

export const command: Command = {
  usage: "",
  summary: "Remove build cache",
  flags: [
    bool("all", "Remove all unused build cache, not just dangling ones", "a"),
    list("filter", 'Provide filter values (e.g. "until=24h")', { type: "filter" }),
    bool("force", "Do not prompt for confirmation", "f"),
    text("keep-storage", "Amount of disk space to keep for cache", { type: "bytes" }),
  ],
  words: { min: 0, max: 0 },
  async run(context) {
    const all = context.bool("all");
    const question = `WARNING! This will remove all ${all ? "" : "dangling "}build cache. Are you sure you want to continue?`;
    if (!context.bool("force") && !(await confirm(question))) return 0;
    const { text, bytes } = await pruneBuildCache(context.client, {
      all,
      keepBytes: bytesOf(context.text("keep-storage")),
      filters: context.list("filter"),
    });
    writeStdout(`${text === "" ? "" : `${text}\n`}Total reclaimed space: ${humanSize(bytes)}\n`);
    return 0;
  },
};
