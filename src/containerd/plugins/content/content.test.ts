/** The content store over gRPC, as the genuine ctr uses it, and in process for what ctr cannot show. Needs root. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { systemClock } from "../../../lib/clock.ts";
import { codeOf } from "../../../lib/errors.ts";
import { contentNode, type Graph, type GraphNode, mark } from "../../core/gc.ts";
import { createContentRecords } from "../../metadata/content.ts";
import { openDatabase } from "../../metadata/database.ts";
import { createNamespaceStore } from "../../metadata/namespaces.ts";
import { createContentStore, type LocalContentStore } from "./store.ts";

const directory = mkdtempSync("/tmp/skiff-content-");
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array) => `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;

function openStore(root: string): LocalContentStore {
  const database = openDatabase(join(root, "metadata.db"));
  const records = createContentRecords(database, createNamespaceStore(database), systemClock);
  return createContentStore({ root, records, clock: systemClock });
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

const commit = { size: 0, expected: "", labels: {}, lease: "" };

describe("in process", () => {
  const store = openStore(directory);
  const open = (ref: string, expected = "") => store.open("a", { ref, total: 0, expected });

  test("what is written is read, whole and in ranges", async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    using ingest = await open("one");
    for (let at = 0; at < bytes.length; at += 7000) await ingest.write(bytes.subarray(at, at + 7000));
    const digest = await ingest.commit({ ...commit, labels: { a: "b" } });
    expect(digest).toBe(sha256(bytes));
    expect(await collect(store.read("a", digest, 0, 0))).toEqual(Buffer.from(bytes));
    expect(await collect(store.read("a", digest, 10, 20))).toEqual(Buffer.from(bytes.subarray(10, 30)));
    expect(store.info("a", digest).labels).toEqual({ a: "b" });
    expect(statSync(store.pathOf("a", digest)).mode & 0o777).toBe(0o444);
    expect(store.statuses("a")).toEqual([]);
  });

  test("an ingest that was let go is resumed where it ended", async () => {
    const first = await open("two");
    await first.write(Buffer.from("hello "));
    first.close();
    using second = await open("two");
    expect(second.status().offset).toBe(6);
    await second.write(Buffer.from("world"));
    expect(await second.commit(commit)).toBe(sha256(Buffer.from("hello world")));
  });

  test("one writer a ref; a wrong size or digest leaves no blob", async () => {
    using ingest = await open("three");
    expect(codeOf(await open("three").catch((error: unknown) => error))).toBe("unavailable");
    await ingest.write(Buffer.from("x"));
    for (const wrong of [{ size: 2 }, { expected: sha256(Buffer.from("y")) }]) {
      const error = await ingest.commit({ ...commit, ...wrong }).catch((reason: unknown) => reason);
      expect(codeOf(error)).toBe("failed_precondition");
    }
    expect(() => store.info("a", sha256(Buffer.from("x")))).toThrow("not found");
  });

  test("another namespace sees a blob once it has committed it, without sending it again", async () => {
    const digest = await store.put("a", Buffer.from("shared"), {}, "");
    expect(() => store.info("b", digest)).toThrow("not found");
    using ingest = await store.open("b", { ref: "r", total: 6, expected: digest });
    expect(ingest.status().offset).toBe(6);
    await ingest.commit({ ...commit, size: 6 });
    expect(store.info("b", digest).size).toBe(6);
    const again = await store.open("b", { ref: "s", total: 6, expected: digest }).catch((e: unknown) => e);
    expect(codeOf(again)).toBe("already_exists");
    store.delete("a", digest);
    store.sweep();
    expect(existsSync(store.pathOf("b", digest))).toBe(true);
    store.delete("b", digest);
    store.sweep();
    expect(readdirSync(join(directory, "io.containerd.content.v1.content/blobs/sha256"))).not.toContain(
      digest.slice(7),
    );
  });

  test.each(["sha256:../../x", "sha256:xyz", "md5:0", ""])("%p is no digest and no path", (digest) => {
    expect(() => store.info("a", digest)).toThrow();
    expect(() => store.pathOf("a", digest)).toThrow();
  });
});

describe("genuine ctr", () => {
  const home = join(directory, "daemon");
  const address = join(directory, "c.sock");
  let daemon: Bun.Subprocess;
  const ctr = async (...args: string[]) => {
    const child = Bun.spawn(["ctr", "-a", address, ...args], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
    return { code: await child.exited, out: Buffer.from(out), err };
  };
  const start = async () => {
    const flags = ["--address", address, "--root", join(home, "root"), "--state", join(home, "state")];
    const main = join(import.meta.dir, "../../../main.ts");
    daemon = Bun.spawn([process.execPath, main, "skiff-containerd", ...flags], { stderr: "ignore" });
    for (let tries = 0; tries < 400 && (await ctr("version")).code !== 0; tries++) await Bun.sleep(25);
  };
  beforeAll(start);
  afterAll(async () => {
    daemon.kill("SIGTERM");
    await daemon.exited;
  });

  test("ingest, list, label, get and remove 100 MB", async () => {
    const path = join(directory, "big");
    const bytes = Buffer.alloc(100 * 1024 * 1024, "skiff");
    writeFileSync(path, bytes);
    const digest = sha256(bytes);
    const ingest = Bun.spawn(["ctr", "-a", address, "content", "ingest", "big"], { stdin: Bun.file(path) });
    expect(await ingest.exited).toBe(0);
    expect((await ctr("content", "ls", "-q")).out.toString()).toBe(`${digest}\n`);
    expect((await ctr("content", "label", digest, "containerd.io/gc.root=now")).code).toBe(0);
    const got = await ctr("content", "get", digest);
    expect(got.out.equals(bytes)).toBe(true);
    expect((await ctr("content", "rm", digest)).code).toBe(0);
    expect((await ctr("content", "get", digest)).err).toContain("not found");
  });

  test("an ingest survives SIGKILL of the daemon", async () => {
    const child = Bun.spawn(["ctr", "-a", address, "content", "ingest", "half"], {
      stdin: "pipe",
      stderr: "ignore",
    });
    child.stdin.write(Buffer.alloc(3 * 1024 * 1024, "x"));
    await child.stdin.flush();
    while (!(await ctr("content", "active")).out.toString().includes("half")) await Bun.sleep(50);
    daemon.kill("SIGKILL");
    child.kill();
    await Promise.all([daemon.exited, child.exited]);
    await start();
    expect((await ctr("content", "active")).out.toString()).toContain("half");
  });
});

describe("marking", () => {
  /** Nodes 0…n-1; an edge a→b is a label of a; the roots are some numbers. */
  const graphs = fc.integer({ min: 1, max: 12 }).chain((size) => {
    const number = fc.integer({ min: 0, max: size - 1 });
    return fc.tuple(
      fc.constant(size),
      fc.array(fc.tuple(number, number), { maxLength: 30 }),
      fc.array(number),
    );
  });

  test("finds what a naive search finds", () => {
    fc.assert(
      fc.property(graphs, ([size, edges, rooted]) => {
        const nodes = Array.from({ length: size }, (_, at): GraphNode => {
          const own = edges.filter(([from]) => from === at);
          const labels = own.map(([, to], i) => [`containerd.io/gc.ref.content.${i}`, String(to)]);
          const node = contentNode("n", String(at));
          return {
            node,
            namespace: "n",
            snapshotter: "",
            id: String(at),
            labels: Object.fromEntries(labels),
            parent: undefined,
          };
        });
        const roots = rooted.map((at) => ({
          namespace: "n",
          labels: {},
          needs: [contentNode("n", String(at))],
        }));
        const graph: Graph = { roots, nodes };
        const reached = new Set(rooted);
        for (let round = 0; round < size; round++)
          for (const [from, to] of edges) if (reached.has(from)) reached.add(to);
        expect([...mark(graph)].sort()).toEqual(
          [...reached].map((at) => contentNode("n", String(at))).sort(),
        );
      }),
    );
  });
});
