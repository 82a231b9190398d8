/** Images: names for descriptors. */
import type { Database } from "bun:sqlite";
import type { Clock } from "../../lib/clock.ts";
import { parseDigest } from "../../lib/digest.ts";
import { messageOf, SkiffError } from "../../lib/errors.ts";
import type { Descriptor } from "../core/content.ts";
import { checkLabels } from "../core/identifiers.ts";
import type { Image, ImageStore } from "../core/images.ts";
import { decodeLabels, encodeLabels } from "./database.ts";
import { mergeLabels, withoutEmpty } from "./labels.ts";
import type { NamespaceStore } from "./namespaces.ts";

interface Row {
  readonly name: string;
  readonly target: string;
  readonly labels: string;
  readonly created_at: bigint;
  readonly updated_at: bigint;
}

type Given = Pick<Image, "name" | "target" | "labels">;

function fromRow({ name, target, labels, created_at, updated_at }: Row): Image {
  return {
    name,
    target: JSON.parse(target) as Descriptor,
    labels: decodeLabels(labels),
    createdAtNs: created_at,
    updatedAtNs: updated_at,
  };
}

/** In the order and words of containerd. */
function check({ name, target, labels }: Given): void {
  const invalid = (message: string) => new SkiffError("invalid_argument", `${message}: invalid argument`);
  if (name === "") throw invalid("image name must not be empty");
  checkLabels(labels);
  try {
    parseDigest(target.digest);
  } catch (error) {
    throw invalid(`Target.Digest ${JSON.stringify(target.digest)} invalid: ${messageOf(error)}`);
  }
  if (target.size <= 0) throw invalid("Target.Size must be greater than zero");
  if (target.mediaType === "") throw invalid("Target.MediaType must be set");
}

/** `before` with what the mask names; without a mask all of `given`. @throws invalid_argument */
function merge(before: Image, given: Given, paths: readonly string[]): Given {
  if (paths.length === 0) return given;
  let { target } = before;
  for (const path of paths) {
    if (path === "target") target = given.target;
    else if (/^annotations(\.|$)/.test(path)) {
      // A mask of annotations works as one of labels.
      const mask = [path.replace("annotations", "labels")];
      const annotations = mergeLabels(target.annotations ?? {}, given.target.annotations ?? {}, mask);
      target = { ...target, annotations };
    } else if (!/^labels(\.|$)/.test(path))
      throw new SkiffError(
        "invalid_argument",
        `cannot update "${path}" field on image "${given.name}": invalid argument`,
      );
  }
  return { name: before.name, target, labels: mergeLabels(before.labels, given.labels, paths) };
}

export type ImageEvents = (
  action: "create" | "update" | "delete",
  namespace: string,
  name: string,
  labels: Image["labels"],
) => void;

export function createImageStore(
  database: Database,
  namespaces: NamespaceStore,
  clock: Clock,
  publish: ImageEvents,
): ImageStore {
  const get = (namespace: string, name: string): Image => {
    const row = database
      .query<Row, [string, string]>("SELECT * FROM images WHERE namespace = ? AND name = ?")
      .get(namespace, name);
    if (row === null) throw new SkiffError("not_found", `image "${name}": not found`);
    return fromRow(row);
  };
  const insert = database.transaction((namespace: string, { name, target, labels }: Given): Image => {
    const given = { name, target, labels: withoutEmpty(labels) };
    check(given);
    namespaces.ensure(namespace);
    const now = clock.nowNs();
    const { changes } = database
      .query(
        "INSERT OR IGNORE INTO images (namespace, name, target, labels, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
      )
      .run(namespace, given.name, JSON.stringify(given.target), encodeLabels(given.labels), now, now);
    if (Number(changes) === 0)
      throw new SkiffError("already_exists", `image "${given.name}": already exists`);
    return { ...given, createdAtNs: now, updatedAtNs: now };
  });
  const replace = database.transaction((namespace: string, given: Given, paths: readonly string[]): Image => {
    const before = get(namespace, given.name);
    const merged = merge(before, given, paths);
    const after = { ...merged, labels: withoutEmpty(merged.labels) };
    check(after);
    const now = clock.nowNs();
    database
      .query("UPDATE images SET target = ?, labels = ?, updated_at = ? WHERE namespace = ? AND name = ?")
      .run(JSON.stringify(after.target), encodeLabels(after.labels), now, namespace, given.name);
    return { ...after, createdAtNs: before.createdAtNs, updatedAtNs: now };
  });
  return {
    get,
    list: (namespace) =>
      database
        .query<Row, [string]>("SELECT * FROM images WHERE namespace = ? ORDER BY name")
        .all(namespace)
        .map(fromRow),
    create(namespace, given) {
      const image = insert(namespace, given);
      publish("create", namespace, image.name, image.labels);
      return image;
    },
    update(namespace, given, paths) {
      const image = replace(namespace, given, paths);
      publish("update", namespace, image.name, image.labels);
      return image;
    },
    delete(namespace, name) {
      const { changes } = database
        .query("DELETE FROM images WHERE namespace = ? AND name = ?")
        .run(namespace, name);
      if (Number(changes) === 0) throw new SkiffError("not_found", `image "${name}": not found`);
      publish("delete", namespace, name, {});
    },
  };
}
