/** A hostile container's archive stays below the directory it was asked for. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { TarEntry } from "../../../lib/tar/entry.ts";
import { encodeEntry, paddingOf, TRAILER } from "../../../lib/tar/writer.ts";
import { unpackBelow } from "./unpack.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync("/tmp/skiff-unpack-");
  mkdirSync(join(dir, "target"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const PLAIN = { mode: 0o644, uid: 0, gid: 0, modifiedNs: 0n, major: 0, minor: 0, xattrs: new Map() };
type Draft = Pick<TarEntry, "name" | "type"> & { readonly text?: string; readonly linkName?: string };

async function* archive(...drafts: readonly Draft[]): AsyncGenerator<Uint8Array> {
  for (const { name, type, text = "", linkName = "" } of drafts) {
    const data = Buffer.from(text);
    yield encodeEntry({ ...PLAIN, name, type, linkName, size: data.length });
    yield data;
    yield paddingOf(data.length);
  }
  yield TRAILER;
}

const unpack = (from: string, to: string, ...drafts: readonly Draft[]) =>
  unpackBelow(archive(...drafts), { directory: join(dir, "target"), from, to, keepOwners: false });

test("the first name becomes ours, with its hard links", async () => {
  await unpack(
    ...(["src", "dst"] as const),
    { name: "src/", type: "dir" },
    { name: "src/a", type: "file", text: "a" },
    { name: "src/b", type: "link", linkName: "src/a" },
    { name: "src/c", type: "symlink", linkName: "src/a" },
  );
  expect(readdirSync(join(dir, "target/dst")).sort()).toEqual(["a", "b", "c"]);
  expect(readFileSync(join(dir, "target/dst/b"), "utf8")).toBe("a");
  expect(readlinkSync(join(dir, "target/dst/c"))).toBe("src/a");
});

test("no name leads out", async () => {
  for (const name of ["../evil", "src/../../evil", `${dir}/evil`])
    await unpack("src", "dst", { name, type: "file", text: "evil" }).catch(() => undefined);
  expect(existsSync(join(dir, "evil"))).toBe(false);
});

test("no link of the archive's own is a way out", async () => {
  mkdirSync(join(dir, "victim"));
  for (const linkName of [join(dir, "victim"), "../../victim"]) {
    const drafts: Draft[] = [
      { name: "src", type: "symlink", linkName },
      { name: "src/evil", type: "file", text: "evil" },
    ];
    await unpack("src", "dst", ...drafts).catch(() => undefined);
    await unpack("x", "y", ...drafts).catch(() => undefined);
  }
  expect(readdirSync(join(dir, "victim"))).toEqual([]);
});
