/**
 * Garbage collection: what no root reaches goes. One pass looks at everything at once, without a pause, so that nothing is made in between.
 *
 *     roots   images (their target) · leases that have not expired (their resources) · containers (their snapshot)
 *             content and snapshots with a label `containerd.io/gc.root`
 *     edges   labels `containerd.io/gc.ref.content[.…|/…]` = digest, `containerd.io/gc.ref.snapshot.<snapshotter>[/…]` = key, of images,
 *             containers, content and snapshots · a snapshot's parent
 *
 * Every namespace is its own graph. A lease expires at the time of its label `containerd.io/gc.expire` (RFC 3339); its other labels refer to nothing.
 * A lease labelled `containerd.io/gc.flat` keeps what it names and the parents of snapshots, but not what their labels refer to.
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
  /** What labels of `needs` refer to is not kept. */
  readonly flat?: boolean;
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

/** What labels refer to. Behind the snapshotter's name only `/…` tells several references apart: names hold dots. */
export function referencesOf(namespace: string, labels: Labels): Node[] {
  const found: Node[] = [];
  for (const [key, value] of Object.entries(labels)) {
    if (key === CONTENT || key.startsWith(`${CONTENT}.`) || key.startsWith(`${CONTENT}/`))
      found.push(contentNode(namespace, value));
    else if (key.startsWith(SNAPSHOT)) {
      const snapshotter = key.slice(SNAPSHOT.length).split("/", 1)[0]!;
      found.push(snapshotNode(namespace, snapshotter, value));
    }
  }
  return found;
}

/** Everything reached from `start`; a snapshot's parent always, what labels refer to unless `flat`. */
function reach(
  start: readonly Node[],
  byName: ReadonlyMap<Node, GraphNode>,
  alive: Set<Node>,
  flat: boolean,
): void {
  const pending = [...start];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (alive.has(next)) continue;
    alive.add(next);
    const found = byName.get(next);
    if (found === undefined) continue;
    if (found.parent !== undefined) pending.push(found.parent);
    if (!flat) for (const node of referencesOf(found.namespace, found.labels)) pending.push(node);
  }
}

/** Everything that is alive. */
export function mark({ roots, nodes }: Graph): ReadonlySet<Node> {
  const byName = new Map(nodes.map((node) => [node.node, node]));
  const start = (flat: boolean): Node[] =>
    roots
      .filter((root) => (root.flat ?? false) === flat)
      .flatMap(({ namespace, labels, needs }) => [...needs, ...referencesOf(namespace, labels)]);
  const marked = nodes.filter(({ labels }) => Object.hasOwn(labels, ROOT)).map(({ node }) => node);
  const alive = new Set<Node>();
  // In this order: where the first walk has been nothing is missing for the second.
  reach([...start(false), ...marked], byName, alive, false);
  reach(start(true), byName, alive, true);
  return alive;
}
