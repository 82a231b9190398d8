/** `skiff system df -v`: a table for each kind. */

import { CliError } from "../../errors.ts";
import { escapedJson } from "../../format/json.ts";
import { type Row, renderListing } from "../../format/table.ts";
import { humanSize } from "../../format/units.ts";
import { shortId, since } from "../../format/words.ts";
import { IMAGE_TITLES, imageRows } from "../../images/rows.ts";
import { containerRow, PS_TITLES } from "../container/row.ts";
import { VOLUME_TITLES, volumeRow } from "../volume/ls.ts";
import type { CacheRecord, Usage, UsedVolume } from "./usage.ts";

const CACHE_TITLES = {
  ...{ ID: "CACHE ID", CacheType: "CACHE TYPE", Size: "SIZE", CreatedSince: "CREATED" },
  ...{ LastUsedSince: "LAST USED", UsageCount: "USAGE", Shared: "SHARED" },
};

const table = (...fields: readonly string[]) => `table ${fields.map((field) => `{{.${field}}}`).join("\t")}`;
const IMAGES = table(
  "Repository",
  "Tag",
  "ID",
  "CreatedSince",
  "Size",
  "SharedSize",
  "UniqueSize",
  "Containers",
);
const CONTAINERS = table("ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names");
const CACHE = table("ID", "CacheType", "Size", "CreatedSince", "LastUsedSince", "UsageCount", "Shared");

function cacheRow(record: CacheRecord): Row {
  const used = record.LastUsedAt ?? "";
  return {
    CacheType: record.Type,
    CreatedSince: since(Date.parse(record.CreatedAt)),
    ID: shortId(record.ID),
    InUse: String(record.InUse),
    LastUsedSince: used === "" ? "" : since(Date.parse(used)),
    Shared: String(record.Shared),
    Size: humanSize(record.Size, 3),
    UsageCount: String(record.UsageCount),
  };
}

function usedVolumeRow(volume: UsedVolume): Row {
  const { RefCount = -1, Size = -1 } = volume.UsageData ?? {};
  return volumeRow(volume, RefCount === -1 ? "N/A" : String(RefCount), Size === -1 ? "N/A" : humanSize(Size));
}

/** @throws CliError for a format that is neither a table nor JSON */
export function verboseUsage(usage: Usage, format: string): string {
  // One row an image, under its first name.
  const named = (usage.Images ?? []).map((image) => ({
    ...image,
    RepoTags: (image.RepoTags ?? []).slice(0, 1),
  }));
  const Images = named.flatMap((image) =>
    imageRows([image], { truncated: true, digests: false }).slice(0, 1),
  );
  const Containers = (usage.Containers ?? []).map((container) =>
    containerRow({ ...container, SizeRootFs: 0 }, true, Date.now()),
  );
  const Volumes = (usage.Volumes ?? []).map(usedVolumeRow);
  const BuildCache = (usage.BuildCache ?? []).map(cacheRow);
  if (format === "json" || format === "{{json .}}")
    return `${escapedJson({ BuildCache, Containers, Images, Volumes })}\n`;
  if (format !== "" && format !== "table")
    throw new CliError("system df -v: a template is not implemented by skiff");
  const own = (usage.BuildCache ?? []).filter(({ Shared }) => !Shared);
  const cacheBytes = own.reduce((total, { Size }) => total + Size, 0);
  const type = "";
  return [
    "Images space usage:\n\n",
    renderListing({ titles: IMAGE_TITLES, format: IMAGES, type, rows: Images }),
    "\nContainers space usage:\n\n",
    renderListing({ titles: PS_TITLES, format: CONTAINERS, type, rows: Containers }),
    "\nLocal Volumes space usage:\n\n",
    renderListing({ titles: VOLUME_TITLES, format: table("Name", "Links", "Size"), type, rows: Volumes }),
    `\nBuild cache usage: ${humanSize(cacheBytes)}\n\n`,
    renderListing({ titles: CACHE_TITLES, format: CACHE, type, rows: BuildCache }),
  ].join("");
}
