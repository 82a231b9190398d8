/** Images: names for descriptors. */
import type { Database } from "bun:sqlite";
import type { Clock } from "../../lib/clock.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { Descriptor } from "../core/content.ts";
import { checkLabels } from "../core/identifiers.ts";
import type { Image, ImageStore } from "../core/images.ts";
import { decodeLabels, encodeLabels } from "./database.ts";
import { mergeLabels } from "./labels.ts";
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

function check({ name, target, labels }: Given): void {
  if (name === "") throw new SkiffError("invalid_argument", "image name must not be empty");
  if (target.digest === "") throw new SkiffError("invalid_argument", "image target digest is required");
  if (target.size <= 0)
    throw new SkiffError("invalid_argument", "image target size must be greater than zero");
  checkLabels(labels);
}

/** `before` with what the mask names; without a mask all of `given`. @throws invalid_argument */
function merge(before: Image, given: Given, paths: readonly string[]): Given {
  if (paths.length === 0) return { ...given, labels: { ...before.labels, ...given.labels } };
  let { target } = before;
  for (const path of paths) {
    if (path === "target") target = given.target;
    else if (path === "annotations") target = { ...target, annotations: given.target.annotations ?? {} };
    else if (!/^labels(\.|$)/.test(path))
      throw new SkiffError("invalid_argument", `cannot update ${path} field on image "${given.name}"`);
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
  const insert = database.transaction((namespace: string, given: Given): Image => {
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
    const after = merge(before, given, paths);
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
