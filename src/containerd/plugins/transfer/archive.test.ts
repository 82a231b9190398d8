import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { codeOf } from "../../../lib/errors.ts";
import { archiveEntries } from "./archive-reader.ts";
import { archiveFile, archiveFolder, archiveTrailer } from "./archive-writer.ts";
import { decompressed } from "./decompress.ts";

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: AsyncIterable<Uint8Array>, skip = false) {
  const found: Record<string, string> = {};
  for await (const entry of archiveEntries(bytes)) {
    const pieces: Uint8Array[] = [];
    if (!skip) for await (const piece of entry.body) pieces.push(piece);
    found[`${entry.kind} ${entry.name}`] = entry.linkName || Buffer.concat(pieces).toString();
  }
  return found;
}

const LONG = `${"d".repeat(90)}/${"e".repeat(120)}/${"f".repeat(200)}`;

describe("archive", () => {
  for (const format of ["ustar", "gnu", "pax"])
    for (const compress of ["", "--gzip", "--zstd"])
      test(`GNU tar's ${format} ${compress}`, async () => {
        const dir = mkdtempSync("/tmp/skiff-archive-");
        try {
          const name = format === "ustar" ? "long/name" : LONG;
          mkdirSync(join(dir, name, ".."), { recursive: true });
          writeFileSync(join(dir, name), "x".repeat(5000));
          writeFileSync(join(dir, "empty"), "");
          symlinkSync("../target", join(dir, "link"));
          const options = [`--format=${format}`, ...(compress === "" ? [] : [compress])];
          const tar = Bun.spawnSync(["tar", "-C", dir, ...options, "-cf", "-", name, "empty", "link"]);
          const expected = {
            [`file ${name}`]: "x".repeat(5000),
            "file empty": "",
            "symlink link": "../target",
          };
          for (const size of [1, 511, 513, 1 << 20])
            expect(await read(decompressed(inPieces(tar.stdout, size)))).toEqual(expected);
          const names = Object.keys(await read(decompressed(inPieces(tar.stdout, 700)), true));
          expect(names).toEqual(Object.keys(expected));
        } finally {
          rmSync(dir, { recursive: true });
        }
      });

  test("what we write, GNU tar and we read", async () => {
    const { header, padding } = archiveFile("blobs/sha256/x", 0o444, 5);
    const tar = Buffer.concat([
      ...[archiveFolder("blobs/", 0o755), header, Buffer.from("hello"), padding, archiveTrailer()],
    ]);
    const listed = Bun.spawnSync(["tar", "-tvf", "-"], { stdin: tar });
    expect(listed.stdout.toString()).toMatch(
      /drwxr-xr-x 0\/0 .* blobs\/\n-r--r--r-- 0\/0 .* blobs\/sha256\/x\n/,
    );
    expect(await read(inPieces(tar, 100))).toEqual({ "other blobs/": "", "file blobs/sha256/x": "hello" });
  });

  test("broken archives are errors", async () => {
    const { header } = archiveFile("a", 0o644, 600);
    await expect(read(inPieces(header, 512))).rejects.toThrow("unexpected EOF");
    await expect(read(inPieces(header.subarray(0, 100), 512))).rejects.toThrow("unexpected EOF");
    header[0] = 0x62;
    await expect(read(inPieces(header, 512))).rejects.toThrow("invalid tar header");
    await expect(
      read(decompressed(inPieces(Buffer.from([0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8]), 3))),
    ).rejects.toThrow("archive:");
  });

  test("any bytes end in an answer", async () => {
    const seed = Buffer.concat([
      archiveFile("name", 0o644, 3).header,
      Buffer.alloc(512, "abc"),
      archiveTrailer(),
    ]);
    const spoiled = fc.array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        spoiled,
        fc.integer({ min: 1, max: 700 }),
        fc.boolean(),
        async (changes, size, fix) => {
          const bytes = Buffer.from(seed);
          for (const [at, value] of changes) bytes[at] = value;
          // With its checksum mended more of the parser is reached.
          if (fix) {
            bytes.fill(" ", 148, 156);
            const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
            bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
          }
          try {
            await read(inPieces(bytes, size));
          } catch (error) {
            expect(codeOf(error)).toBe("invalid_argument");
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
