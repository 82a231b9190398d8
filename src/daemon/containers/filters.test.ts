import { expect, test } from "bun:test";
import { completeConfig, completeHostConfig } from "./config.ts";
import { type ContainerRecord, CREATED } from "./container.ts";
import { type FilterContext, LIST_FILTERS, matches, parseFilters } from "./filters.ts";

const CONTAINER: ContainerRecord = {
  id: "abcdef".padEnd(64, "0"),
  name: "web-1",
  created: "2026-11-24T05:00:00Z",
  image: { id: "sha256:1234", reference: "busybox", platform: "linux/amd64", chainId: "" },
  config: completeConfig({ Image: "busybox", Labels: { tier: "front", empty: "" } }),
  hostConfig: completeHostConfig({}),
  endpoints: {},
  mounts: [],
  state: { ...CREATED, status: "exited", exitCode: 3 },
};
const CONTEXT: FilterContext = {
  find: () => ({ ...CONTAINER, created: "2026-11-24T06:00:00Z" }),
  portsOf: () => [{ PrivatePort: 80, PublicPort: 8080, Type: "tcp" }],
  networksOf: () => ({ bridge: { NetworkID: "n1" } }),
};
const test1 = (json: string) => matches(CONTAINER, parseFilters(json, LIST_FILTERS), CONTEXT);

test.each([
  ['{"name":["web"]}', true],
  ['{"name":["^/web-1$"]}', true],
  ['{"name":{"db":true,"web":true}}', true],
  ['{"name":["db"]}', false],
  ['{"id":["abc"]}', true],
  ['{"label":["tier"]}', true],
  ['{"label":["tier=front","empty="]}', true],
  ['{"label":["tier=back"]}', false],
  ['{"label":["toString"]}', false],
  ['{"status":["exited"]}', true],
  ['{"exited":["3"]}', true],
  ['{"exited":["0"]}', false],
  ['{"ancestor":["busybox:latest"]}', true],
  ['{"before":["x"]}', true],
  ['{"since":["x"]}', false],
  ['{"network":["bridge"]}', true],
  ['{"publish":["8000-9000"]}', true],
  ['{"expose":["80/udp"]}', false],
  ["{}", true],
])("%s → %p", (json, expected) => {
  expect(test1(json)).toBe(expected);
});

test("what is no filter is refused", () => {
  expect(() => test1('{"nonsense":["x"]}')).toThrow("invalid filter 'nonsense'");
  expect(() => test1("[]")).toThrow("invalid filter");
  expect(() => test1("{")).toThrow("invalid filter");
  expect(() => test1('{"status":["sleepy"]}')).toThrow("invalid filter 'status=sleepy'");
});
