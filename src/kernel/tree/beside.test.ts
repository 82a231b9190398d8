/** Removing and measuring in short steps, against du(1). Needs root. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { linuxKernel } from "../linux.ts";
import { measureBeside, removeBeside } from "./beside.ts";

/** The machine may be busy. */
setDefaultTimeout(60_000);

const directory = mkdtempSync("/tmp/skiff-beside-");
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const sh = (script: string) => Bun.spawnSync(["sh", "-ec", script], { cwd: directory }).stdout.toString();
const measured = (path: string) => measureBeside(linuxKernel, join(directory, path));

test("sizes are du's: links once, holes not, links not followed", async () => {
  sh(`mkdir -p t/a/b t/empty; head -c 300000 /dev/zero >t/a/big; ln t/a/big t/a/b/again; truncate -s 1G t/hole; ln -s /usr t/soft; mkfifo t/pipe
    i=0; while [ $i -lt 700 ]; do : >t/empty/$i; i=$((i+1)); done`);
  const [size, inodes] = [sh("du -s --block-size=1 t"), sh("du -s --inodes t")].map((out) =>
    Number.parseInt(out, 10),
  );
  expect(await measured("t")).toEqual({ size: size!, inodes: inodes! });
});

test("a tree goes, what its links lead to stays", async () => {
  mkdirSync(join(directory, "kept"));
  writeFileSync(join(directory, "kept/file"), "");
  sh(
    `mkdir -p trash/t/sub; : >trash/t/$(printf 'latin\\351'); ln -s ${directory}/kept trash/t/soft; ln -s ${directory}/kept/file trash/t/sub/file; ln -s ${directory}/kept trash/link`,
  );
  await removeBeside(linuxKernel, join(directory, "trash"), "t");
  await removeBeside(linuxKernel, join(directory, "trash"), "link");
  await removeBeside(linuxKernel, join(directory, "trash"), "missing");
  expect(readdirSync(join(directory, "trash"))).toEqual([]);
  expect(existsSync(join(directory, "kept/file"))).toBe(true);
});

test("deeper than there are descriptors, longer than a path", async () => {
  const name = "d".repeat(200);
  sh(`mkdir -p deep/d; cd deep/d; for i in $(seq 100); do mkdir ${name}; cd -P ${name}; : >f; done`);
  expect((await measured("deep")).inodes).toBeGreaterThan(20);
  await removeBeside(linuxKernel, join(directory, "deep"), "d");
  expect(readdirSync(join(directory, "deep"))).toEqual([]);
});

test("a mount below is not entered", async () => {
  sh("mkdir -p mine/t/mnt other; : >other/file; mount --bind other mine/t/mnt");
  try {
    expect((await measured("mine/t")).inodes).toBe(2);
    await removeBeside(linuxKernel, join(directory, "mine"), "t").catch(() => {});
    expect(readdirSync(join(directory, "other"))).toEqual(["file"]);
  } finally {
    sh("umount mine/t/mnt");
  }
});
