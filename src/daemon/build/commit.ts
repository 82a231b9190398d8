/**
 * Each step's outcome is an image, and the cache. A step is found again by its key: the parent's digest, the whole configuration before and after,
 * what is written into the history, and the digests of the files it copies. Keys are labels of image records, which no registry and no
 * archive can bring along (CVE-2024-24557).
 */
import { rfc3339Nano } from "../../lib/clock.ts";
import { sha256Of } from "../../lib/digest.ts";
import type { ImageDefaults } from "../containers/ports.ts";
import { EMPTY_DIFF_ID, type Layer } from "../images/commit.ts";
import { danglingName } from "../images/names.ts";
import { writeImage } from "../images/new-image.ts";
import { listImages, PARENT_LABEL, putImage } from "../images/store.ts";
import type { Build, StageState } from "./parts.ts";

const KEY_LABEL = "skiff.build.step";
const VERSION = 1;

export interface Step {
  /** As the image's history says it. */
  readonly createdBy: string;
  readonly config: ImageDefaults;
  /** Digests of what the step takes in, beside the parent. */
  readonly inputs: readonly string[];
}

const sorted = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
};

function keyOf(build: Build, stage: StageState, step: Step): string {
  const { platform } = build.request;
  const all = [VERSION, stage.imageId, platform, stage.author, stage.config, step];
  return sha256Of(JSON.stringify(sorted(all)));
}

async function adopt(build: Build, stage: StageState, id: string): Promise<boolean> {
  const [stored] = await listImages(build.parts.images, id);
  if (stored === undefined) return false;
  const image = await build.parts.images.manifests.load(stored.target, build.lease);
  if (image === undefined) return false;
  stage.imageId = id;
  stage.image = image;
  stage.config = image.configuration.config;
  return true;
}

/** True when the step need not be done; the stage then has its outcome. */
export async function probe(build: Build, stage: StageState, step: Step): Promise<boolean> {
  if (!build.request.useCache || build.cacheBroken) return false;
  const { clients } = build.parts.images;
  const key = keyOf(build, stage, step);
  const { images } = await clients.images.list({ filters: [`labels."${KEY_LABEL}"==${key}`] });
  const found = images.find(({ labels }) => labels[KEY_LABEL] === key)?.target?.digest;
  const hit = found !== undefined && (await adopt(build, stage, found));
  if (hit) build.say(" ---> Using cache\n");
  else build.cacheBroken = true;
  return hit;
}

/** Makes the step's image; the stage goes on from it. */
export async function commit(build: Build, stage: StageState, step: Step, layer?: Layer): Promise<void> {
  const { images: parts } = build.parts;
  const key = keyOf(build, stage, step);
  const created = rfc3339Nano(parts.clock.nowNs());
  const empty = layer === undefined || layer.diffId === EMPTY_DIFF_ID;
  const base = stage.image;
  const target = await writeImage(
    parts,
    {
      platform: base?.platform ?? parts.platform,
      ...{ created, author: stage.author, config: step.config },
      layers: [...(base?.layers ?? []), ...(empty ? [] : [layer.descriptor])],
      diffIds: [...(base?.configuration.diffIds ?? []), ...(empty ? [] : [layer.diffId])],
      history: [
        ...(base?.configuration.history ?? []),
        { created, createdBy: step.createdBy, author: stage.author, comment: "", emptyLayer: empty },
      ],
    },
    build.lease,
  );
  const labels = { [KEY_LABEL]: key, ...(stage.imageId === "" ? {} : { [PARENT_LABEL]: stage.imageId }) };
  await putImage(parts, danglingName(target.digest), target, labels);
  const image = await parts.manifests.load(target, build.lease);
  if (image !== undefined && !empty) await parts.unpack(image, build.lease);
  stage.imageId = target.digest;
  stage.image = image;
  stage.config = image?.configuration.config ?? step.config;
}
