import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UNLIMITED } from "../contracts/shim/metrics.ts";
import { parseCgroups, readStats } from "./stats.ts";

test("controllers of v1, hybrid and v2", () => {
  const hybrid = parseCgroups("11:memory:/a\n3:cpu,cpuacct:/a\n1:name=systemd:/a\n0::/u\n", "/c");
  expect([...hybrid]).toEqual([
    ["memory", "/c/memory/a"],
    ["cpu", "/c/cpu/a"],
    ["cpuacct", "/c/cpuacct/a"],
    ["", "/c/unified/u"],
  ]);
  expect([...parseCgroups("0::/with:colon\n", "/c")]).toEqual([["", "/c/with:colon"]]);
});

function withFiles<T>(files: Readonly<Record<string, string>>, body: (directory: string) => T): T {
  const directory = mkdtempSync("/tmp/skiff-stats-");
  try {
    mkdirSync(join(directory, "c"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, "c", name), text);
    return body(join(directory, "c"));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("counters of v2", () => {
  const files = {
    "pids.current": "3\n",
    "pids.max": "max\n",
    "cpu.stat": "usage_usec 10\nuser_usec 7\nsystem_usec 3\nnr_periods 2\nnr_throttled 1\nthrottled_usec 5\n",
    "memory.current": "4096\n",
    "memory.max": "max\n",
    "memory.events": "low 0\nmax 2\noom_kill 1\n",
    "memory.stat": "anon 1024\nfile 2048\n",
    "io.stat": "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n",
  };
  withFiles(files, (directory) => {
    expect(readStats(new Map([["", directory]]))).toEqual({
      version: 2,
      pids: { current: 3, limit: UNLIMITED },
      cpu: {
        usageNs: 10_000,
        userNs: 7_000,
        systemNs: 3_000,
        perCpuNs: [],
        periods: 2,
        throttledPeriods: 1,
        throttledNs: 5_000,
      },
      memory: {
        usage: 4096,
        maxUsage: 0,
        limit: UNLIMITED,
        failures: 2,
        oomKills: 1,
        stat: { anon: 1024, file: 2048 },
      },
      io: [{ major: 8, minor: 0, readBytes: 1, writeBytes: 2, readOps: 3, writeOps: 4 }],
    });
  });
});

test("counters of v1", () => {
  const files = {
    "cpuacct.usage": "10000000\n",
    "cpuacct.stat": "user 1\nsystem 2\n",
    "cpuacct.usage_percpu": "4 6 \n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "blkio.throttle.io_service_bytes": "8:0 Read 5\n8:0 Write 6\n8:0 Total 11\nTotal 11\n",
    "blkio.throttle.io_serviced": "8:0 Read 1\n8:0 Write 2\n",
  };
  withFiles(files, (directory) => {
    const all = ["cpu", "cpuacct", "memory", "blkio", "pids"].map((name) => [name, directory] as const);
    const stats = readStats(new Map(all));
    expect(stats.version).toBe(1);
    expect(stats.cpu).toMatchObject({ usageNs: 10_000_000, userNs: 10_000_000, perCpuNs: [4, 6] });
    expect(stats.memory.oomKills).toBe(2);
    expect(stats.io).toEqual([{ major: 8, minor: 0, readBytes: 5, writeBytes: 6, readOps: 1, writeOps: 2 }]);
  });
});
