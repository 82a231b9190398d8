import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import fc from "fast-check";
import { AT } from "../../../kernel/constants.ts";
import { linuxKernel } from "../../../kernel/linux.ts";
import { resolveInside } from "./resolve.ts";
import { goMode } from "./stat.ts";

const dir = mkdtempSync("/tmp/skiff-resolve-");
const root = `${dir}/root`;
const mounts = new Map([
  ["/data", `${dir}/volume`],
  ["/etc/one", `${dir}/single`],
]);

beforeAll(() => {
  const script = `mkdir -p root/etc root/data root/deep/er volume/sub; echo secret >outside; echo one >single; : >root/etc/one
    echo in >root/etc/file; echo vol >volume/file; ln -s /etc/file root/absolute; ln -s ../../../../outside root/deep/up
    ln -s /data root/todata; ln -s loop root/loop; ln -s ../deep root/data/hidden; ln -s ../etc volume/back`;
  Bun.spawnSync(["sh", "-ec", script], { cwd: dir });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const find = (path: string, follow = true) => {
  using found = resolveInside(linuxKernel, root, mounts, path, follow);
  return found.path;
};

test.each([
  ["/", "/"],
  ["/etc/file", "/etc/file"],
  ["/absolute", "/etc/file"],
  ["/../../etc/./file", "/etc/file"],
  ["/todata/file", "/data/file"],
  ["/data/back/file", "/etc/file"],
  ["/data/../etc", "/etc"],
  ["/etc/one", "/etc/one"],
])("%s is %s", (path, real) => expect(find(path)).toBe(real));

test("links are kept where asked, and never lead out", () => {
  expect(find("/absolute", false)).toBe("/absolute");
  expect(() => find("/deep/up")).toThrow("/outside: no such file or directory");
  expect(() => find("/loop")).toThrow("too many levels of symbolic links");
  expect(() => find("/etc/file/x")).toThrow("not a directory");
  expect(() => find("/data/hidden")).toThrow("no such file or directory");
});

test("whatever the path, what is found lies in the tree or a volume, and no descriptor is left", () => {
  const word = fc.constantFrom(
    "etc",
    "file",
    "..",
    ".",
    "",
    "deep",
    "up",
    "todata",
    "data",
    "back",
    "absolute",
    "loop",
  );
  const devices = new Set([root, `${dir}/volume`, `${dir}/single`]);
  // Only those into the tree: Bun opens some for itself at any time.
  const open = () =>
    Bun.spawnSync(["sh", "-c", `ls -l /proc/${process.pid}/fd | grep -cF ${dir}`]).stdout.toString();
  const before = open();
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), (words) => {
      try {
        using found = resolveInside(linuxKernel, root, mounts, words.join("/"), true);
        const where = linuxKernel.readlinkat(-100, `/proc/self/fd/${found.fd}`);
        expect([...devices].some((device) => where === device || where.startsWith(`${device}/`))).toBe(true);
        linuxKernel.statx(found.fd, "", AT.EMPTY_PATH);
      } catch (error) {
        expect(["not_found", "invalid_argument"]).toContain((error as { code?: string }).code!);
      }
    }),
  );
  expect(before).toBe("0\n");
  expect(open()).toBe(before);
});

test("modes as Go's", () => {
  expect(goMode(0o100644)).toBe(0o644);
  expect(goMode(0o040755)).toBe(2147484141);
  expect(goMode(0o120777)).toBe(134218239);
  expect(goMode(0o104755)).toBe(0o755 | (1 << 23));
});
