import { expect, test } from "bun:test";
import { DEFAULT_CAPABILITIES, namesOfMask, resolveCapabilities } from "./capabilities.ts";

const ALL = namesOfMask("1ffffffffff");
const resolve = (add: string[], drop: string[], privileged = false) =>
  resolveCapabilities({ add, drop, privileged }, ALL);

test("defaults, add, drop, ALL, privileged", () => {
  expect(resolve([], [])).toEqual(DEFAULT_CAPABILITIES);
  expect(resolve(["net_admin"], ["CAP_MKNOD"])).toEqual([
    ...DEFAULT_CAPABILITIES.filter((name) => name !== "CAP_MKNOD"),
    "CAP_NET_ADMIN",
  ]);
  expect(resolve([], ["ALL"])).toEqual([]);
  expect(resolve(["CHOWN"], ["all"])).toEqual(["CAP_CHOWN"]);
  expect(resolve(["ALL"], ["SYS_ADMIN"])).toEqual(ALL.filter((name) => name !== "CAP_SYS_ADMIN"));
  expect(resolve([], [], true)).toEqual(ALL);
  expect(ALL).toHaveLength(41);
});

test("unknown ones and those we have not got are errors", () => {
  expect(() => resolve(["FLY"], [])).toThrow('unknown capability: "CAP_FLY"');
  expect(() =>
    resolveCapabilities({ add: ["SYS_ADMIN"], drop: [], privileged: false }, ["CAP_CHOWN"]),
  ).toThrow(
    'capability not supported by your kernel or not available in the current environment: "CAP_SYS_ADMIN"',
  );
});
