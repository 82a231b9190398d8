import { expect, test } from "bun:test";
import { ManualTime } from "../../../lib/manual-time.ts";
import { completeConfig, completeHostConfig } from "../config.ts";
import { type ContainerRecord, type ContainerState, CREATED } from "../container.ts";
import { shouldRestart, wantsRevival } from "./policy.ts";
import { createRestarts } from "./restarts.ts";

function ended(policy: string, state: Partial<ContainerState> = {}): ContainerRecord {
  const [Name, count = "0"] = policy.split(":");
  return {
    ...{ id: "1", name: "n", created: "", endpoints: {}, mounts: [] },
    image: { id: "", reference: "", platform: "", chainId: "" },
    config: completeConfig({}),
    hostConfig: completeHostConfig({ RestartPolicy: { Name, MaximumRetryCount: Number(count) } }),
    state: { ...CREATED, status: "exited", startedAt: "2026-01-01T00:00:00Z", ...state },
  };
}

test("at an exit", () => {
  expect(shouldRestart(ended("no", { exitCode: 1 }))).toBe(false);
  expect(shouldRestart(ended("always"))).toBe(true);
  expect(shouldRestart(ended("always", { exitOnNext: true }))).toBe(false);
  // A signal that did not mean its end marks it all the same.
  expect(shouldRestart(ended("always", { stoppedByUser: true }))).toBe(true);
  expect(shouldRestart(ended("unless-stopped", { stoppedByUser: true }))).toBe(false);
  expect(shouldRestart(ended("on-failure"))).toBe(false);
  expect(shouldRestart(ended("on-failure", { exitCode: 1, restartCount: 100 }))).toBe(true);
  expect(shouldRestart(ended("on-failure:2", { exitCode: 1, restartCount: 1 }))).toBe(true);
  expect(shouldRestart(ended("on-failure:2", { exitCode: 1, restartCount: 2 }))).toBe(false);
});

test("with the daemon", () => {
  const stopped = { stoppedByUser: true, exitOnNext: true, exitCode: 137 };
  const revived = (policy: string, state: Partial<ContainerState>) => wantsRevival(ended(policy, state));
  expect(
    ["no", "unless-stopped", "always", "on-failure"].filter((policy) => revived(policy, stopped)),
  ).toEqual(["always", "on-failure"]);
  expect(revived("unless-stopped", { exitCode: 255 })).toBe(true);
  expect(revived("on-failure", { exitCode: 0 })).toBe(false);
  expect(revived("always", { status: "created", startedAt: CREATED.startedAt })).toBe(false);
  expect(revived("no", { status: "restarting" })).toBe(true);
});

test("delays double up to a minute, and begin anew after ten good seconds", () => {
  const time = new ManualTime();
  const restarts = createRestarts(time);
  restarts.schedule("1", 0, () => expect.unreachable());
  expect(time.waits).toEqual([]);
  restarts.open();
  let starts = 0;
  const delay = (ranMs: number) => {
    restarts.schedule("1", ranMs, () => (starts += 1));
    const [wait] = time.waits;
    time.advance(wait!);
    return wait;
  };
  const waits = Array.from({ length: 12 }, () => delay(50));
  expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
  expect(delay(9_999)).toBe(60_000);
  expect(delay(10_000)).toBe(100);
  expect(delay(0)).toBe(200);
  expect(starts).toBe(15);
  restarts.schedule("1", 0, () => (starts += 1));
  restarts.forget("1");
  expect(time.waits).toEqual([]);
  expect(delay(0)).toBe(100);
  restarts.schedule("2", 0, () => (starts += 1));
  restarts.close();
  time.advance(100_000);
  expect(starts).toBe(16);
});
