import { expect, test } from "bun:test";
import { goDuration } from "./go-duration.ts";

test("as Go's time.Duration", () => {
  const said = [0, 300, 1.5, 0.0015, 1500, 30_000, 60_000, 90_500, 9_900_500, -1000].map(goDuration);
  expect(said).toEqual([
    "0s",
    "300ms",
    "1.5ms",
    "1.5µs",
    "1.5s",
    "30s",
    "1m0s",
    "1m30.5s",
    "2h45m0.5s",
    "-1s",
  ]);
});
