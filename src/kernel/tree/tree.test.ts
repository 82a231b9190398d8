/** Packing and unpacking against the system's tar; and archives that want out of their tree, each beside its innocent twin. Needs root. */
import { afterAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { TarEntry } from "../../lib/tar/entry.ts";
import { TarReader } from "../../lib/tar/reader.ts";
import { O } from "../constants.ts";
import { linuxKernel } from "../linux.ts";
import { Extractor } from "./extract.ts";
import { packTree } from "./pack.ts";
import { cleanName } from "./paths.ts";
import { namesIn, removeTree } from "./remove.ts";

const directory = mkdtempSync("/tmp/skiff-tree-");
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let trees = 0;
function freshTree(): string {
  const path = join(directory, `tree-${trees++}`);
  mkdirSync(path);
  return path;
}

function withRoot<T>(path: string, body: (fd: number) => T): T {
  const fd = linuxKernel.openat(-100, path, O.RDONLY | O.DIRECTORY, 0);
  try {
    return body(fd);
  } finally {
    linuxKernel.close(fd);
  }
}

function unpack(path: string, archive: Uint8Array, whiteouts = true): void {
  withRoot(path, (fd) => {
    using extractor = new Extractor(linuxKernel, fd, { whiteouts });
    const reader = new TarReader(extractor);
    reader.push(archive);
    reader.finish();
    extractor.finish();
  });
}

const PLAIN: TarEntry = {
  ...{ name: "a", type: "file", mode: 0o644, uid: 0, gid: 0, size: 0, modifiedNs: 0n, linkName: "" },
  ...{ major: 0, minor: 0, xattrs: new Map() },
};

function unpackEntries(
  path: string,
  entries: readonly (Partial<TarEntry> & { readonly text?: string })[],
  lowers?: readonly number[],
): void {
  withRoot(path, (fd) => {
    using extractor = new Extractor(linuxKernel, fd, { whiteouts: true, ...(lowers && { lowers }) });
    for (const { text = "", ...entry } of entries) {
      extractor.entry({ ...PLAIN, ...entry, size: text.length });
      if ((entry.type ?? "file") === "file") {
        extractor.data(Buffer.from(text));
        extractor.end();
      }
    }
    extractor.finish();
  });
}

const ODD = `
mkdir -p sub/deep empty; echo one >sub/one; ln sub/one two; ln -s /etc/passwd soft; ln -s ../nowhere sub/broken
mknod null c 1 3; mkfifo pipe; echo caps >caps; setcap cap_net_raw+ep caps; setfattr -n user.skiff -v boat two
chown 1234:4321 sub two; chmod 4755 caps; chmod 1777 empty; touch -d @1000000000.25 caps; touch -d @1100000000 sub empty; touch -h -d @1200000000 soft
setcap cap_net_raw+ep caps`;
const CENSUS = `find . -mindepth 1 -printf '%p %y %m %U %G %T@ %n %l %s\\n' | sed -E 's/(sub\\/deep|sub|empty) d/\\1 d/' | sort
  find . -type c -exec stat -c '%n %t:%T' {} +; getfattr -R -h -d -m 'user\\.|security\\.' . 2>/dev/null`;
const census = (path: string) =>
  Bun.spawnSync(["sh", "-c", CENSUS], { cwd: path })
    .stdout.toString()
    .replace(/ d (\\d+ \\d+ \\d+ [\\d.]+) \\d+ {2}\\d+/g, " d $1");

describe("against the system's tar", () => {
  test("a tree goes through both and stays the same", () => {
    const source = freshTree();
    expect(Bun.spawnSync(["sh", "-ec", ODD], { cwd: source }).exitCode).toBe(0);
    const wanted = census(source);
    const packed = withRoot(source, (fd) =>
      Buffer.concat([...packTree(linuxKernel, fd, { prefix: "", overlay: false, includeRoot: true })]),
    );
    const ours = freshTree();
    unpack(ours, packed);
    expect(census(ours)).toBe(wanted);
    const theirs = freshTree();
    const tar = ["tar", "-C", theirs, "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", "-"];
    expect(Bun.spawnSync(tar, { stdin: packed }).exitCode).toBe(0);
    expect(census(theirs)).toBe(wanted);
    const system = Bun.spawnSync([
      "tar",
      "-C",
      source,
      "--xattrs",
      "--xattrs-include=*",
      "--format=pax",
      "-cf",
      "-",
      ".",
    ]);
    const again = freshTree();
    unpack(again, system.stdout);
    expect(census(again)).toBe(wanted);
  });

  test("holes stay holes", () => {
    const source = freshTree();
    const make = "truncate -s 50M big; printf end | dd of=big bs=1 seek=40000000 conv=notrunc status=none";
    expect(Bun.spawnSync(["sh", "-ec", make], { cwd: source }).exitCode).toBe(0);
    const { stdout } = Bun.spawnSync(["tar", "-C", source, "-S", "--format=pax", "-cf", "-", "big"]);
    const into = freshTree();
    unpack(into, stdout);
    expect(Bun.spawnSync(["cmp", join(source, "big"), join(into, "big")]).exitCode).toBe(0);
    expect(statSync(join(into, "big")).blocks).toBeLessThan(100);
  });

  test("names that are no text keep their bytes", () => {
    const source = freshTree();
    const make =
      "d=$(printf 'd\\351'); mkdir $d; echo x >$d/$(printf 'f\\377\\303'); ln -s $(printf 't\\200') $d/link; ln $d/f* $d/hard";
    expect(Bun.spawnSync(["sh", "-ec", make], { cwd: source }).exitCode).toBe(0);
    const list = (cwd: string) =>
      Bun.spawnSync(["sh", "-c", "find . -mindepth 1 -printf '%p %y %l %n\\n' | LC_ALL=C sort"], { cwd })
        .stdout;
    const packed = withRoot(source, (fd) =>
      Buffer.concat([...packTree(linuxKernel, fd, { prefix: "", overlay: false, includeRoot: false })]),
    );
    const [ours, theirs, again] = [freshTree(), freshTree(), freshTree()];
    unpack(ours, packed);
    expect(Bun.spawnSync(["tar", "-C", theirs, "-xf", "-"], { stdin: packed }).exitCode).toBe(0);
    for (const format of ["gnu", "pax", "ustar"])
      unpack(again, Bun.spawnSync(["tar", "-C", source, `--format=${format}`, "-cf", "-", "."]).stdout);
    for (const tree of [ours, theirs, again]) expect(list(tree)).toEqual(list(source));
    withRoot(again, (fd) => {
      for (const name of namesIn(fd)) removeTree(linuxKernel, fd, name);
      expect(namesIn(fd)).toEqual([]);
    });
  });

  test("the same tree packs to the same bytes", () => {
    const source = freshTree();
    for (const name of ["b", "a", "c"]) writeFileSync(join(source, name), name);
    const pack = () =>
      withRoot(source, (fd) =>
        Buffer.concat([
          ...packTree(linuxKernel, fd, { prefix: "x", overlay: false, includeRoot: false, latestNs: 5n }),
        ]),
      );
    expect(pack().equals(pack())).toBe(true);
    expect(Bun.spawnSync(["tar", "-tf", "-"], { stdin: pack() }).stdout.toString()).toBe("x/a\nx/b\nx/c\n");
  });
});

describe("whiteouts", () => {
  test("remove what was there, not what came with them", () => {
    const tree = freshTree();
    unpackEntries(tree, [
      { name: "d/old", text: "x" },
      { name: "e/f", text: "x" },
      { name: "g", text: "x" },
    ]);
    unpackEntries(tree, [
      { name: "d/new", text: "y" },
      { name: "d/.wh..wh..opq" },
      { name: ".wh.e" },
      { name: ".wh.missing" },
      { name: ".wh..wh.plnk", type: "dir" },
    ]);
    expect(
      Bun.spawnSync(["find", ".", "-type", "f"], { cwd: tree }).stdout.toString().trim().split("\n").sort(),
    ).toEqual(["./d/new", "./g"]);
  });

  test("hide only what was there before, in any order", () => {
    const old = ["d/sub/old", "d/sub2/old", "e/old", "f/old", "g"].map((name) => ({ name, text: "old" }));
    const layer = [
      { name: "d/sub/new", text: "new" },
      { name: "d/.wh..wh..opq" },
      { name: "e/new", text: "new" },
      { name: ".wh.e" },
      { name: ".wh.f" },
      { name: "f/new", text: "new" },
      { name: "g", text: "new" },
      { name: ".wh.g" },
    ];
    const tree = freshTree();
    unpackEntries(tree, old);
    unpackEntries(tree, layer);
    const wanted = ["./d/sub/new", "./e/new", "./f/new", "./g"];
    const find = (cwd: string) =>
      Bun.spawnSync(["find", ".", "-type", "f"], { cwd }).stdout.toString().trim().split("\n").sort();
    expect(find(tree)).toEqual(wanted);

    // The same in an overlay, where the kernel says what is seen.
    const [lower, upper, work, merged] = [freshTree(), freshTree(), freshTree(), freshTree()];
    unpackEntries(lower, old);
    withRoot(lower, (fd) => unpackEntries(upper, layer, [fd]));
    const data = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    linuxKernel.mount({ source: "overlay", target: merged, type: "overlay", flags: 0, data });
    try {
      expect(find(merged)).toEqual(wanted);
    } finally {
      linuxKernel.umount2(merged, 0);
    }
  });

  test("an opaque root hides all that is below", () => {
    const [lower, upper, work, merged] = [freshTree(), freshTree(), freshTree(), freshTree()];
    unpackEntries(lower, [{ name: "etc/old" }, { name: "var/old" }]);
    const layer = [{ name: "etc/new" }, { name: ".wh..wh..opq" }, { name: "usr/new" }];
    withRoot(lower, (fd) => unpackEntries(upper, layer, [fd]));
    const data = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    linuxKernel.mount({ source: "overlay", target: merged, type: "overlay", flags: 0, data });
    try {
      const { stdout } = Bun.spawnSync(["find", ".", "-type", "f"], { cwd: merged });
      expect(stdout.toString().trim().split("\n").sort()).toEqual(["./etc/new", "./usr/new"]);
    } finally {
      linuxKernel.umount2(merged, 0);
    }
  });

  test.each([".wh.", ".wh..", ".wh..."])("%s names nothing that may go", (name) => {
    const tree = freshTree();
    writeFileSync(join(tree, "kept"), "");
    expect(() => unpackEntries(tree, [{ name: `d/${name}` }])).toThrow("invalid whiteout");
    expect(existsSync(join(tree, "kept"))).toBe(true);
  });
});

describe("names that want out", () => {
  const outside = join(directory, "outside");
  mkdirSync(outside);
  writeFileSync(join(outside, "secret"), "kept", { mode: 0o600 });

  test.each(["../x", "a/../../x", "/../x", ".."])("%s", (name) => {
    expect(() => unpackEntries(freshTree(), [{ name }])).toThrow("breaks out");
  });
  test("innocent: absolute names and dots stay inside", () => {
    const tree = freshTree();
    unpackEntries(tree, [
      { name: "/abs", text: "1" },
      { name: "./a/./b/../c", text: "2" },
    ]);
    expect(readFileSync(join(tree, "abs"), "utf8") + readFileSync(join(tree, "a/c"), "utf8")).toBe("12");
  });

  test("through a symbolic link to the outside: lands inside (CVE-2025-47290)", () => {
    const tree = freshTree();
    mkdirSync(join(tree, outside), { recursive: true });
    unpackEntries(tree, [
      { name: "link", type: "symlink", linkName: outside },
      { name: "link/planted", text: "x" },
    ]);
    expect(existsSync(join(outside, "planted"))).toBe(false);
    expect(readFileSync(join(tree, outside, "planted"), "utf8")).toBe("x");
  });
  test("innocent: a link to a directory inside is followed", () => {
    const tree = freshTree();
    unpackEntries(tree, [
      { name: "usr/lib", type: "dir", mode: 0o755 },
      { name: "lib", type: "symlink", linkName: "usr/lib" },
      { name: "lib/x", text: "x" },
    ]);
    expect(readFileSync(join(tree, "usr/lib/x"), "utf8")).toBe("x");
    expect(lstatSync(join(tree, "lib")).isSymbolicLink()).toBe(true);
  });

  test("a hard link to a file outside is a hard link to nothing", () => {
    const tree = freshTree();
    expect(() =>
      unpackEntries(tree, [{ name: "h", type: "link", linkName: join(outside, "secret") }]),
    ).toThrow("no such file");
    symlinkSync(outside, join(tree, "s"));
    expect(() => unpackEntries(tree, [{ name: "h", type: "link", linkName: "s/secret" }])).toThrow(
      "no such file",
    );
  });

  test("mode and owner never go through a link (CVE-2021-32760)", () => {
    const tree = freshTree();
    unpackEntries(tree, [
      { name: "s", type: "symlink", linkName: join(outside, "secret"), mode: 0o777, uid: 7 },
      { name: "h", type: "link", linkName: "s", mode: 0o777 },
    ]);
    expect(statSync(join(outside, "secret")).mode & 0o777).toBe(0o600);
    expect(statSync(join(outside, "secret")).uid).toBe(0);
  });

  test("an entry replaces a link and does not write through it", () => {
    const tree = freshTree();
    symlinkSync(join(outside, "secret"), join(tree, "f"));
    unpackEntries(tree, [{ name: "f", text: "mine" }]);
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("kept");
    expect(readFileSync(join(tree, "f"), "utf8")).toBe("mine");
  });

  test("cleaned names", () => {
    expect(cleanName("/a//b/")).toBe("a/b");
    expect(cleanName("./")).toBe(".");
    expect(() => cleanName("a\0b")).toThrow("NUL");
  });
});
