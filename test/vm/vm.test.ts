/** The main job under pure cgroup v2 with AppArmor on, in a virtual machine with Debian's own kernel. */
import { beforeAll, describe, expect, test } from "bun:test";
import { bootMachine } from "./machine.ts";

const qemu = Bun.which("qemu-system-x86_64");

describe.skipIf(qemu === null)(
  "cgroup v2 and AppArmor in qemu (skipped only where qemu-system-x86_64 cannot be installed)",
  () => {
    let output = "";
    beforeAll(async () => {
      output = await bootMachine();
    }, 600_000);

    const step = (name: string) => {
      const match = new RegExp(`^STEP ${name} \\| (.*) \\| (\\d+)$`, "m").exec(output);
      if (match === null) throw new Error(`the guest did not get to "${name}":\n${output.slice(-8000)}`);
      return { output: match[1]!.split("~").join("\n"), code: Number(match[2]) };
    };

    test("boots and loads an image", () =>
      expect(step("load").output).toContain("Loaded image: busybox:latest"));
    test("info names cgroup v2 and AppArmor", () => {
      expect(step("info").output).toMatch(/^2 /);
      expect(step("info").output).toContain("name=apparmor");
    });
    test("both command lines run a container", () => {
      expect(step("hello")).toEqual({ output: "hello", code: 0 });
      expect(step("skiff")).toEqual({ output: "hello", code: 0 });
      expect(step("init").code).toBe(3);
    });
    test("the container is confined by docker-default", () => {
      expect(step("apparmor").output).toBe("docker-default (enforce)");
    });
    test("limits are in cgroup v2 files, in a cgroup namespace", () => {
      expect(step("cgroup").output.split("\n")).toEqual(["0::/", "67108864", "33", "50000 100000"]);
    });
    test("devices are filtered by a BPF program", () => {
      expect(step("devices").output).toContain("1\n");
      expect(step("devices").output).toMatch(/not permitted|denied/);
      expect(step("allowed")).toEqual({ output: "/dev/kmsg", code: 0 });
    });
    test("a detached container is reached, paused, stopped and removed", () => {
      expect(step("exec").code).toBe(0);
      expect(step("published")).toEqual({ output: "served", code: 0 });
      expect(step("logs").output).toBe("ready");
      expect(step("paused").output).toBe("paused");
      expect(step("state").output).toMatch(/^exited (0|137|143)$/);
      expect(step("rm")).toEqual({ output: "long", code: 0 });
      expect(step("left").output).toBe("0");
    });
  },
);
