import { describe, expect, test } from "bun:test";
import { ancestry, expandSystemdPath, parseHierarchies, placeCgroups } from "./hierarchies.ts";

const HYBRID = parseHierarchies(
  `30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw`,
  "4:memory:/own/part\n3:cpu,cpuacct:/\n2:name=systemd:/s\n0::/\n",
);
const UNIFIED = parseHierarchies(
  "31 30 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate",
  "0::/user/session.scope\n",
);

describe("cgroup hierarchies", () => {
  test("hybrid counts as v1 with its controllers, unified as v2", () => {
    expect(HYBRID.version).toBe(1);
    expect([...HYBRID.of.keys()]).toEqual(["memory", "cpu", "cpuacct", "name=systemd"]);
    expect(UNIFIED.version).toBe(2);
  });

  test("an absolute path counts from the root, a relative one from our own cgroup", () => {
    expect(placeCgroups(HYBRID, "/a/b", "id")["memory"]).toBe("/sys/fs/cgroup/memory/a/b");
    expect(placeCgroups(HYBRID, "a", "id")["memory"]).toBe("/sys/fs/cgroup/memory/own/part/a");
    expect(placeCgroups(HYBRID, undefined, "id")["cpu"]).toBe("/sys/fs/cgroup/cpu,cpuacct/id");
    expect(placeCgroups(UNIFIED, "/a", "id")).toEqual({ "": "/sys/fs/cgroup/a" });
    expect(placeCgroups(UNIFIED, "", "id")).toEqual({ "": "/sys/fs/cgroup/user/id" });
  });

  test("a path cannot leave the hierarchy", () => {
    expect(placeCgroups(HYBRID, "/../../etc", "id")["memory"]).toBe("/sys/fs/cgroup/memory/etc");
    expect(placeCgroups(HYBRID, "../../../etc", "id")["memory"]).toBe("/sys/fs/cgroup/memory/own/part/etc");
    expect(() => placeCgroups(HYBRID, "/", "id")).toThrow("root cgroup");
  });

  test("systemd's form", () => {
    expect(expandSystemdPath("a-b.slice:docker:x", "id")).toBe("/a.slice/a-b.slice/docker-x.scope");
    expect(expandSystemdPath(":docker:x", "id")).toBe("/system.slice/docker-x.scope");
    expect(expandSystemdPath(undefined, "id")).toBe("/system.slice/runc-id.scope");
    expect(() => expandSystemdPath("/a", "id")).toThrow("slice:prefix:name");
  });

  test("ancestry", () => {
    expect(ancestry("/c", "/c/a/b")).toEqual(["/c/a", "/c/a/b"]);
  });
});
