/** The collector against a model that knows nothing but the rules: any database, what stays and what goes. */
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ContainerSchema } from "../../contracts/containerd/gen/containers_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { sha256Of } from "../../lib/digest.ts";
import { randomIds } from "../../lib/ids.ts";
import { createContainerStore } from "../metadata/containers.ts";
import { createContentRecords } from "../metadata/content.ts";
import { openDatabase } from "../metadata/database.ts";
import { createImageStore } from "../metadata/images.ts";
import { createLeaseStore } from "../metadata/leases.ts";
import { createNamespaceStore } from "../metadata/namespaces.ts";
import { createCollector } from "./collector.ts";
import { createContentStore } from "./content/store.ts";
import { native } from "./snapshotters/native.ts";
import { overlayfs } from "./snapshotters/overlayfs.ts";
import { DirectorySnapshotter } from "./snapshotters/snapshotter.ts";

const NAMESPACES = ["a", "b"] as const;
const SNAPSHOTTERS = ["overlayfs", "native"] as const;
/** Things of each kind in each namespace. */
const COUNT = 4;

const bytesOf = (at: number) => Buffer.from(`blob ${at}`);

/** `content 0` … `content 3`, `overlayfs 0` …: names for what may go. */
const thing = fc
  .tuple(fc.constantFrom("content", ...SNAPSHOTTERS), fc.nat(COUNT - 1))
  .map(([kind, at]) => `${kind} ${at}`);
const things = fc.array(thing, { maxLength: 3 });

const namespaceModel = fc.record({
  /** Of each thing by name. A snapshot's parent is one with a smaller number. */
  labels: fc.dictionary(thing, things, { maxKeys: 8 }),
  rooted: fc.array(thing, { maxLength: 1 }),
  parents: fc.array(fc.boolean(), { minLength: COUNT, maxLength: COUNT }),
  images: fc.array(fc.record({ target: fc.nat(COUNT - 1), refers: things }), { maxLength: 1 }),
  containers: fc.array(fc.record({ snapshot: thing, refers: things }), { maxLength: 1 }),
  leases: fc.array(fc.record({ holds: things, refers: things, expired: fc.boolean(), flat: fc.boolean() }), {
    maxLength: 2,
  }),
});
type Model = typeof namespaceModel extends fc.Arbitrary<infer T> ? T : never;

const idOf = (name: string): string => {
  const [kind, at] = name.split(" ") as [string, string];
  return kind === "content" ? sha256Of(bytesOf(Number(at))) : `key-${at}`;
};

/** Labels that refer to things, in the forms that clients use. */
function refs(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name, i) => {
      const [kind] = name.split(" ") as [string, string];
      const key = kind === "content" ? `content.l.${i}` : `snapshot.${kind}/${i}`;
      return [`containerd.io/gc.ref.${key}`, idOf(name)];
    }),
  );
}

const parentOf = (name: string, { parents }: Model): string | undefined => {
  const [kind, at] = name.split(" ") as [string, string];
  const number = Number(at);
  return kind !== "content" && number > 0 && parents[number] ? `${kind} ${number - 1}` : undefined;
};

/** Round after round, until nothing is added. */
function expected(model: Model): string[] {
  const full = new Set([
    ...model.rooted,
    ...model.images.flatMap(({ target, refers }) => [`content ${target}`, ...refers]),
    ...model.containers.flatMap(({ snapshot, refers }) =>
      snapshot.startsWith("content") ? refers : [snapshot, ...refers],
    ),
    ...model.leases.filter(({ expired, flat }) => !expired && !flat).flatMap(({ holds }) => holds),
  ]);
  const flat = new Set(
    model.leases.filter((lease) => !lease.expired && lease.flat).flatMap(({ holds }) => holds),
  );
  for (let round = 0; round < 3 * COUNT; round++) {
    for (const name of full) {
      for (const found of model.labels[name] ?? []) full.add(found);
      full.add(parentOf(name, model) ?? name);
    }
    for (const name of flat) flat.add(parentOf(name, model) ?? name);
  }
  return [...new Set([...full, ...flat])].sort();
}

function openBed() {
  const directory = mkdtempSync("/tmp/skiff-gc-");
  const database = openDatabase(":memory:");
  const namespaces = createNamespaceStore(database);
  const clock = systemClock;
  const trees = { root: directory, database, namespaces, clock, ids: randomIds };
  const snapshotters = new Map(
    [overlayfs, native].map((kind) => [kind.name, new DirectorySnapshotter(kind, trees)]),
  );
  const records = createContentRecords(database, namespaces, clock);
  const content = createContentStore({ root: directory, records, clock });
  const images = createImageStore(database, namespaces, clock, () => {});
  const leases = createLeaseStore(database, namespaces, clock);
  const containers = createContainerStore(database, namespaces, clock);
  const faults: string[] = [];
  const log = (message: string) => void faults.push(message);
  const collector = createCollector({ database, content, snapshotters, clock, log });
  return {
    ...{ directory, content, images, leases, containers, snapshotters, collector, faults },
    async [Symbol.asyncDispose]() {
      database.close();
      // Removed trees are being deleted in the background: one of the two finds its file gone.
      for (let tries = 0; tries < 1000 && existsSync(directory); tries++) {
        await rm(directory, { recursive: true, force: true }).catch(() => undefined);
        await Bun.sleep(tries);
      }
      expect(existsSync(directory)).toBe(false);
    },
  };
}
type Bed = ReturnType<typeof openBed>;

async function fill(bed: Bed, namespace: string, model: Model): Promise<void> {
  const labelsOf = (name: string): Record<string, string> => ({
    ...refs(model.labels[name] ?? []),
    ...(model.rooted.includes(name) ? { "containerd.io/gc.root": "now" } : {}),
  });
  for (let at = 0; at < COUNT; at++) {
    await bed.content.put(namespace, bytesOf(at), labelsOf(`content ${at}`), "");
    for (const [kind, snapshotter] of bed.snapshotters) {
      const name = `${kind} ${at}`;
      const parent = parentOf(name, model);
      const labels = labelsOf(name);
      await snapshotter.prepare(namespace, "making", parent === undefined ? "" : idOf(parent), labels, "");
      await snapshotter.commit(namespace, idOf(name), "making", labels, "");
    }
  }
  for (const [at, { target, refers }] of model.images.entries()) {
    const descriptor = { mediaType: "x/y", digest: idOf(`content ${target}`), size: 6 };
    bed.images.create(namespace, { name: `image ${at}`, target: descriptor, labels: refs(refers) });
  }
  for (const [at, { snapshot, refers }] of model.containers.entries()) {
    const [kind] = snapshot.split(" ") as [string];
    const has = kind === "content" ? {} : { snapshotter: kind, snapshotKey: idOf(snapshot) };
    const fields = { id: `c${at}`, runtime: { name: "r" }, labels: refs(refers), ...has };
    bed.containers.create(namespace, create(ContainerSchema, fields));
  }
  for (const [at, { holds, refers, expired, flat }] of model.leases.entries()) {
    const labels = {
      ...refs(refers),
      "containerd.io/gc.expire": new Date(Date.now() + (expired ? -1 : 1) * 3600_000).toISOString(),
      ...(flat ? { "containerd.io/gc.flat": "true" } : {}),
    };
    bed.leases.create(namespace, `l${at}`, labels);
    for (const name of holds) {
      const [kind] = name.split(" ") as [string];
      const type = kind === "content" ? "content" : `snapshots/${kind}`;
      bed.leases.add(namespace, `l${at}`, { type, id: idOf(name) });
    }
  }
}

function left(bed: Bed, namespace: string): string[] {
  const numbers = Array.from({ length: COUNT }, (_, at) => at);
  const digests = new Set(bed.content.list(namespace).map(({ digest }) => digest));
  const blobs = numbers.map((at) => `content ${at}`).filter((name) => digests.has(idOf(name)));
  const snapshots = SNAPSHOTTERS.flatMap((kind) => {
    const keys = new Set(
      bed.snapshotters
        .get(kind)!
        .list(namespace)
        .map(({ name }) => name),
    );
    return numbers.map((at) => `${kind} ${at}`).filter((name) => keys.has(idOf(name)));
  });
  return [...blobs, ...snapshots].sort();
}

test("what the rules keep stays, and nothing else", async () => {
  await fc.assert(
    fc.asyncProperty(fc.tuple(namespaceModel, namespaceModel), async (models) => {
      await using bed = openBed();
      for (const [at, namespace] of NAMESPACES.entries()) await fill(bed, namespace, models[at]!);
      await bed.collector.collect();
      for (const [at, namespace] of NAMESPACES.entries()) {
        expect(left(bed, namespace)).toEqual(expected(models[at]!));
        const unexpired = models[at]!.leases.filter(({ expired }) => !expired).length;
        expect(bed.leases.list(namespace).length).toBe(unexpired);
        for (const { digest } of bed.content.list(namespace))
          expect(sha256Of(await bed.content.readAll(namespace, digest, 100))).toBe(
            digest as `sha256:${string}`,
          );
      }
      expect(bed.faults).toEqual([]);
    }),
    { numRuns: 40 },
  );
}, 60_000);
