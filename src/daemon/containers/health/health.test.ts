import { expect, test } from "bun:test";
import { ManualTime } from "../../../lib/manual-time.ts";
import { completeConfig, completeHostConfig } from "../config.ts";
import { type ContainerRecord, CREATED, withState } from "../container.ts";
import { matches } from "../filters.ts";
import { statusText } from "../status.ts";
import { whenHalted, whenStarted } from "./changes.ts";
import { type Health, healthMs, nextProbeMs, probeCommand, withResult } from "./health.ts";
import { LimitedOutput } from "./limited-output.ts";
import { createHealthMonitors, type ProbeOutcome } from "./monitors.ts";
import { checkHealthcheck, compactHealthcheck, mergeHealthcheck } from "./request.ts";

const result = (ExitCode: number) => ({ Start: "", End: "", Output: "", ExitCode });
const STARTING: Health = { Status: "starting", FailingStreak: 0, Log: [] };

test("commands and Docker's defaults", () => {
  expect(probeCommand({ Test: ["CMD-SHELL", "true"] }, undefined)).toEqual(["/bin/sh", "-c", "true"]);
  expect(probeCommand({ Test: ["CMD-SHELL", "x"] }, ["/bin/bash", "-c"])).toEqual(["/bin/bash", "-c", "x"]);
  expect(probeCommand({ Test: ["CMD", "a", "b"] }, [])).toEqual(["a", "b"]);
  for (const none of [undefined, {}, { Test: [] }, { Test: ["NONE"] }, { Test: ["cmd", "x"] }])
    expect(probeCommand(none, undefined)).toBeUndefined();
  const fields = ["Interval", "Timeout", "StartPeriod", "StartInterval"] as const;
  expect(fields.map((field) => healthMs({}, field))).toEqual([30_000, 30_000, 0, 5000]);
  const early = { StartPeriod: 60e9, Interval: 10e9, StartInterval: 1e9 };
  expect(nextProbeMs(early, STARTING, 59_999)).toBe(1000);
  expect(nextProbeMs(early, STARTING, 60_000)).toBe(10_000);
  expect(nextProbeMs(early, { ...STARTING, Status: "healthy" }, 1)).toBe(10_000);
});

test("failures count after the start period, in a row; five results are kept", () => {
  const check = { Retries: 2, StartPeriod: 5e9 };
  let health = STARTING;
  const next = (code: number, ms: number) => {
    health = withResult(health, check, result(code), ms);
    return [health.Status, health.FailingStreak] as const;
  };
  expect(next(1, 1000)).toEqual(["starting", 0]);
  expect(next(1, 6000)).toEqual(["starting", 1]);
  expect(next(1, 7000)).toEqual(["unhealthy", 2]);
  expect(next(0, 8000)).toEqual(["healthy", 0]);
  expect(next(1, 1000)).toEqual(["healthy", 1]);
  expect(next(0, 9000)).toEqual(["healthy", 0]);
  expect(health.Log.map(({ ExitCode }) => ExitCode)).toEqual([1, 1, 0, 1, 0]);
  expect(withResult({ ...STARTING, FailingStreak: 2 }, {}, result(-1), 0).Status).toBe("unhealthy");
});

test("requests: what is zero goes, the rest comes from the image, limits in dockerd's words", () => {
  expect(compactHealthcheck({ Test: [], Interval: 0, Retries: 3 })).toEqual({ Retries: 3 });
  const image = { Test: ["CMD", "x"], Interval: 5e9, Retries: 2 };
  expect(mergeHealthcheck({ Retries: 7 }, image)).toEqual({ ...image, Retries: 7 });
  expect(mergeHealthcheck({ Test: ["NONE"] }, image)?.Test).toEqual(["NONE"]);
  expect(mergeHealthcheck(undefined, null)).toBeUndefined();
  expect(() => checkHealthcheck({ Interval: 300 })).toThrow(
    "Interval in Healthcheck cannot be less than 1ms",
  );
  expect(() => checkHealthcheck({ StartInterval: -1 })).toThrow(
    "StartInterval in Healthcheck cannot be less",
  );
  expect(() => checkHealthcheck({ Retries: -1 })).toThrow("Retries in Healthcheck cannot be negative");
});

test("output is cut at 4096 bytes", () => {
  const output = new LimitedOutput();
  output.push(Buffer.alloc(4000, "a"));
  output.push(Buffer.alloc(96, "b"));
  expect(output.text).toBe("a".repeat(4000) + "b".repeat(96));
  output.push(Buffer.from("c"));
  expect(output.text).toBe(`${"a".repeat(4000)}${"b".repeat(96)}...`);
});

/** A world of one container, whose probes a test answers. */
function world() {
  const time = new ManualTime(Date.parse("2026-01-01T00:00:00Z"));
  const created: ContainerRecord = {
    ...{ id: "1", name: "n", created: "", endpoints: {}, mounts: [] },
    image: { id: "", reference: "", platform: "", chainId: "" },
    config: completeConfig({ Image: "i", Healthcheck: { Test: ["CMD", "ok"], Interval: 1e9, Retries: 2 } }),
    hostConfig: completeHostConfig({}),
    state: CREATED,
  };
  let record = created;
  const events: string[] = [];
  const probes: { answer: (outcome: ProbeOutcome) => void; gone: AbortSignal }[] = [];
  const monitors = createHealthMonitors({
    ...{ clock: time, timers: time },
    events: { publish: (_type, action) => void events.push(action) },
    registry: {
      find: () => record,
      change: (_id, change) => {
        record = change(record);
        monitors.follow("1", record);
        return record;
      },
    },
    probe: (_container, _command, gone) =>
      new Promise((answer) => {
        probes.push({ answer, gone });
      }),
  });
  const put = (next: ContainerRecord) => {
    record = next;
    monitors.follow("1", record);
  };
  const start = () =>
    put(
      withState(record, {
        ...{ status: "running", startedAt: new Date(time.now()).toISOString() },
        ...whenStarted(record),
      }),
    );
  /** One interval, one probe. */
  const turn = async (exitCode: number) => {
    time.advance(1000);
    probes.at(-1)!.answer({ exitCode, output: "" });
    await Bun.sleep(0);
    return record.state.health!.Status;
  };
  return { time, events, probes, monitors, put, start, turn, record: () => record };
}

test("a loop follows its container: start, pause, unpause, exit", async () => {
  const { time, events, probes, put, start, turn, record } = world();
  const shown = () => statusText(record().state, time.now());
  const filtered = (value: string) => matches(record(), new Map([["health", [value]]]), {} as never);
  expect(filtered("none")).toBe(true);
  start();
  expect(shown()).toBe("Up Less than a second (health: starting)");
  expect(await turn(1)).toBe("starting");
  expect(await turn(1)).toBe("unhealthy");
  expect(await turn(0)).toBe("healthy");
  expect(shown()).toBe("Up 3 seconds (healthy)");
  expect(filtered("healthy")).toBe(true);
  expect(() => filtered("bogus")).toThrow("unrecognized filter value for health: bogus");
  put(withState(record(), { status: "paused", ...whenHalted(record()) }));
  expect(record().state.health!.Status).toBe("unhealthy");
  expect(time.waits).toEqual([]);
  put(withState(record(), { status: "running" }));
  expect(await turn(0)).toBe("healthy");
  // Ended while a probe is at work: it is told, and its answer is nobody's.
  time.advance(1000);
  put(withState(record(), { status: "exited", ...whenHalted(record()) }));
  expect(probes.at(-1)!.gone.aborted).toBe(true);
  probes.at(-1)!.answer({ exitCode: 0, output: "" });
  await Bun.sleep(0);
  expect(record().state.health!.Log).toHaveLength(4);
  expect(time.waits).toEqual([]);
  start();
  expect(record().state.health).toMatchObject({ Status: "starting", FailingStreak: 0 });
  expect(record().state.health!.Log).toHaveLength(4);
  expect(events).toEqual(["health_status: unhealthy", "health_status: healthy", "health_status: healthy"]);
});

test("what is known outlives the daemon, and the loop goes on", async () => {
  const before = world();
  before.start();
  expect(await before.turn(0)).toBe("healthy");
  before.monitors.close();
  expect(before.time.waits).toEqual([]);
  const after = world();
  after.put(before.record());
  expect(after.record().state.health!.Status).toBe("healthy");
  expect(await after.turn(1)).toBe("healthy");
  expect(await after.turn(1)).toBe("unhealthy");
  expect(after.events).toEqual(["health_status: unhealthy"]);
});
