import { expect, test } from "bun:test";
import { completeConfig, completeHostConfig } from "./config.ts";
import type { ContainerRecord } from "./container.ts";
import { parseBind, parseMount, planMountPoints } from "./mount-points.ts";

const none = (): ContainerRecord => {
  throw new Error("not asked for");
};

test("-v: bind, volume, anonymous", () => {
  expect(parseBind("/a/../b:/data:ro", "")).toMatchObject({
    ...{ type: "bind", source: "/b", destination: "/data", rw: false, mode: "ro" },
    ...{ propagation: "rprivate", createSource: true },
  });
  expect(parseBind("vol:/data:nocopy", "")).toMatchObject({
    ...{ type: "volume", name: "vol", copyUp: false, rw: true },
    volume: { driver: "local" },
  });
  expect(parseBind("/data", "")).toMatchObject({ type: "volume", name: "", anonymous: true });
  expect(parseBind("/a:/b:rslave,z", "").propagation).toBe("rslave");
});

test.each([
  ["", "invalid volume specification: ''"],
  ["/a:rw", "invalid volume specification: '/a:rw'"],
  ["/a:/b:ro:x", "invalid volume specification: '/a:/b:ro:x'"],
  ["/a:/b:sideways", "invalid mode: sideways"],
  ["/a:/b:ro,rw", "invalid mode: ro,rw"],
  ["/a:b", "invalid mount path: 'b' mount path must be absolute"],
  ["/a:/", "invalid specification: destination can't be '/'"],
  ["a b:/c", "includes invalid characters for a local volume name"],
])("-v %p is refused", (bind, message) => {
  expect(() => parseBind(bind, "")).toThrow(message);
});

test("--mount", () => {
  expect(() => parseMount({ Type: "bind", Source: "/no/such", Target: "/x" })).toThrow(
    'invalid mount config for type "bind": bind source path does not exist: /no/such',
  );
  expect(() => parseMount({ Type: "bind", Target: "/x" })).toThrow("field Source must not be empty");
  expect(() => parseMount({ Type: "tmpfs", Source: "/a", Target: "/x" })).toThrow(
    "field Source must not be specified",
  );
  expect(() => parseMount({ Type: "npipe", Target: "/x" })).toThrow("mount type unknown");
  const size = { SizeBytes: 1024, Mode: 0o700 };
  expect(parseMount({ Type: "tmpfs", Target: "/x", TmpfsOptions: size }).mode).toBe("mode=700,size=1024");
  const subpath = { Type: "volume" as const, Source: "v", Target: "/x", VolumeOptions: { Subpath: "../y" } };
  expect(() => parseMount(subpath)).toThrow("subpath must be a relative path within the volume");
});

test("two on one place are refused, an image's VOLUME gives way", () => {
  const config = completeConfig({ Volumes: { "/data": {}, "/other": {} } });
  const host = completeHostConfig({ Binds: ["/tmp:/data"] });
  const mounts = planMountPoints(config, host, none);
  expect(mounts.map(({ type, destination }) => [type, destination])).toEqual([
    ["bind", "/data"],
    ["volume", "/other"],
  ]);
  const twice = completeHostConfig({ Binds: ["/tmp:/data", "/etc:/data/"] });
  expect(() => planMountPoints(config, twice, none)).toThrow("Duplicate mount point: /data");
});
