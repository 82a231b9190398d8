import { expect, test } from "bun:test";
import { CREATED } from "./container.ts";
import { humanDuration, statusText } from "./status.ts";

const S = 1000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;

test.each([
  [0, "Less than a second"],
  [S, "1 second"],
  [59 * S, "59 seconds"],
  [M, "About a minute"],
  [2 * M, "2 minutes"],
  [59 * M, "59 minutes"],
  [H, "About an hour"],
  [1.5 * H, "2 hours"],
  [47 * H, "47 hours"],
  [2 * D, "2 days"],
  [13 * D, "13 days"],
  [14 * D, "2 weeks"],
  [59 * D, "8 weeks"],
  [60 * D, "2 months"],
  [729 * D, "24 months"],
  [731 * D, "2 years"],
])("%d ms", (milliseconds, text) => {
  expect(humanDuration(milliseconds)).toBe(text);
});

test("status lines", () => {
  const at = (ms: number) => new Date(ms).toISOString();
  const now = Date.parse("2026-11-24T05:00:00Z");
  const running = { ...CREATED, status: "running" as const, startedAt: at(now - 5000) };
  expect(statusText(CREATED, now)).toBe("Created");
  expect(statusText(running, now)).toBe("Up 5 seconds");
  expect(statusText({ ...running, status: "paused" }, now)).toBe("Up 5 seconds (Paused)");
  const exited = { ...running, status: "exited" as const, exitCode: 3, finishedAt: at(now - 3 * M) };
  expect(statusText(exited, now)).toBe("Exited (3) 3 minutes ago");
});
