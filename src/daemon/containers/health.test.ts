import { expect, test } from "bun:test";
import type { ContainerRecord } from "./container.ts";
import { checkOf, type Health, judge } from "./health.ts";

const container = (Healthcheck: object, Shell?: string[]) =>
  ({ config: { Healthcheck, ...(Shell === undefined ? {} : { Shell }) } }) as unknown as ContainerRecord;

const check = checkOf(container({ Test: ["CMD-SHELL", "true"], Retries: 2, StartPeriod: 5e9 }))!;

test("commands and Docker's defaults", () => {
  expect(check).toEqual({
    ...{ command: ["/bin/sh", "-c", "true"], interval: 30_000, timeout: 30_000 },
    ...{ startPeriod: 5000, startInterval: 5000, retries: 2 },
  });
  expect(checkOf(container({ Test: ["CMD", "a", "b"] }))!.command).toEqual(["a", "b"]);
  expect(checkOf(container({ Test: ["CMD-SHELL", "x"] }, ["/bin/bash", "-c"]))!.command).toEqual([
    "/bin/bash",
    "-c",
    "x",
  ]);
  for (const none of [{}, { Test: [] }, { Test: ["NONE"] }]) expect(checkOf(container(none))).toBeUndefined();
});

test("failures count after the start period, in a row; five results are kept", () => {
  const result = (ExitCode: number) => ({ Start: "", End: "", Output: "", ExitCode });
  let health: Health = { Status: "starting", FailingStreak: 0, Log: [] };
  const next = (code: number, ms: number) => {
    health = judge(health, result(code), check, ms);
    return [health.Status, health.FailingStreak] as const;
  };
  expect(next(1, 1000)).toEqual(["starting", 0]);
  expect(next(1, 6000)).toEqual(["starting", 1]);
  expect(next(1, 7000)).toEqual(["unhealthy", 2]);
  expect(next(0, 8000)).toEqual(["healthy", 0]);
  expect(next(1, 1000)).toEqual(["healthy", 1]);
  expect(next(0, 9000)).toEqual(["healthy", 0]);
  expect(health.Log).toHaveLength(5);
});
