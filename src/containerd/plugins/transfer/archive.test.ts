import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { codeOf } from "../../../lib/errors.ts";
import { encodeEntry, TRAILER } from "../../../lib/tar/writer.ts";
import { archiveEntries } from "./archive-reader.ts";
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

const file = (name: string, size: number) =>
  encodeEntry({
    ...{ name, type: "file", mode: 0o644, size, uid: 0, gid: 0, modifiedNs: 0n, linkName: "" },
    ...{ major: 0, minor: 0, xattrs: new Map() },
  });

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

  test("broken archives are errors", async () => {
    const header = Buffer.from(file("a", 600));
    await expect(read(inPieces(header, 512))).rejects.toThrow("unexpected EOF");
    await expect(read(inPieces(header.subarray(0, 100), 512))).rejects.toThrow("unexpected EOF");
    header[0] = 0x62;
    await expect(read(inPieces(header, 512))).rejects.toThrow("invalid tar header");
    const gzip = Buffer.from([0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8]);
    await expect(read(decompressed(inPieces(gzip, 3)))).rejects.toThrow("archive:");
  });

  test("any bytes end in an answer", async () => {
    const seed = Buffer.concat([file("name", 3), Buffer.alloc(512, "abc"), TRAILER]);
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
            expect(["invalid_argument", "data_loss", "resource_exhausted", "unimplemented"]).toContain(
              codeOf(error),
            );
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
