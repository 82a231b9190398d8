/**
 * Garbage collection: what no root reaches goes. One pass looks at everything at once, without a pause, so that nothing is made in between.
 *
 *     roots   images (their target) · leases that have not expired (their resources) · containers (their snapshot)
 *             content and snapshots with a label `containerd.io/gc.root`
 *     edges   labels `containerd.io/gc.ref.content[…]` = digest, `containerd.io/gc.ref.snapshot.<snapshotter>[…]` = key, of images, leases, content
 *             and snapshots · a snapshot's parent
 *
 * Every namespace is its own graph. A lease expires at the time of its label `containerd.io/gc.expire` (RFC 3339).
 */

export type Labels = Readonly<Record<string, string>>;

/** A name for the graph: nobody takes it apart. */
export type Node = string;

/** Content or a snapshot: what may go. */
export interface GraphNode {
  readonly node: Node;
  readonly namespace: string;
  /** Of the snapshot; "" for content. */
  readonly snapshotter: string;
  /** Digest or key. */
  readonly id: string;
  readonly labels: Labels;
  /** The snapshot's parent. */
  readonly parent: Node | undefined;
}

/** An image, a lease or a container: what it names is alive. */
export interface GraphRoot {
  readonly namespace: string;
  readonly labels: Labels;
  readonly needs: readonly Node[];
}

export interface Graph {
  readonly roots: readonly GraphRoot[];
  readonly nodes: readonly GraphNode[];
}

const ROOT = "containerd.io/gc.root";
const CONTENT = "containerd.io/gc.ref.content";
const SNAPSHOT = "containerd.io/gc.ref.snapshot.";

export function contentNode(namespace: string, digest: string): Node {
  return `${namespace} content ${digest}`;
}

export function snapshotNode(namespace: string, snapshotter: string, key: string): Node {
  return `${namespace} snapshot ${snapshotter} ${key}`;
}

/** What labels refer to. After the snapshotter's name a `/…` or `.…` tells several references apart. */
export function referencesOf(namespace: string, labels: Labels): Node[] {
  const found: Node[] = [];
  for (const [key, value] of Object.entries(labels)) {
    if (key === CONTENT || key.startsWith(`${CONTENT}.`) || key.startsWith(`${CONTENT}/`))
      found.push(contentNode(namespace, value));
    else if (key.startsWith(SNAPSHOT)) {
      const snapshotter = key.slice(SNAPSHOT.length).split(/[./]/)[0]!;
      found.push(snapshotNode(namespace, snapshotter, value));
    }
  }
  return found;
}

/** Everything that is alive. */
export function mark({ roots, nodes }: Graph): ReadonlySet<Node> {
  const byName = new Map(nodes.map((node) => [node.node, node]));
  const alive = new Set<Node>();
  const pending = roots.flatMap(({ namespace, labels, needs }) => [
    ...needs,
    ...referencesOf(namespace, labels),
  ]);
  for (const { node, labels } of nodes) if (Object.hasOwn(labels, ROOT)) pending.push(node);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (alive.has(next)) continue;
    alive.add(next);
    const found = byName.get(next);
    if (found === undefined) continue;
    if (found.parent !== undefined) pending.push(found.parent);
    pending.push(...referencesOf(found.namespace, found.labels));
  }
  return alive;
}
