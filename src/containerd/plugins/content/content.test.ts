/** The content store over gRPC, as the genuine ctr uses it, and in process for what ctr cannot show. Needs root. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../lib/clock.ts";
import { codeOf } from "../../../lib/errors.ts";
import { createContentRecords } from "../../metadata/content.ts";
import { openDatabase } from "../../metadata/database.ts";
import { createLeaseStore, type LeaseStore } from "../../metadata/leases.ts";
import { createNamespaceStore } from "../../metadata/namespaces.ts";
import { createContentStore, type LocalContentStore } from "./store.ts";

const directory = mkdtempSync("/tmp/skiff-content-");
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array) => `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;

function openStore(root: string): LocalContentStore & { leases: LeaseStore } {
  const database = openDatabase(join(root, "metadata.db"));
  const namespaces = createNamespaceStore(database);
  const leases = createLeaseStore(database, namespaces, systemClock);
  const records = createContentRecords(database, namespaces, systemClock);
  return Object.assign(createContentStore({ root, records, clock: systemClock }), { leases });
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

  test("a lease holds what it asked for, although it was there already", async () => {
    const bytes = Buffer.from("held");
    const digest = await store.put("a", bytes, {}, "");
    for (const id of ["early", "late"]) store.leases.create("a", id, {});
    const leased = store.open("a", { ref: "r2", total: 0, expected: digest, lease: "early" });
    expect(codeOf(await leased.catch((error: unknown) => error))).toBe("already_exists");
    using unnamed = await open("r3");
    await unnamed.write(bytes);
    const late = unnamed.commit({ ...commit, lease: "late" });
    expect(codeOf(await late.catch((error: unknown) => error))).toBe("already_exists");
    for (const id of ["early", "late"])
      expect(store.leases.resources("a", id)).toEqual([{ type: "content", id: digest }]);
  });

  test("a shared blob stays while somebody is about to commit it; started again it is sent as any other", async () => {
    const bytes = Buffer.from("about to be shared");
    const digest = await store.put("a", bytes, {}, "");
    const request = { total: 0, expected: digest };
    using kept = await store.open("b", { ...request, ref: "kept" });
    using again = await store.open("b", { ...request, ref: "again" });
    using other = await store.open("b", { ref: "other", total: 1, expected: digest });
    expect([kept, again, other].map((ingest) => ingest.status().offset)).toEqual([18, 18, 0]);
    store.delete("a", digest);
    store.sweep();
    await again.truncate(0);
    await again.write(Buffer.from("something else"));
    expect(codeOf(await again.commit({ ...commit, expected: digest }).catch((e: unknown) => e))).toBe(
      "failed_precondition",
    );
    again.close();
    await kept.commit(commit);
    expect(await store.readAll("b", digest, 100)).toEqual(bytes);
    store.delete("b", digest);
    store.sweep();
    expect(
      existsSync(join(directory, "io.containerd.content.v1.content/blobs/sha256", digest.slice(7))),
    ).toBe(false);
  });

  test("ranges end where the blob ends", async () => {
    const digest = await store.put("a", Buffer.from("0123456789"), {}, "");
    const read = async (offset: number, size: number) =>
      (await collect(store.read("a", digest, offset, size))).toString();
    expect([await read(8, 100), await read(10, 0), await read(-5, 2)]).toEqual(["89", "", "01"]);
    expect(codeOf(await read(11, 0).catch((error: unknown) => error))).toBe("out_of_range");
  });

  test("an ingest aborted under its writer cannot be committed, and its ref is free again", async () => {
    {
      using ingest = await open("aborted");
      await ingest.write(Buffer.from("x"));
      store.abort("a", "aborted");
      expect(codeOf(await ingest.commit(commit).catch((error: unknown) => error))).toBe("not_found");
    }
    using next = await open("aborted");
    expect(next.status().offset).toBe(0);
    store.abort("a", "aborted");
  });

  test("what nobody has touched for a day goes, what is written now stays", async () => {
    const day = 25 * 3600;
    const old = new Date(Date.now() - day * 1000);
    (await open("forgotten")).close();
    using busy = await open("busy");
    for (const ref of ["a/forgotten", "a/busy"]) {
      const name = new Bun.CryptoHasher("sha256").update(ref).digest("hex");
      utimesSync(join(directory, "io.containerd.content.v1.content/ingest", name, "data"), old, old);
    }
    store.sweep();
    const refs = store.statuses("a").map(({ ref }) => ref);
    expect([refs.includes("forgotten"), refs.includes(busy.ref)]).toEqual([false, true]);
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
    // The collection that follows a start is over with this: what the tests make has no root.
    await ctr("leases", "create", "--id", "l");
    expect(await ctr("leases", "rm", "--sync", "l")).toMatchObject({ code: 0 });
  };
  beforeAll(start, 60_000);
  afterAll(async () => {
    daemon.kill("SIGTERM");
    await daemon.exited;
  }, 60_000);

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
  }, 60_000);

  test("an ingest survives SIGKILL of the daemon and is resumed where it ended", async () => {
    const bytes = Buffer.alloc(8 * 1024 * 1024, "resumed");
    const digest = sha256(bytes);
    const args = ["ctr", "-a", address, "content", "ingest", "--expected-digest", digest, "half"];
    const child = Bun.spawn(args, { stdin: "pipe", stderr: "ignore" });
    child.stdin.write(bytes.subarray(0, 3 * 1024 * 1024));
    await child.stdin.flush();
    while (!(await ctr("content", "active")).out.toString().includes("half")) await Bun.sleep(50);
    daemon.kill("SIGKILL");
    child.kill();
    await Promise.all([daemon.exited, child.exited]);
    await start();
    expect((await ctr("content", "active")).out.toString()).toContain("half");
    const again = Bun.spawn(args, { stdin: bytes, stderr: "pipe" });
    expect([await again.exited, await again.stderr.text()]).toEqual([0, ""]);
    expect((await ctr("content", "get", digest)).out.equals(bytes)).toBe(true);
    expect((await ctr("content", "active")).out.toString()).not.toContain("half");
  }, 60_000);
});
