/** `skiff system df -v`: a table for each kind. */

import type { ImageSummary } from "../../../contracts/engine/image.ts";
import { CliError } from "../../errors.ts";
import { escapedJson } from "../../format/json.ts";
import { type Row, renderListing } from "../../format/table.ts";
import { humanSize } from "../../format/units.ts";
import { goTimeOf, shortId, since } from "../../format/words.ts";
import { IMAGE_TITLES, imageRows, isDangling } from "../../images/rows.ts";
import { containerRow, PS_TITLES } from "../container/row.ts";
import { VOLUME_TITLES, volumeRow } from "../volume/ls.ts";
import type { CacheRecord, Usage } from "./usage.ts";

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

function cacheRow(record: CacheRecord, truncated: boolean): Row {
  const used = record.LastUsedAt ?? "";
  return {
    CacheType: record.Type,
    CreatedAt: goTimeOf(record.CreatedAt),
    CreatedSince: since(Date.parse(record.CreatedAt)),
    Description: record.Description,
    ID: `${truncated ? shortId(record.ID) : record.ID}${record.InUse ? "*" : ""}`,
    InUse: String(record.InUse),
    LastUsedAt: used === "" ? "" : goTimeOf(used),
    LastUsedSince: used === "" ? "" : since(Date.parse(used)),
    Parent: record.Parent ?? "",
    Shared: String(record.Shared),
    Size: humanSize(record.Size, 3),
    UsageCount: String(record.UsageCount),
  };
}

/** What was never used first. */
function byLastUse(a: CacheRecord, b: CacheRecord): number {
  const timeOf = ({ LastUsedAt }: CacheRecord) =>
    LastUsedAt ? Date.parse(LastUsedAt) : Number.NEGATIVE_INFINITY;
  const [left, right] = [timeOf(a), timeOf(b)];
  return left === right ? (a.ID < b.ID ? -1 : 1) : left < right ? -1 : 1;
}

/** One row an image, under its first tag. */
function imageRow(image: ImageSummary, truncated: boolean): readonly Row[] {
  const [first] = isDangling(image) ? [] : (image.RepoTags ?? []);
  const named = { ...image, RepoTags: first === undefined ? [] : [first], RepoDigests: [] };
  const rows = imageRows([named], { truncated, digests: false, alone: false });
  return rows.map((row) => ({ ...row, Digest: "" }));
}

/** @throws CliError for a format that is neither a table nor JSON */
export function verboseUsage(usage: Usage, format: string): string {
  const json = format === "json" || format === "{{json .}}";
  const Images = (usage.Images ?? []).flatMap((image) => imageRow(image, !json));
  const Containers = (usage.Containers ?? []).map((container) =>
    containerRow({ ...container, SizeRootFs: 0 }, !json, Date.now()),
  );
  const Volumes = (usage.Volumes ?? []).map(volumeRow);
  const BuildCache = (usage.BuildCache ?? []).toSorted(byLastUse).map((record) => cacheRow(record, !json));
  if (json) return escapedJson({ Images, Containers, Volumes, BuildCache });
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
