/** `skiff volume ls` */
import type { Volume, VolumeList } from "../../../contracts/engine/volume.ts";
import { writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, list } from "../../command.ts";
import { chooseFormat, FORMAT } from "../../format/flags.ts";
import { naturalOrder } from "../../format/natural.ts";
import { renderListing } from "../../format/table.ts";
import { humanSize } from "../../format/units.ts";
import { labelText } from "../../format/words.ts";
import { encodeFilters } from "../../transport/client.ts";

export const VOLUME_TITLES = {
  ...{ Name: "VOLUME NAME", Driver: "DRIVER", Scope: "SCOPE", Mountpoint: "MOUNTPOINT", Labels: "LABELS" },
  ...{ Links: "LINKS", Size: "SIZE", Availability: "AVAILABILITY", Group: "GROUP", Status: "STATUS" },
};

export interface UsedVolume extends Volume {
  readonly UsageData?: { readonly RefCount: number; readonly Size: number };
}

export function volumeRow({ Driver, Labels, Mountpoint, Name, Scope, UsageData }: UsedVolume) {
  const { RefCount = -1, Size = -1 } = UsageData ?? {};
  const links = UsageData === undefined ? "N/A" : String(RefCount);
  const size = UsageData === undefined ? "N/A" : humanSize(Size);
  return {
    ...{ Availability: "N/A", Driver, Group: "N/A", Labels: labelText(Labels), Links: links, Mountpoint },
    ...{ Name, Scope, Size: size, Status: "N/A" },
  };
}

export const command: Command = {
  usage: "[OPTIONS]",
  summary: "List volumes",
  flags: [
    list("filter", 'Provide filter values (e.g. "dangling=true")', { short: "f", type: "filter" }),
    FORMAT,
    bool("quiet", "Only display volume names", "q"),
  ],
  words: { min: 0, max: 0 },
  async run(context) {
    const query = { filters: encodeFilters(context.list("filter")) };
    const { Volumes } = await context.client.get<VolumeList>("/volumes", query);
    const rows = (Volumes ?? [])
      .toSorted((a, b) => naturalOrder(a.Name, b.Name))
      .map((one) => volumeRow(one));
    const format = chooseFormat(context.text("format"), {
      quiet: context.bool("quiet"),
      table: "table {{.Driver}}\t{{.Name}}",
      id: "{{.Name}}",
      raw: "name: {{.Name}}\ndriver: {{.Driver}}\\n",
      rawId: "name: {{.Name}}",
    });
    writeStdout(renderListing({ titles: VOLUME_TITLES, format, type: "*formatter.volumeContext", rows }));
    return 0;
  },
};
