/** What only shows from inside: the child processes, and their blobs' compressions. Whole layers: services/diff.test.ts. Needs root. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { sha256Of } from "../../../lib/digest.ts";
import { randomIds } from "../../../lib/ids.ts";
import type { ContentStore } from "../../core/content.ts";
import { createDiffer } from "./differ.ts";
import type { LayerRequest } from "./protocol.ts";

/** The machine may be busy. */
setDefaultTimeout(60_000);
const directory = mkdtempSync("/tmp/skiff-differs-");
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const MAIN = join(import.meta.dir, "../../../main.ts");

/** `skiff-containerd layer` as it is started. */
async function layer(request: LayerRequest): Promise<{ plain: Uint8Array; reports: string }> {
  const command = [process.execPath, MAIN, "skiff-containerd", "layer", JSON.stringify(request)];
  const reports = join(directory, "reports");
  writeFileSync(reports, "");
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit", Bun.file(reports)] });
  const plain = await child.stdout.bytes();
  await child.exited;
  return { plain, reports: readFileSync(reports, "utf8") };
}

let blobs = 0;
function blobOf(...parts: readonly Uint8Array[]) {
  const bytes = Buffer.concat(parts);
  const path = join(directory, `blob-${blobs++}`);
  writeFileSync(path, bytes);
  return { path, digest: sha256Of(bytes), size: bytes.length };
}

describe("inflate", () => {
  const text = Buffer.from("some bytes ".repeat(100_000));
  const [head, tail] = [text.subarray(0, 1000), text.subarray(1000)];
  const skippable = Buffer.from("502a4d180400000061626364", "hex");

  test.each([
    ["as it is", blobOf(text)],
    ["gzip", blobOf(gzipSync(text))],
    ["gzip in members, as eStargz and pigz write it", blobOf(gzipSync(head), gzipSync(tail))],
    ["zstd", blobOf(zstdCompressSync(text))],
    ["zstd in frames", blobOf(zstdCompressSync(head), zstdCompressSync(tail))],
    ["zstd with frames to skip, as zstd:chunked", blobOf(skippable, zstdCompressSync(text), skippable)],
  ])("%s", async (_, blob) => {
    const { plain, reports } = await layer({ verb: "inflate", blob });
    expect(reports).toBe("");
    expect(Buffer.from(plain).equals(text)).toBe(true);
  });

  test.each([
    ["cut", blobOf(gzipSync(text).subarray(0, 500)), "unexpected end of file"],
    ["followed by other things", blobOf(gzipSync(text), Buffer.from("more")), "decompress layer"],
    ["another blob", { ...blobOf(gzipSync(text)), digest: sha256Of(text) }, "read sha256:"],
    ["longer than it should be", { ...blobOf(text), size: 5 }, "of 5 bytes"],
  ])("%s: data_loss", async (_, blob, words) => {
    const { reports } = await layer({ verb: "inflate", blob });
    expect(JSON.parse(reports.trim())).toMatchObject({
      code: "data_loss",
      error: expect.stringContaining(words),
    });
  });
});

test("a child does not outlive who started it", async () => {
  const fifo = join(directory, "fifo");
  expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
  const request = { verb: "inflate", blob: { path: fifo, digest: "", size: 0 } };
  const script = `"$0" "$1" skiff-containerd layer "$2" 3>/dev/null & echo $!; wait`;
  const parent = Bun.spawn(["sh", "-c", script, process.execPath, MAIN, JSON.stringify(request)], {
    stdout: "pipe",
  });
  const { value } = await parent.stdout.getReader().read();
  const status = `/proc/${new TextDecoder().decode(value).trim()}/wchan`;
  const waiting = () => existsSync(status) && /wait_for_partner|fifo|pipe/.test(readFileSync(status, "utf8"));
  for (let tries = 0; tries < 400 && !waiting(); tries++) await Bun.sleep(25);
  expect(existsSync(status)).toBe(true);
  parent.kill("SIGKILL");
  await parent.exited;
  for (let tries = 0; tries < 400 && existsSync(status); tries++) await Bun.sleep(25);
  expect(existsSync(status)).toBe(false);
});

test("directories to mount on that a killed containerd left are removed", () => {
  const root = join(directory, "root");
  mkdirSync(join(root, "tmpmounts/layer-x"), { recursive: true });
  createDiffer({ content: {} as ContentStore, ids: randomIds, root });
  expect(readdirSync(join(root, "tmpmounts"))).toEqual([]);
});
