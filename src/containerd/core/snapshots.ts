/**
 * Snapshotters: file system trees, each the change over a parent.
 *
 * Terms. A *committed* snapshot is immutable and can be a parent; its name is by convention the chain id of the layers up to it. An *active* one is
 * writable, a *view* read-only; both are named by a *key* the client picks. Names and keys share one space per namespace and snapshotter.
 *
 * Lifecycle: `prepare(key, parent)` → the client mounts `mounts` and writes → `commit(name, key)` turns the active into a committed one (the key is
 * free again), or `remove(key)`. A snapshot with children cannot be removed (`failed_precondition`). Example: unpacking layer 2 over layer 1 is
 * prepare("extract-x", chain1) → Diff.apply → commit(chain2, "extract-x"); a container's root is prepare(id, chainN), never committed.
 *
 * Mounts are instructions, not effects: the caller mounts them. Removal is quick: the tree is renamed away and deleted after the answer.
 * Who cleans up: the client its own active snapshots, or the garbage collector what no image, lease or gc label refers to.
 */
export interface SnapshotMount {
  /** `overlay`, `bind` */
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly options: readonly string[];
}

export type SnapshotKind = "view" | "active" | "committed";

export interface SnapshotInfo {
  readonly name: string;
  readonly parent: string;
  readonly kind: SnapshotKind;
  readonly createdAtNs: bigint;
  readonly updatedAtNs: bigint;
  readonly labels: Readonly<Record<string, string>>;
}

export interface SnapshotUsage {
  readonly size: number;
  readonly inodes: number;
}

type Labels = Readonly<Record<string, string>>;

export interface Snapshotter {
  /** `overlayfs`, `native` */
  readonly name: string;
  /** @throws not_found */
  stat(namespace: string, key: string): SnapshotInfo;
  list(namespace: string): SnapshotInfo[];
  update(namespace: string, key: string, labels: Labels, paths: readonly string[]): SnapshotInfo;
  usage(namespace: string, key: string): Promise<SnapshotUsage>;
  /** Of an active snapshot or a view. */
  mounts(namespace: string, key: string): SnapshotMount[];
  /** @throws already_exists, not_found (parent), invalid_argument (parent not committed). `lease`: "" for none. */
  prepare(
    namespace: string,
    key: string,
    parent: string,
    labels: Labels,
    lease: string,
  ): Promise<SnapshotMount[]>;
  view(
    namespace: string,
    key: string,
    parent: string,
    labels: Labels,
    lease: string,
  ): Promise<SnapshotMount[]>;
  commit(namespace: string, name: string, key: string, labels: Labels, lease: string): Promise<void>;
  remove(namespace: string, key: string): Promise<void>;
  /** Deletes what removals and crashes left on disk. */
  cleanup(): Promise<void>;
}
