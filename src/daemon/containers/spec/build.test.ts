/**
 * The OCI configuration against what the genuine dockerd 20.10 wrote for the same flags (golden/*.json: its `inspect` and its config.json).
 * Where we differ on purpose, `expected` says so.
 */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Spec } from "../../../contracts/oci/spec.ts";
import { availableCapabilities } from "../../security/capabilities.ts";
import { maskedPaths } from "../../security/paths.ts";
import { hostSeccompFacts } from "../../security/seccomp.ts";
import { completeConfig, completeHostConfig } from "../config.ts";
import { type ContainerRecord, CREATED } from "../container.ts";
import { parseBind } from "../mount-points.ts";
import { buildSpec, type HostFacts } from "./build.ts";
import type { PlannedMount } from "./mounts.ts";
import { resolveUser } from "./user.ts";

interface Golden {
  readonly id: string;
  readonly config: object;
  readonly hostConfig: { readonly Binds: readonly string[] | null; readonly Tmpfs?: Record<string, string> };
  readonly spec: Spec;
}

const GOLDEN = join(import.meta.dir, "golden");
const HOST: HostFacts = {
  cgroupVersion: 1,
  capabilities: availableCapabilities(),
  maskedPaths: maskedPaths(),
  seccomp: hostSeccompFacts(),
  apparmor: { enabled: false, isLoaded: () => false, loadDefault: () => {} },
  initPath: "/usr/bin/docker-init",
};
const PASSWD = "root:x:0:0:root:/root:/bin/sh\nplain:x:1000:1000::/home/plain:/bin/sh\n";
const GROUP = "root:x:0:\nplain:x:1000:\nextra:x:2000:plain\n";

const plan = (mount: Partial<PlannedMount>): PlannedMount => ({
  kind: "bind",
  destination: "",
  source: "",
  writable: true,
  recursive: true,
  readonlyRecursive: false,
  propagation: "rprivate",
  data: "",
  ...mount,
});

function build({ id, config, hostConfig, spec }: Golden): Spec {
  const container: ContainerRecord = {
    ...{ id, name: "x", created: "", endpoints: {}, mounts: [], state: CREATED },
    image: { id: "", reference: "", platform: "linux/amd64", chainId: "" },
    config: completeConfig(config),
    // dockerd 20.10 shows its own default paths in `inspect`; ours are newer.
    hostConfig: completeHostConfig({ ...hostConfig, MaskedPaths: null, ReadonlyPaths: null }),
  };
  const { User } = container.config;
  const user = resolveUser(User, { passwd: PASSWD, group: GROUP }, container.hostConfig.GroupAdd ?? []);
  const sourceOf = (path: string) => spec.mounts!.find((mount) => mount.destination === path)!.source!;
  const files = ["/etc/resolv.conf", "/etc/hostname", "/etc/hosts"].map((path) =>
    plan({ destination: path, source: sourceOf(path), writable: !container.hostConfig.ReadonlyRootfs }),
  );
  if (container.hostConfig.IpcMode === "host")
    files.push(plan({ destination: "/dev/shm", source: "/dev/shm" }));
  const binds = (hostConfig.Binds ?? []).map((bind) => {
    const { source, destination, rw, propagation } = parseBind(bind, "");
    return plan({ source, destination, writable: rw, propagation });
  });
  const tmpfs = Object.entries(hostConfig.Tmpfs ?? {}).map(([destination, data]) =>
    plan({ kind: "tmpfs", destination, data }),
  );
  const mounts = [...binds, ...tmpfs, ...files];
  return buildSpec({ container, host: HOST, rootfs: spec.root!.path, user, mounts, namespaces: {} });
}

/** Zeros and empty objects say nothing; dockerd writes them. */
function meaningful(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(meaningful);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, meaningful(inner)] as const);
  const empty = (inner: unknown) =>
    inner === undefined || inner === null || (typeof inner === "object" && Object.keys(inner).length === 0);
  return Object.fromEntries(entries.filter(([, inner]) => !empty(inner)));
}

const byDestination = (spec: Spec) =>
  [...spec.mounts!].sort((a, b) => (a.destination < b.destination ? -1 : 1));

function comparable(spec: Spec): unknown {
  const { hooks: _, ociVersion: __, ...rest } = spec;
  const { memory, cpu, blockIO, ...resources } = rest.linux!.resources!;
  return meaningful({
    ...rest,
    mounts: byDestination(spec).map((mount) => ({
      ...mount,
      options: mount.type === "tmpfs" ? mount.options!.toSorted() : mount.options,
    })),
    process: {
      ...rest.process,
      // runc adds HOME; we do.
      env: rest.process!.env!.filter((entry) => !entry.startsWith("HOME=")),
      // 20.10 leaves them away for users other than root; newer ones leave that to execve.
      capabilities: rest.process!.capabilities!.bounding,
    },
    linux: {
      ...rest.linux,
      maskedPaths: undefined,
      readonlyPaths: undefined,
      seccomp: rest.linux!.seccomp?.defaultAction,
      resources: {
        ...resources,
        memory,
        cpu: { ...cpu, shares: cpu?.shares === 0 ? undefined : cpu?.shares },
        blockIO: { ...blockIO, weight: blockIO?.weight === 0 ? undefined : blockIO?.weight },
      },
    },
  });
}

test.each(readdirSync(GOLDEN))("%s is what dockerd writes", async (file) => {
  const golden = (await Bun.file(join(GOLDEN, file)).json()) as Golden;
  expect(comparable(build(golden))).toEqual(comparable(golden.spec));
});

test("the newest masks are there, and privileged has none", async () => {
  const golden = (await Bun.file(join(GOLDEN, "plain.json")).json()) as Golden;
  const spec = build(golden);
  expect(spec.linux!.maskedPaths).toContain("/proc/interrupts");
  expect(spec.linux!.maskedPaths).toContain("/sys/devices/virtual/powercap");
  for (const path of golden.spec.linux!.maskedPaths!) expect(spec.linux!.maskedPaths).toContain(path);
  const privileged = build({ ...golden, hostConfig: { ...golden.hostConfig, Privileged: true } as never });
  expect(privileged.linux!.maskedPaths).toBeUndefined();
  expect(privileged.linux!.seccomp).toBeUndefined();
  expect(privileged.mounts!.find(({ destination }) => destination === "/sys")!.options).not.toContain("ro");
  expect(privileged.process!.capabilities!.bounding).toEqual(availableCapabilities());
});
