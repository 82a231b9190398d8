import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../lib/errors.ts";
import { AT, AT_FDCWD, FCNTL, LOCK, MFD, MNT_DETACH, MS, O, RESOLVE, S } from "./constants.ts";
import { seal } from "./descriptors.ts";
import { errnoOf, KernelError } from "./errno.ts";
import { createFakeKernel } from "./fake.ts";
import { makeDevice } from "./kernel.ts";
import { linuxKernel as kernel } from "./linux.ts";
import { processStartTime } from "./processes.ts";

const dir = mkdtempSync("/tmp/skiff-kernel-");
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const at = (name: string) => join(dir, name);

function failure(call: () => unknown): KernelError {
  try {
    call();
  } catch (error) {
    if (error instanceof KernelError) return error;
    throw error;
  }
  throw new Error("did not fail");
}

test("a failing call names action, subject and errno", () => {
  const error = failure(() => kernel.openat(AT_FDCWD, at("none"), O.RDONLY, 0));
  expect(error.message).toBe(`open "${at("none")}": ENOENT (no such file or directory)`);
  expect([error.errno, codeOf(error)]).toEqual(["ENOENT", "not_found"]);
  expect(codeOf(failure(() => kernel.mkdirat(AT_FDCWD, dir, 0o700)))).toBe("already_exists");
  expect(errnoOf(failure(() => kernel.umount2(dir, 0)))).toBe("EINVAL");
  expect(() => kernel.openat(AT_FDCWD, "/tmp/a\0b", 0, 0)).toThrow("NUL");
});

test("openat2 keeps absolute links and .. below the root", () => {
  kernel.mkdirat(AT_FDCWD, at("root"), 0o755);
  writeFileSync(at("root/passwd"), "inside");
  symlinkSync("/passwd", at("root/link"));
  symlinkSync("../../../../etc/passwd", at("root/up"));
  const root = kernel.openat(AT_FDCWD, at("root"), O.PATH | O.DIRECTORY, 0);
  const open = (path: string) => kernel.openat2(root, path, { flags: O.RDONLY, resolve: RESOLVE.IN_ROOT });
  const fd = open("link");
  const buffer = Buffer.alloc(16);
  expect(buffer.toString("utf8", 0, kernel.read(fd, buffer))).toBe("inside");
  expect(kernel.fcntl(fd, FCNTL.GETFD, 0)).toBe(1);
  kernel.close(fd);
  expect(errnoOf(failure(() => open("up")))).toBe("ENOENT");
  kernel.close(root);
});

test("nodes, links, owners, modes, times, attributes", () => {
  kernel.mknodat(AT_FDCWD, at("null"), S.IFCHR | 0o600, makeDevice(1, 3));
  const node = kernel.statx(AT_FDCWD, at("null"), AT.SYMLINK_NOFOLLOW);
  expect([node.mode & S.IFMT, node.rdevMajor, node.rdevMinor]).toEqual([S.IFCHR, 1, 3]);
  expect(makeDevice(259, 300)).toBe((300 & 0xff) | (259 << 8) | ((300 & ~0xff) << 12));
  kernel.mkfifo(at("fifo"), 0o600);
  writeFileSync(at("file"), "12345");
  kernel.linkat(AT_FDCWD, at("file"), AT_FDCWD, at("hard"), 0);
  kernel.symlinkat("file", AT_FDCWD, at("soft"));
  expect(kernel.readlinkat(AT_FDCWD, at("soft"))).toBe("file");
  kernel.fchownat(AT_FDCWD, at("file"), 12, 34, 0);
  kernel.fchmodat(AT_FDCWD, at("file"), 0o4751);
  kernel.utimensat(AT_FDCWD, at("file"), -1n, 1_500_000_000_123_456_789n, 0);
  const status = kernel.statx(AT_FDCWD, at("hard"), 0);
  const theirs = statSync(at("file"), { bigint: true });
  expect(status).toMatchObject({
    uid: 12,
    gid: 34,
    size: 5,
    links: 2,
    mode: S.IFREG | 0o4751,
    accessedNs: -1n,
  });
  expect([status.inode, status.modifiedNs]).toEqual([theirs.ino, theirs.mtimeNs]);
  kernel.setxattr(at("file"), "trusted.skiff", Buffer.from("v"), 0);
  kernel.setxattr(at("file"), "trusted.empty", new Uint8Array(), 0);
  expect(Buffer.from(kernel.getxattr(at("file"), "trusted.skiff")!).toString()).toBe("v");
  expect(kernel.getxattr(at("file"), "trusted.empty")).toEqual(new Uint8Array());
  expect(kernel.getxattr(at("file"), "trusted.none")).toBeUndefined();
  expect(kernel.listxattr(at("file")).sort()).toEqual(["trusted.empty", "trusted.skiff"]);
  kernel.removexattr(at("file"), "trusted.empty");
  expect(kernel.listxattr(at("file"))).toEqual(["trusted.skiff"]);
  kernel.renameat2(AT_FDCWD, at("hard"), AT_FDCWD, at("renamed"), 0);
  kernel.unlinkat(AT_FDCWD, at("renamed"), 0);
  expect(kernel.statx(AT_FDCWD, at("file"), 0).links).toBe(1);
});

test("mounts", () => {
  kernel.mkdirat(AT_FDCWD, at("mnt"), 0o700);
  kernel.mount({ source: "tmpfs", target: at("mnt"), type: "tmpfs", flags: MS.NODEV, data: "size=64k" });
  expect(kernel.statx(AT_FDCWD, at("mnt"), 0).mountPoint).toBe(true);
  expect(kernel.statfs(at("mnt"))).toMatchObject({ type: 0x01021994, blocks: 16 });
  kernel.umount2(at("mnt"), MNT_DETACH);
  expect(kernel.statx(AT_FDCWD, at("mnt"), 0).mountPoint).toBe(false);
});

test("bytes move between descriptors; locks; sealed memory", () => {
  const [out, into] = kernel.pipe2(O.NONBLOCK);
  const buffer = Buffer.alloc(8);
  expect(errnoOf(failure(() => kernel.read(out, buffer)))).toBe("EAGAIN");
  const memory = kernel.memfdCreate("test", MFD.CLOEXEC | MFD.ALLOW_SEALING);
  expect(kernel.pwrite(memory, Buffer.from("hello"), 0)).toBe(5);
  expect(kernel.sendfile(into, memory, 3)).toBe(3);
  expect(kernel.splice(memory, into, 9, 0)).toBe(2);
  expect(buffer.toString("utf8", 0, kernel.read(out, buffer))).toBe("hello");
  seal(kernel, memory);
  expect(codeOf(failure(() => kernel.pwrite(memory, Buffer.from("x"), 0)))).toBe("permission_denied");
  for (const fd of [out, into, memory]) kernel.close(fd);
  const [one, two] = [1, 2].map(() => kernel.openat(AT_FDCWD, at("lock"), O.CREAT | O.RDWR, 0o600));
  expect([kernel.flock(one!, LOCK.EX), kernel.flock(two!, LOCK.EX | LOCK.NB)]).toEqual([true, false]);
  kernel.close(one!);
  expect(kernel.flock(two!, LOCK.EX | LOCK.NB)).toBe(true);
  kernel.close(two!);
});

test("processes", async () => {
  const child = Bun.spawn(["sleep", "100"]);
  expect(processStartTime(child.pid)).toBe(
    Number(readFileSync(`/proc/${child.pid}/stat`, "utf8").split(" ")[21]),
  );
  const pidfd = kernel.pidfdOpen(child.pid);
  kernel.pidfdSendSignal(pidfd, 9);
  await child.exited;
  expect(errnoOf(failure(() => kernel.pidfdSendSignal(pidfd, 9)))).toBe("ESRCH");
  kernel.close(pidfd);
  expect(processStartTime(child.pid)).toBeUndefined();
  const other = Bun.spawn(["sleep", "100"]);
  kernel.kill(other.pid, 37);
  await other.exited;
  expect(other.signalCode as unknown).not.toBe("SIGTERM");
});

test("the fake remembers and fails on demand", () => {
  const fake = createFakeKernel({ openat: () => 7 });
  expect(fake.openat(AT_FDCWD, "/x", 0, 0)).toBe(7);
  fake.failNext("mkdirat", 17);
  expect(() => fake.mkdirat(7, "y", 0o755)).toThrow("EEXIST");
  fake.mkdirat(7, "y", 0o755);
  expect(fake.calls.map(([name]) => name)).toEqual(["openat", "mkdirat", "mkdirat"]);
});
