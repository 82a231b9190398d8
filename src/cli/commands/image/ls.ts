/** `skiff images` */
import type { ImageSummary } from "../../../contracts/engine/image.ts";
import { writeStdout } from "../../../kernel/stdout.ts";
import { bool, type Command, list } from "../../command.ts";
import { chooseFormat, FORMAT } from "../../format/flags.ts";
import { renderListing } from "../../format/table.ts";
import { IMAGE_TITLES, imageRows } from "../../images/rows.ts";
import { encodeFilters } from "../../transport/client.ts";

const CREATED = "{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}";
const TABLE = `table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t${CREATED}\t{{.Size}}`;
const WITH_DIGESTS = `table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t${CREATED}\t{{.Size}}`;

const RAW =
  "repository: {{.Repository}}\ntag: {{.Tag}}\nimage_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\\n";

export const command: Command = {
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  summary: "List images",
  flags: [
    bool("all", "Show all images (default hides intermediate images)", "a"),
    bool("digests", "Show digests"),
    list("filter", "Filter output based on conditions provided", { short: "f", type: "filter" }),
    FORMAT,
    bool("no-trunc", "Don't truncate output"),
    bool("quiet", "Only show image IDs", "q"),
  ],
  words: { min: 0, max: 1 },
  async run(context) {
    const [name] = context.words;
    const filters = [...context.list("filter"), ...(name === undefined ? [] : [`reference=${name}`])];
    const images = await context.client.get<readonly ImageSummary[]>("/images/json", {
      all: context.bool("all"),
      filters: encodeFilters(filters),
    });
    const digests = context.bool("digests");
    const format = chooseFormat(
      context.text("format") || (context.bool("quiet") ? "" : (context.settings.config.imagesFormat ?? "")),
      {
        quiet: context.bool("quiet"),
        table: digests ? WITH_DIGESTS : TABLE,
        id: "{{.ID}}",
        raw: digests ? RAW.replace("image_id", "digest: {{.Digest}}\nimage_id") : RAW,
        rawId: "image_id: {{.ID}}",
      },
    );
    const rows = imageRows(images, {
      truncated: !context.bool("no-trunc"),
      digests: digests || format.includes("{{.Digest}}"),
      alone: digests,
    });
    writeStdout(renderListing({ titles: IMAGE_TITLES, format, type: "*formatter.imageContext", rows }));
    return 0;
  },
};
