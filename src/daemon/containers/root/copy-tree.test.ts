import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { AT_FDCWD, O } from "../../../kernel/constants.ts";
import { linuxKernel } from "../../../kernel/linux.ts";
import { copyTree } from "./copy-tree.ts";

const dir = mkdtempSync("/tmp/skiff-copy-tree-");
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const open = (path: string) => linuxKernel.openat(AT_FDCWD, path, O.RDONLY | O.DIRECTORY, 0);

test("names that are no UTF-8 keep their bytes, at every depth", () => {
  const script = `mkdir from to; mkdir from/$(printf 'd\\351'); echo x > from/$(printf 'd\\351/f\\377')`;
  expect(Bun.spawnSync(["sh", "-ec", script], { cwd: dir }).exitCode).toBe(0);
  const [from, to] = [open(`${dir}/from`), open(`${dir}/to`)];
  copyTree(linuxKernel, from, to);
  linuxKernel.close(from);
  linuxKernel.close(to);
  const names = (where: string) => readdirSync(where, { encoding: "buffer" });
  expect(names(`${dir}/to`)).toEqual([Buffer.from([0x64, 0xe9])]);
  expect(Bun.spawnSync(["diff", "-r", "from", "to"], { cwd: dir }).exitCode).toBe(0);
});
