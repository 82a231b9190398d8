/** `skiff system prune` */
import { writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, type Context, list } from "../../command.ts";
import { CliError, DaemonError } from "../../errors.ts";
import { humanSize } from "../../format/units.ts";
import { pruneBuildCache } from "../builder/prune.ts";
import { confirm } from "../confirm.ts";
import { pruneContainers } from "../container/prune.ts";
import { ALL_IMAGES_WARNING, pruneImages } from "../image/prune.ts";
import { pruneNetworks } from "../network/prune.ts";
import { pruneVolumes } from "../volume/prune.ts";

function question(all: boolean, volumes: boolean, filters: readonly string[]): string {
  const removed = [
    "all stopped containers",
    "all networks not used by at least one container",
    ...(volumes ? ["all anonymous volumes not used by at least one container"] : []),
    all ? ALL_IMAGES_WARNING : "all dangling images",
    all ? "all build cache" : "unused build cache",
  ];
  const lines = (items: readonly string[]) => items.map((item) => `  - ${item}\n`).join("");
  const filtered =
    filters.length === 0 ? "" : `\n  Items to be pruned will be filtered with:\n${lines(filters.toSorted())}`;
  return `WARNING! This will remove:\n${lines(removed)}${filtered}\nAre you sure you want to continue?`;
}

/** A daemon that builds nothing has no cache either. */
async function pruneCache({ client }: Context, all: boolean, filters: readonly string[]) {
  try {
    return await pruneBuildCache(client, { all, keepBytes: 0, filters });
  } catch (error) {
    if (error instanceof DaemonError && error.status === 501) return { text: "", bytes: 0 };
    throw error;
  }
}

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "Remove unused data",
  flags: [
    bool("all", "Remove all unused images not just dangling ones", "a"),
    list("filter", 'Provide filter values (e.g. "label=<key>=<value>")', { type: "filter" }),
    bool("force", "Do not prompt for confirmation", "f"),
    bool("volumes", "Prune anonymous volumes"),
  ],
  words: { min: 0, max: 0 },
  async run(context) {
    const { client } = context;
    const [all, volumes, filters] = [context.bool("all"), context.bool("volumes"), context.list("filter")];
    if (volumes && filters.some((filter) => filter.startsWith("until=")))
      throw new CliError('ERROR: The "until" filter is not supported with "--volumes"');
    if (!context.bool("force") && !(await confirm(question(all, volumes, filters)))) return 0;
    let bytes = 0;
    const done = (result: { readonly text: string; readonly bytes: number }): void => {
      bytes += result.bytes;
      if (result.text !== "") writeStdout(`${result.text}\n`);
    };
    done(await pruneContainers(client, filters));
    done({ text: await pruneNetworks(client, filters), bytes: 0 });
    if (volumes) done(await pruneVolumes(client, filters));
    done(await pruneImages(client, all, filters));
    done(await pruneCache(context, all, filters));
    writeStdout(`Total reclaimed space: ${humanSize(bytes)}\n`);
    return 0;
  },
};
