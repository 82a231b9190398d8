import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RootfsMount } from "../contracts/shim/task.ts";
import { parseMountOptions } from "../kernel/tree/mount.ts";
import { parsePlanTrace } from "./plan-trace.ts";
import { createBench } from "./testing.ts";

const bench = createBench();
afterAll(() => bench.close());

function mounted(path: string): boolean {
  return readFileSync("/proc/self/mountinfo", "utf8").includes(` ${path} `);
}

test("options are flags or data", () => {
  expect(parseMountOptions(["rbind", "ro", "nosuid"])).toEqual({ flags: 4096 | 16384 | 1 | 2, data: [] });
  expect(parseMountOptions(["ro", "rw", "lowerdir=/a:/b", "defaults", "upperdir=/c"])).toEqual({
    flags: 0,
    data: ["lowerdir=/a:/b", "upperdir=/c"],
  });
});

test("an overlay is mounted for the task and gone with it; a failing one leaves nothing", async () => {
  const at = (name: string): string => join(bench.directory, name);
  for (const name of ["upper", "work"]) mkdirSync(at(name));
  const overlay: RootfsMount = {
    type: "overlay",
    source: "overlay",
    target: "",
    options: ["index=off", `workdir=${at("work")}`, `upperdir=${at("upper")}`, `lowerdir=${at("rootfs")}`],
  };
  const request = { ...bench.task("overlay", "echo made > /made"), rootfs: [overlay] };
  const rootfs = join(request.bundle, "rootfs");
  const config = readFileSync(join(request.bundle, "config.json"), "utf8");
  writeFileSync(join(request.bundle, "config.json"), config.replace(`"${at("rootfs")}"`, '"rootfs"'));
  const ref = { namespace: "test", id: "overlay", execId: "" };
  await bench.service.create(request);
  expect(mounted(rootfs)).toBe(true);
  await bench.service.start(ref);
  await bench.service.wait(ref);
  await bench.service.delete(ref);
  expect(mounted(rootfs)).toBe(false);
  expect(existsSync(at("upper/made"))).toBe(true);
  const broken = { ...request, rootfs: [overlay, { ...overlay, type: "nosuchfs" }] };
  expect(bench.service.create(broken)).rejects.toThrow(/mount/);
  await Bun.sleep(0);
  expect(mounted(rootfs)).toBe(false);
});

test("an executor's trace, cut short", () => {
  const record = Buffer.alloc(18 + 5);
  record.writeBigUInt64LE(1n, 0);
  record.writeBigUInt64LE(2n, 8);
  record[16] = 2;
  record[17] = 5;
  record.write("clone", 18);
  const twice = Buffer.concat([record, record.subarray(0, 20)]);
  expect(parsePlanTrace(twice)).toEqual([{ startNs: 1n, endNs: 2n, actor: 2, name: "clone" }]);
});
