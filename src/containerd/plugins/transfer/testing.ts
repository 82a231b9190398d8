/** The Transfer service with what it needs, served on a socket, and a client of it: for tests. Content, images and leases are the real ones. */
import { mkdtempSync, rmSync } from "node:fs";
import { createGunzip } from "node:zlib";
import { systemClock } from "../../../lib/clock.ts";
import { SkiffError } from "../../../lib/errors.ts";
import { randomIds } from "../../../lib/ids.ts";
import { createTracer } from "../../../lib/trace.ts";
import { createGrpcServer } from "../../../wire/h2/server.ts";
import type { Differ } from "../../core/diff.ts";
import type { SnapshotInfo, Snapshotter } from "../../core/snapshots.ts";
import { createContentRecords } from "../../metadata/content.ts";
import { openDatabase } from "../../metadata/database.ts";
import { createImageStore } from "../../metadata/images.ts";
import { createLeaseStore } from "../../metadata/leases.ts";
import { createNamespaceStore } from "../../metadata/namespaces.ts";
import { createStreaming } from "../../services/streaming.ts";
import { transferService } from "../../services/transfer.ts";
import { createCollector } from "../collector.ts";
import { createContentStore, type LocalContentStore } from "../content/store.ts";
import { connectTransfers } from "./testing-client.ts";

export { NAMESPACE } from "./testing-client.ts";

/** Snapshots that are only names: what is tested here is their order. */
export function namedSnapshots(): Snapshotter & { readonly steps: string[] } {
  const snapshots = new Map<string, SnapshotInfo>();
  const steps: string[] = [];
  const times = { createdAtNs: 0n, updatedAtNs: 0n };
  const get = (key: string) => {
    const found = snapshots.get(key);
    if (found === undefined) throw new SkiffError("not_found", `snapshot ${key}: not found`);
    return found;
  };
  const short = (key: string) => key.replace(/^extract-\S+ /, "extract ");
  return {
    name: "overlayfs",
    steps,
    stat: (_, key) => get(key),
    list: () => [...snapshots.values()],
    update: (_, key) => get(key),
    usage: async () => ({ size: 0, inodes: 0 }),
    mounts: () => [],
    async prepare(_, key, parent, labels) {
      if (parent !== "" && get(parent).kind !== "committed")
        throw new SkiffError("failed_precondition", `parent ${parent} is not committed`);
      snapshots.set(key, { name: key, parent, kind: "active", labels, ...times });
      steps.push(`prepare ${short(key)} over ${parent}`);
      return [];
    },
    view: async () => [],
    async commit(_, name, key, labels) {
      const { parent } = get(key);
      snapshots.delete(key);
      snapshots.set(name, { name, parent, kind: "committed", labels, ...times });
      steps.push(`commit ${name}`);
    },
    async remove(_, key) {
      get(key);
      snapshots.delete(key);
      steps.push(`remove ${short(key)}`);
    },
    async cleanup() {},
  };
}

/** Tells the digest of a layer's uncompressed bytes, as a differ must, and unpacks nothing. */
export function hashingDiffer(content: LocalContentStore): Differ {
  return {
    async apply(namespace, layer, _mounts, onProgress) {
      const hasher = new Bun.CryptoHasher("sha256");
      const gunzip = createGunzip();
      const end = Promise.withResolvers<void>();
      gunzip.on("data", (bytes: Buffer) => hasher.update(bytes));
      gunzip.on("end", end.resolve).on("error", end.reject);
      for await (const piece of content.read(namespace, layer.digest, 0, 0)) {
        gunzip.write(piece);
        onProgress?.(piece.length);
      }
      gunzip.end();
      await end.promise;
      const digest = `sha256:${hasher.digest("hex")}`;
      return { descriptor: { mediaType: "application/vnd.oci.image.layer.v1.tar", digest, size: 0 } };
    },
    async diff() {
      throw new SkiffError("unimplemented", "diff");
    },
  };
}

/** @param root directory for the blobs, if not beside the rest */
export function createTestBed(root?: string) {
  const directory = mkdtempSync("/tmp/skiff-transfer-");
  const clock = systemClock;
  const database = openDatabase(`${directory}/metadata.db`);
  const namespaces = createNamespaceStore(database);
  const leases = createLeaseStore(database, namespaces, clock);
  const records = createContentRecords(database, namespaces, clock);
  const content = createContentStore({ root: root ?? directory, records, clock });
  const images = createImageStore(database, namespaces, clock, () => {});
  const snapshotter = namedSnapshots();
  const snapshotters = new Map<string, Snapshotter>([["overlayfs", snapshotter]]);
  const collector = createCollector({ database, content, snapshotters, clock, log() {} });
  const streaming = createStreaming();
  const differ = hashingDiffer(content);
  const sleep = (ms: number) => Bun.sleep(Math.min(ms, 5));
  const parts = { content, images, leases, snapshotters, differ, collector, clock, ids: randomIds, sleep };
  const tracer = createTracer({ layer: "test", nowNs: clock.nowNs, hex: randomIds.hex });
  const faults: unknown[] = [];
  const server = createGrpcServer({
    services: [transferService(parts, streaming.registry), streaming.service],
    tracer,
    onFault: (_, error) => faults.push(error),
  });
  const socket = `${directory}/grpc.sock`;
  server.listen(socket);
  const { close, images: _images, snapshots: _snapshots, ...client } = connectTransfers(socket);
  return {
    ...client,
    ...{ directory, content, images, leases, collector, snapshotter, faults },
    async [Symbol.asyncDispose]() {
      close();
      await server.close(100);
      await collector.collect();
      database.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
