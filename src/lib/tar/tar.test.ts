/** The system's tar as oracle both ways, properties, and archives that lie. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { codeOf } from "../errors.ts";
import type { TarEntry } from "./entry.ts";
import { formatTime, parseTime } from "./numbers.ts";
import { formatPax, parsePax } from "./pax.ts";
import { TarReader } from "./reader.ts";
import { encodeEntry, paddingOf, TRAILER } from "./writer.ts";

const directory = mkdtempSync("/tmp/skiff-tar-");
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Read {
  readonly entry: TarEntry;
  readonly data: Buffer;
}

function readAll(bytes: Uint8Array, step = bytes.length || 1): Read[] {
  const found: Read[] = [];
  let parts: Buffer[] = [];
  let current: TarEntry;
  const reader = new TarReader({
    entry(entry) {
      current = entry;
      parts = [];
    },
    data: (piece) => void parts.push(Buffer.from(piece)),
    hole: (bytes) => void parts.push(Buffer.alloc(bytes)),
    end: () => void found.push({ entry: current, data: Buffer.concat(parts) }),
  });
  for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
  reader.finish();
  return found;
}

const PLAIN: TarEntry = {
  ...{ name: "a", type: "file", mode: 0o644, uid: 0, gid: 0, size: 0, modifiedNs: 0n, linkName: "" },
  ...{ major: 0, minor: 0, xattrs: new Map() },
};

function writeAll(entries: readonly { readonly entry: TarEntry; readonly data: Uint8Array }[]): Buffer {
  return Buffer.concat([
    ...entries.flatMap(({ entry, data }) => [encodeEntry(entry), Buffer.from(data), paddingOf(data.length)]),
    TRAILER,
  ]);
}

const name = fc
  .array(fc.string({ minLength: 1, maxLength: 120, unit: "binary" }), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.map((part) => part.replace(/[\0/\ud800-\udfff]/g, "x")).join("/"));
const data = fc.uint8Array({ maxLength: 1500 });
const file = fc.record({
  name,
  data,
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 0xffff_fffe }),
  gid: fc.integer({ min: 0, max: 0xffff_fffe }),
  modifiedNs: fc.bigInt({ min: -(10n ** 18n), max: 10n ** 19n }),
  xattrs: fc.dictionary(fc.stringMatching(/^user\.[a-z]{1,9}$/), fc.uint8Array({ maxLength: 50 }), {
    maxKeys: 3,
  }),
});

describe("roundtrip", () => {
  test("what is written is read, however it is cut", () => {
    fc.assert(
      fc.property(fc.array(file, { maxLength: 5 }), fc.integer({ min: 1, max: 2000 }), (files, step) => {
        const entries = files.map(({ data, xattrs, ...rest }) => ({
          entry: { ...PLAIN, ...rest, size: data.length, xattrs: new Map(Object.entries(xattrs)) },
          data,
        }));
        const read = readAll(writeAll(entries), step);
        expect(read.map(({ data }) => [...data])).toEqual(entries.map(({ data }) => [...data]));
        for (const [at, { entry }] of read.entries()) {
          const want = entries[at]!.entry;
          expect({ ...entry, type: "file", xattrs: 0 }).toEqual({ ...want, type: "file", xattrs: 0 });
          expect([...entry.xattrs.keys()].sort()).toEqual([...want.xattrs.keys()].sort());
        }
      }),
    );
  });

  test("pax records and times", () => {
    const record = fc.tuple(fc.stringMatching(/^[a-zA-Z.]{1,20}$/), fc.uint8Array({ maxLength: 1200 }));
    fc.assert(
      fc.property(fc.uniqueArray(record, { selector: ([key]) => key, maxLength: 6 }), (records) => {
        expect([...parsePax(formatPax(records))]).toEqual(records.map(([k, v]) => [k, Uint8Array.from(v)]));
      }),
    );
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), (ns) => {
        expect(parseTime(formatTime(ns))).toBe(ns);
      }),
    );
  });
});

describe("the system's tar", () => {
  const long = `${"d".repeat(90)}/${"e".repeat(120)}`;

  test.each(["ustar", "gnu", "pax", "v7", "oldgnu"])("reads its %s archives", (format) => {
    const tree = join(directory, format);
    const deep = ["gnu", "pax", "oldgnu"].includes(format) ? `${long}/${"f".repeat(200)}` : "short";
    mkdirSync(join(tree, deep, ".."), { recursive: true });
    writeFileSync(join(tree, deep), "deep");
    writeFileSync(join(tree, "big"), Buffer.alloc(3000, "b"));
    const fill = `cd ${tree}; chown 1234:4321 big; chmod 4755 big; ln big hard; ln -s /etc/hostname soft; touch -d @1000000000.5 big
      [ ${format} = v7 ] || { mkfifo fifo; mknod null c 1 3; }`;
    expect(Bun.spawnSync(["sh", "-ec", fill]).exitCode).toBe(0);
    const made = Bun.spawnSync(["tar", "-C", tree, "--sort=name", `--format=${format}`, "-cf", "-", "."]);
    const found = new Map(readAll(made.stdout).map((read) => [read.entry.name, read]));
    const big = found.get("./big")!.entry;
    expect(big).toMatchObject({ type: "file", mode: 0o4755, uid: 1234, gid: 4321, size: 3000 });
    expect(big.modifiedNs).toBe(1_000_000_000n * 10n ** 9n + (format === "pax" ? 500_000_000n : 0n));
    expect(found.get("./hard")!.entry).toMatchObject({ type: "link", linkName: "./big" });
    expect(found.get("./soft")!.entry).toMatchObject({ type: "symlink", linkName: "/etc/hostname" });
    expect(found.get(`./${deep}`)!.data.toString()).toBe("deep");
    expect(found.get("./")!.entry.type).toBe("dir");
    if (format !== "v7")
      expect(found.get("./null")!.entry).toMatchObject({ type: "char", major: 1, minor: 3 });
  });

  test.each(["gnu", "0.0", "0.1", "1.0"])("reads its sparse files: %s", (version) => {
    const tree = join(directory, `sparse-${version}`);
    mkdirSync(tree);
    const holes = `truncate -s 3M end; printf start | dd of=end conv=notrunc status=none; truncate -s 1M empty
      i=0; while [ $i -lt 60 ]; do printf "part $i" | dd of=many bs=1 seek=$((i * 65536 + 100)) conv=notrunc status=none; i=$((i+1)); done; : >none`;
    expect(Bun.spawnSync(["sh", "-ec", holes], { cwd: tree }).exitCode).toBe(0);
    const format = version === "gnu" ? ["--format=gnu"] : ["--format=pax", `--sparse-version=${version}`];
    const made = Bun.spawnSync(["tar", "-C", tree, "-S", ...format, "--sort=name", "-cf", "-", "."]);
    expect(made.stdout.length).toBeLessThan(1_000_000);
    for (const step of [10_240, 777]) {
      const found = readAll(made.stdout, step).filter(({ entry }) => entry.type === "file");
      expect(found.map(({ entry }) => entry.name).sort()).toEqual(["./empty", "./end", "./many", "./none"]);
      for (const { entry, data } of found) {
        expect(entry.size).toBe(data.length);
        expect(data.equals(readFileSync(join(tree, entry.name)))).toBe(true);
      }
    }
  });

  test("reads what we write", () => {
    const names = ["plain", `${long}/file`, "n".repeat(150), "ünïcödé"];
    const entries = names.map((name) => ({
      entry: { ...PLAIN, name, size: 5, uid: 3_000_000_000, modifiedNs: 1_500_000_000_250_000_000n },
      data: Buffer.from("hello"),
    }));
    const path = join(directory, "ours.tar");
    writeFileSync(path, writeAll(entries));
    const listed = Bun.spawnSync(["tar", "--quoting-style=literal", "-tf", path]);
    expect(listed.stdout.toString().trimEnd().split("\n")).toEqual(names);
    const into = join(directory, "ours");
    mkdirSync(into);
    expect(Bun.spawnSync(["tar", "-C", into, "-xf", path]).exitCode).toBe(0);
    expect(readFileSync(join(into, long, "file"), "utf8")).toBe("hello");
    expect(Bun.spawnSync(["stat", "-c", "%u %.Y", join(into, "plain")]).stdout.toString()).toContain(
      "3000000000",
    );
  });
});

describe("archives that lie", () => {
  test("any bytes are read or refused with a code", () => {
    const whole = writeAll([{ entry: { ...PLAIN, size: 700 }, data: Buffer.alloc(700) }]);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: whole.length - 1 }),
        fc.uint8Array({ maxLength: 40 }),
        (at, noise) => {
          const bytes = Buffer.from(whole);
          bytes.set(noise.subarray(0, bytes.length - at), at);
          try {
            readAll(bytes, 100);
          } catch (error) {
            expect(codeOf(error)).not.toBe("unknown");
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("sparse maps that overlap, leave the file or do not add up", () => {
    const at = (map: string, size = 8) => {
      const records = { "GNU.sparse.map": map, "GNU.sparse.size": "100", path: "a" };
      const body = formatPax(Object.entries(records).map(([key, value]) => [key, Buffer.from(value)]));
      const pax = Buffer.from(encodeEntry({ ...PLAIN, name: "x", size: body.length }));
      pax.write("x", 156);
      const sum = pax.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
      pax.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
      const parts = [pax, body, paddingOf(body.length), encodeEntry({ ...PLAIN, size })];
      return readAll(Buffer.concat([...parts, Buffer.alloc(size, "d"), paddingOf(size), TRAILER]));
    };
    expect(at("0,4,96,4")[0]!.data.toString("latin1")).toBe(`dddd${"\0".repeat(92)}dddd`);
    for (const map of ["0,4,2,4", "96,4,0,4", "0,4,97,4", "0,4", "0,4,8", "a,8", "0,9", "0,4,8,4,16,0,1"])
      expect(() => at(map)).toThrow("sparse");
  });

  test("what Go's reader does not see is not seen", () => {
    const one = writeAll([{ entry: { ...PLAIN, name: "one" }, data: new Uint8Array() }]).subarray(0, 512);
    // One block of zeros is no end.
    expect(() => readAll(Buffer.concat([one, Buffer.alloc(512), one]))).toThrow("invalid tar header");
    expect(readAll(Buffer.concat([one, Buffer.alloc(512)])).length).toBe(1);
    expect(readAll(Buffer.concat([one, TRAILER, one])).length).toBe(1);
    const body = formatPax([["path", Buffer.from("global")]]);
    const global = Buffer.from(encodeEntry({ ...PLAIN, name: "g", size: body.length }));
    global.write("g", 156);
    const sum = global.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
    global.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    const whole = Buffer.concat([global, body, paddingOf(body.length), one, TRAILER]);
    expect(readAll(whole)[0]!.entry.name).toBe("one");
  });

  test("cut short", () => {
    const whole = writeAll([{ entry: { ...PLAIN, size: 700 }, data: Buffer.alloc(700) }]);
    for (const length of [100, 512, 900, 1000])
      expect(() => readAll(whole.subarray(0, length))).toThrow("EOF");
  });

  test.each(["0 a=b\n", "5 a=b\n", "99 a=b\n", "x a=b\n", "6 a=b ", "3 =\n"])("pax %p", (record) => {
    expect(() => parsePax(Buffer.from(record))).toThrow("malformed");
  });
});
