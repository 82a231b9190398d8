import { describe, expect, test } from "bun:test";
import type { DeviceRule } from "../../contracts/oci/spec.ts";
import { compileDevicePolicy, compileDeviceProgram, deviceWritesV1 } from "./devices.ts";
import { type CgroupWrite, cpuWeight, limitWritesV1, limitWritesV2 } from "./writes.ts";

const lines = (writes: readonly CgroupWrite[]): string[] => writes.map(({ file, text }) => `${file}=${text}`);

describe("limits", () => {
  test("v1", () => {
    const writes = limitWritesV1({
      memory: { limit: 1000, swap: 2000, reservation: 500 },
      cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: "0-1" },
      pids: { limit: 10 },
    });
    expect(lines(writes)).toEqual([
      ...["memory.limit_in_bytes=1000", "memory.memsw.limit_in_bytes=2000", "memory.soft_limit_in_bytes=500"],
      ...[
        "cpuset.cpus=0-1",
        "cpu.shares=512",
        "cpu.cfs_period_us=100000",
        "cpu.cfs_quota_us=50000",
        "pids.max=10",
      ],
    ]);
  });

  test("v1: swap is raised before memory", () => {
    expect(lines(limitWritesV1({ memory: { limit: 3000, swap: 4000 } }, 2000))).toEqual([
      "memory.memsw.limit_in_bytes=4000",
      "memory.limit_in_bytes=3000",
    ]);
  });

  test("v2: swap is without memory, shares become a weight", () => {
    const writes = limitWritesV2({
      memory: { limit: 1000, swap: 3000 },
      cpu: { shares: 1024, quota: 50_000 },
      pids: { limit: -1 },
      unified: { "memory.high": "5" },
    });
    expect(lines(writes)).toEqual([
      ...["memory.swap.max=2000", "memory.max=1000", "cpu.weight=39", "cpu.max=50000 100000", "pids.max=max"],
      "memory.high=5",
    ]);
    expect([2, 1024, 262_144].map(cpuWeight)).toEqual([1, 39, 10_000]);
  });
});

/** Runs the device program on a request, as the kernel's verifier allows it to be run. */
function ask(program: Uint8Array, type: "b" | "c", access: string, major: number, minor: number): boolean {
  const bits = [...access].reduce((sum, letter) => sum | { m: 1, r: 2, w: 4 }[letter]!, 0);
  const context = [(bits << 16) | (type === "b" ? 1 : 2), major, minor];
  const code = Buffer.from(program);
  const r = Array.from({ length: 6 }, () => 0);
  for (let at = 0; ; at++) {
    const [operation, registers] = [code[at * 8]!, code[at * 8 + 1]!];
    const [to, from] = [registers & 15, registers >> 4];
    const [jump, value] = [code.readInt16LE(at * 8 + 2), code.readInt32LE(at * 8 + 4)];
    if (operation === 0x61) r[to] = context[jump / 4]!;
    else if (operation === 0x54) r[to]! &= value;
    else if (operation === 0x74) r[to]! >>>= value;
    else if (operation === 0xbc) r[to] = r[from]!;
    else if (operation === 0xb7) r[to] = value;
    else if (operation === 0x55) at += r[to] !== value ? jump : 0;
    else if (operation === 0x5d) at += r[to] !== r[from] ? jump : 0;
    else if (operation === 0x15) at += r[to] === value ? jump : 0;
    else if (operation === 0x95) return r[0] === 1;
    else throw new Error(`unknown instruction ${operation}`);
  }
}

describe("devices", () => {
  const rules: DeviceRule[] = [
    { allow: false, access: "rwm" },
    { allow: true, type: "b", major: 8, access: "r" },
    { allow: true, type: "c", major: 10, minor: 200, access: "rwm" },
    { allow: false, type: "c", major: 1, minor: 3, access: "w" },
  ];

  test("v1 lines: everything denied, the rules, runc's own", () => {
    const writes = deviceWritesV1(compileDevicePolicy(rules));
    expect(writes.slice(0, 4)).toEqual([
      ["devices.deny", "a"],
      ["devices.allow", "b 8:* r"],
      ["devices.allow", "c 10:200 rwm"],
      ["devices.deny", "c 1:3 w"],
    ]);
    expect(writes).toContainEqual(["devices.allow", "c 136:* rwm"]);
    expect(deviceWritesV1(compileDevicePolicy([{ allow: true, access: "rwm" }]))).toEqual([
      ["devices.allow", "a"],
    ]);
  });

  test("the v2 program decides by the last rule that fits", () => {
    const program = compileDeviceProgram(compileDevicePolicy(rules));
    expect(ask(program, "b", "r", 8, 1)).toBe(true);
    expect(ask(program, "b", "rw", 8, 1)).toBe(false);
    expect(ask(program, "c", "rw", 10, 200)).toBe(true);
    expect(ask(program, "c", "r", 10, 201)).toBe(false);
    expect(ask(program, "c", "m", 77, 7)).toBe(true);
    expect(ask(program, "c", "rw", 1, 3)).toBe(true);
  });

  test("an allow-all rule allows all", () => {
    const all = compileDeviceProgram(compileDevicePolicy([{ allow: true }]));
    expect(ask(all, "b", "rwm", 8, 0)).toBe(true);
  });
});
