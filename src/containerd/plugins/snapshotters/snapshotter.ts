/**
 * What all snapshotters of ours have in common: records in the database, one directory a snapshot, removal by rename.
 *
 *     <root>/io.containerd.snapshotter.v1.<name>/
 *     ├── snapshots/<id>/…       the kind's own business (overlayfs: fs/ and work/)
 *     └── trash/<id>-<random>/   renamed away, deleted in the background and at the next start
 *
 * A directory is made before its record is of use to anybody and renamed away after its record has gone: a crash leaves directories without
 * records, which `cleanup` finds.
 */
import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { linuxKernel } from "../../../kernel/linux.ts";
import { measureBeside, removeBeside } from "../../../kernel/tree/beside.ts";
import { SkiffError } from "../../../lib/errors.ts";
import type { IdSource } from "../../../lib/ids.ts";
import type { SnapshotInfo, SnapshotMount, Snapshotter, SnapshotUsage } from "../../core/snapshots.ts";
import { mergeLabels } from "../../metadata/labels.ts";
import {
  createSnapshotRecords,
  type SnapshotRecord,
  type SnapshotRecords,
  type SnapshotRecordsParts,
} from "../../metadata/snapshots.ts";

type Labels = Readonly<Record<string, string>>;

/** How one kind keeps its trees. `directory(id)` is a snapshot's own. */
export interface TreeKind {
  readonly name: string;
  /** Makes the tree of a new snapshot in its directory. `parents`: ids, the nearest first. */
  make(directory: (id: string) => string, record: SnapshotRecord, parents: readonly string[]): Promise<void>;
  mounts(
    directory: (id: string) => string,
    record: SnapshotRecord,
    parents: readonly string[],
  ): readonly SnapshotMount[];
  /** The tree whose files are the snapshot's own. */
  tree(directory: string): string;
}

export interface SnapshotterParts extends SnapshotRecordsParts {
  /** Of skiff-containerd. */
  readonly root: string;
  readonly ids: IdSource;
}

function plainInfo({ name, parent, kind, labels, createdAtNs, updatedAtNs }: SnapshotRecord): SnapshotInfo {
  return { name, parent, kind, labels, createdAtNs, updatedAtNs };
}

export class DirectorySnapshotter implements Snapshotter {
  readonly name: string;
  readonly #records: SnapshotRecords;
  readonly #snapshots: string;
  readonly #trash: string;
  /** By name in the trash. */
  readonly #deleting = new Map<string, Promise<void>>();

  constructor(
    private readonly kind: TreeKind,
    private readonly parts: SnapshotterParts,
  ) {
    this.name = kind.name;
    this.#records = createSnapshotRecords(kind.name, parts);
    const home = join(parts.root, `io.containerd.snapshotter.v1.${kind.name}`);
    this.#snapshots = join(home, "snapshots");
    this.#trash = join(home, "trash");
    for (const path of [home, this.#snapshots, this.#trash])
      mkdirSync(path, { recursive: true, mode: 0o700 });
  }

  stat(namespace: string, key: string): SnapshotInfo {
    return plainInfo(this.#records.get(namespace, key));
  }

  list(namespace: string): SnapshotInfo[] {
    return this.#records.list(namespace).map(plainInfo);
  }

  update(namespace: string, key: string, labels: Labels, paths: readonly string[]): SnapshotInfo {
    const mask = paths.length === 0 ? ["labels"] : paths;
    const merged = mergeLabels(this.#records.get(namespace, key).labels, labels, mask);
    this.#records.setLabels(namespace, key, merged);
    return this.stat(namespace, key);
  }

  async usage(namespace: string, key: string): Promise<SnapshotUsage> {
    const record = this.#records.get(namespace, key);
    return record.kind === "active" ? this.#measure(record.id) : record.usage;
  }

  mounts(namespace: string, key: string): SnapshotMount[] {
    const record = this.#records.get(namespace, key);
    if (record.kind === "committed") {
      const message = `failed to get active mount: requested snapshot ${key} not active or view`;
      throw new SkiffError("failed_precondition", `${message}: failed precondition`);
    }
    return this.#mountsOf(namespace, record);
  }

  prepare(namespace: string, key: string, parent: string, labels: Labels, lease: string) {
    return this.#add(namespace, { key, parent, labels, lease, kind: "active" });
  }

  view(namespace: string, key: string, parent: string, labels: Labels, lease: string) {
    return this.#add(namespace, { key, parent, labels, lease, kind: "view" });
  }

  async commit(namespace: string, name: string, key: string, labels: Labels, lease: string): Promise<void> {
    const usage = await this.#measure(this.#records.committable(namespace, name, key).id);
    this.#records.commit(namespace, { name, key, labels, lease, usage });
  }

  async remove(namespace: string, key: string): Promise<void> {
    const { id } = this.#records.remove(namespace, key);
    this.#discard(id);
  }

  async cleanup(): Promise<void> {
    const known = this.#records.ids();
    for (const id of readdirSync(this.#snapshots)) if (!known.has(id)) this.#discard(id);
    for (const name of readdirSync(this.#trash)) await this.#delete(name);
  }

  readonly #directory = (id: string): string => join(this.#snapshots, id);

  async #add(namespace: string, snapshot: Parameters<SnapshotRecords["add"]>[1]): Promise<SnapshotMount[]> {
    const record = this.#records.add(namespace, snapshot);
    try {
      mkdirSync(this.#directory(record.id), { mode: 0o700 });
      await this.kind.make(this.#directory, record, this.#records.parents(namespace, record));
    } catch (error) {
      this.#records.remove(namespace, snapshot.key);
      this.#discard(record.id);
      throw error;
    }
    return this.#mountsOf(namespace, record);
  }

  #mountsOf(namespace: string, record: SnapshotRecord): SnapshotMount[] {
    return [...this.kind.mounts(this.#directory, record, this.#records.parents(namespace, record))];
  }

  /** Away at once, deleted when there is time. */
  #discard(id: string): void {
    const from = this.#directory(id);
    if (!existsSync(from)) return;
    const name = `${id}-${this.parts.ids.hex(4)}`;
    renameSync(from, join(this.#trash, name));
    void this.#delete(name);
  }

  #delete(name: string): Promise<void> {
    const known = this.#deleting.get(name);
    if (known !== undefined) return known;
    // In use as a mount still, perhaps: the next cleanup finds it.
    const work = removeBeside(linuxKernel, this.#trash, name)
      .catch(() => undefined)
      .finally(() => this.#deleting.delete(name));
    this.#deleting.set(name, work);
    return work;
  }

  #measure(id: string): Promise<SnapshotUsage> {
    return measureBeside(linuxKernel, this.kind.tree(this.#directory(id)));
  }
}
