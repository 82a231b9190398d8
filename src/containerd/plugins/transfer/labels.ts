/** Labels by which the collector finds an image's parts, and by which a push finds repositories to mount from: containerd's names. */
import type { Reference } from "../../../lib/reference.ts";
import type { Descriptor } from "../../core/content.ts";
import { isConfigType, isLayerType, isManifestType } from "./media-types.ts";

const CONTENT = "containerd.io/gc.ref.content.";
const SOURCE = "containerd.io/distribution.source.";
export const UNCOMPRESSED = "containerd.io/uncompressed";
const LABEL_BYTES_MAX = 4096;

function prefixOf({ mediaType }: Descriptor): string {
  if (isConfigType(mediaType)) return `${CONTENT}config`;
  if (isManifestType(mediaType)) return `${CONTENT}m.`;
  if (isLayerType(mediaType)) return `${CONTENT}l.`;
  return CONTENT;
}

/** `containerd.io/gc.ref.content.config`, `….m.0`, `….l.1`; of each kind counted from 0. */
export function childLabels(children: readonly Descriptor[]): Record<string, string> {
  const counts = new Map<string, number>();
  const labels: Record<string, string> = {};
  for (const child of children) {
    const prefix = prefixOf(child);
    const count = counts.get(prefix) ?? 0;
    counts.set(prefix, count + 1);
    labels[count > 0 || prefix.endsWith(".") ? `${prefix}${count}` : prefix] = child.digest;
  }
  return labels;
}

export function snapshotLabel(snapshotter: string, chainId: string): Record<string, string> {
  return { [`containerd.io/gc.ref.snapshot.${snapshotter}`]: chainId };
}

/** The repository is added to those the blob is known to be in, in order, as many as a label holds. */
export function sourceLabel(
  existing: Readonly<Record<string, string>>,
  { domain, path }: Reference,
): Record<string, string> {
  const key = SOURCE + domain;
  const known = (existing[key] ?? "").split(",").filter((repository) => repository !== "");
  const repositories = [...new Set([...known, path])].sort();
  while (repositories.length > 1 && key.length + repositories.join(",").length > LABEL_BYTES_MAX)
    repositories.shift();
  return { [key]: repositories.join(",") };
}

/** A repository on the same registry, other than the one pushed to; "" for none. */
export function mountSource(labels: Readonly<Record<string, string>>, { domain, path }: Reference): string {
  const repositories = (labels[SOURCE + domain] ?? "").split(",");
  return repositories.find((repository) => repository !== "" && repository !== path) ?? "";
}
