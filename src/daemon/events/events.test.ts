import { expect, test } from "bun:test";
import { matchesFilters } from "./filter.ts";
import { createEventLog, eventLine, type LoggedEvent } from "./log.ts";
import { parseTimestamp } from "./timestamps.ts";

const clock = { now: () => 0, nowNs: () => 1_764_050_000_123_456_789n };

test("the newest 256 are kept; listeners get what comes, and no more once they have gone", async () => {
  const log = createEventLog(clock);
  const end = new AbortController();
  const coming = log.listen(end.signal);
  for (let number = 0; number < 300; number += 1) log.publish("container", "start", String(number), {});
  expect(log.kept()).toHaveLength(256);
  expect(log.kept()[0]!.event.Actor.ID).toBe("44");
  const seen: LoggedEvent[] = [];
  for await (const one of coming) {
    seen.push(one);
    if (seen.length === 300) end.abort();
  }
  expect(seen.map(({ event }) => event.Actor.ID)).toEqual(Array.from({ length: 300 }, (_, n) => String(n)));
  expect(log.listeners()).toBe(0);
});

test("a line has every digit of the time, and the older names for containers and images only", () => {
  const log = createEventLog(clock);
  log.publish("container", "die", "c1", { image: "busybox", name: "x" });
  log.publish("volume", "create", "v1", { driver: "local" });
  const [container, volume] = log.kept().map(eventLine);
  expect(container).toBe(
    '{"status":"die","id":"c1","from":"busybox","Type":"container","Action":"die","Actor":{"ID":"c1","Attributes":' +
      '{"image":"busybox","name":"x"}},"scope":"local","time":1764050000,"timeNano":1764050000123456789}\n',
  );
  expect(volume).toStartWith('{"Type":"volume","Action":"create"');
});

test("filters", () => {
  const log = createEventLog(clock);
  log.publish("container", "exec_create: sh", "abcdef", {
    image: "reg:5000/busybox:1",
    name: "web",
    tier: "a",
  });
  const { event } = log.kept()[0]!;
  const matches = (filters: Record<string, string[]>) =>
    matchesFilters(event, new Map(Object.entries(filters)));
  expect(matches({})).toBe(true);
  expect(matches({ event: ["exec_create"] })).toBe(true);
  expect(matches({ event: ["exec"] })).toBe(false);
  expect(matches({ container: ["we"] })).toBe(true);
  expect(matches({ container: ["abc"] })).toBe(true);
  expect(matches({ container: ["other"] })).toBe(false);
  expect(matches({ image: ["reg:5000/busybox"] })).toBe(true);
  expect(matches({ image: ["busybox"] })).toBe(false);
  expect(matches({ label: ["tier=a"] })).toBe(true);
  expect(matches({ label: ["tier=a", "x"] })).toBe(false);
  expect(matches({ type: ["image", "volume"] })).toBe(false);
  expect(matches({ "no-such": ["x"] })).toBe(true);
});

test("timestamps", () => {
  expect(parseTimestamp("")).toBeUndefined();
  expect(parseTimestamp("12")).toBe(12_000_000_000n);
  expect(parseTimestamp("12.000000034")).toBe(12_000_000_034n);
  expect(parseTimestamp("2025-11-25T05:53:20Z")).toBe(1_764_050_000_000_000_000n);
  expect(() => parseTimestamp("soon")).toThrow('strconv.ParseInt: parsing "soon": invalid syntax');
});
