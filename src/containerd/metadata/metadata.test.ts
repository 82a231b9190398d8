import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { ContainerSchema } from "../../contracts/containerd/gen/containers_pb.ts";
import { createContainerStore } from "./containers.ts";
import { openDatabase } from "./database.ts";
import { createLeaseStore } from "./leases.ts";
import { createNamespaceStore } from "./namespaces.ts";

let now = 5_000_000_001n;
const clock = { now: () => Number(now / 1_000_000n), nowNs: () => now };

function stores(path = ":memory:") {
  const database = openDatabase(path);
  const namespaces = createNamespaceStore(database);
  const containers = createContainerStore(database, namespaces, clock);
  return { database, namespaces, containers, leases: createLeaseStore(database, namespaces, clock) };
}

const web = () =>
  create(ContainerSchema, { id: "web", image: "i", runtime: { name: "io.containerd.skiff.v1" } });

describe("database", () => {
  test("is opened again with what it holds; one from the future is refused", () => {
    const directory = mkdtempSync("/tmp/skiff-metadata-");
    const path = `${directory}/metadata.db`;
    try {
      const first = stores(path);
      first.containers.create("a", web());
      first.database.close();
      const second = stores(path);
      expect(second.containers.get("a", "web").image).toBe("i");
      second.database.run("PRAGMA user_version = 999");
      second.database.close();
      expect(() => openDatabase(path)).toThrow("newer version");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe("containers", () => {
  test("are made once, per namespace, with both times", () => {
    const { containers } = stores();
    const made = containers.create("a", web());
    expect([made.createdAt?.seconds, made.createdAt?.nanos]).toEqual([5n, 1]);
    expect(() => containers.create("a", web())).toThrow("already exists");
    containers.create("b", web());
    containers.delete("a", "web");
    expect(() => containers.get("a", "web")).toThrow("not found");
    expect(() => containers.delete("a", "web")).toThrow("not found");
    expect(containers.list("b").length).toBe(1);
  });

  test("keep the time they were made when updated", () => {
    const { containers } = stores();
    containers.create("a", web());
    now += 1_000_000_000n;
    const after = containers.update("a", "web", (before) => ({ ...before, labels: { x: "y" } }));
    expect([after.createdAt?.seconds, after.updatedAt?.seconds, after.labels]).toEqual([5n, 6n, { x: "y" }]);
  });

  test("are checked: identifier, runtime, snapshotter, labels", () => {
    const { containers } = stores();
    const bad = [
      { id: "a/b" },
      { id: "" },
      { id: "a".repeat(77) },
      { runtime: { name: "" } },
      { snapshotKey: "k" },
    ];
    for (const part of [...bad, { labels: { k: "v".repeat(4096) } }]) {
      const container = create(ContainerSchema, { id: "web", runtime: { name: "r" }, ...part });
      expect(() => containers.create("a", container)).toThrow();
    }
    expect(containers.list("a")).toEqual([]);
  });
});

describe("namespaces", () => {
  test("exist by use, and stay while they hold something", () => {
    const { namespaces, containers } = stores();
    expect(namespaces.get("a").labels).toEqual({});
    containers.create("a", web());
    expect(namespaces.list().map(({ name }) => name)).toEqual(["a"]);
    expect(() => namespaces.delete("a")).toThrow("still has containers");
    containers.delete("a", "web");
    namespaces.delete("a");
    expect(() => namespaces.delete("a")).toThrow("not found");
  });
});

describe("leases", () => {
  test("hold resources, which go with them", () => {
    const { leases, database } = stores();
    const content = { type: "content", id: "sha256:x" };
    expect(() => leases.add("a", "l", content)).toThrow("not found");
    leases.create("a", "l", { "containerd.io/gc.expire": "x" });
    leases.add("a", "l", content);
    leases.add("a", "l", content);
    leases.add("a", "l", { type: "snapshots/overlayfs", id: "k" });
    expect(() => leases.add("a", "l", { type: "bottles", id: "k" })).toThrow("not supported");
    expect(leases.resources("a", "l")).toEqual([content, { type: "snapshots/overlayfs", id: "k" }]);
    leases.remove("a", "l", content);
    expect(leases.resources("a", "l").length).toBe(1);
    leases.delete("a", "l");
    expect(database.query("SELECT count(*) AS n FROM lease_resources").get()).toEqual({ n: 0n });
  });
});
