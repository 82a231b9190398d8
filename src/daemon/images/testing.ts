/** For tests: the genuine containerd (Debian's 1.6: no Transfer service) on directories of its own, and images opened over it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { systemClock } from "../../lib/clock.ts";
import { randomIds } from "../../lib/ids.ts";
import { createTracer } from "../../lib/trace.ts";
import { type Channel, createChannel } from "../../wire/h2/client.ts";
import type { ContainerRecord } from "../containers/container.ts";
import { type OpenedImages, openImages } from "./open.ts";

export interface TestEvent {
  readonly type: string;
  readonly action: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface TestImages extends AsyncDisposable, OpenedImages {
  readonly dir: string;
  readonly channel: Channel;
  readonly events: TestEvent[];
  readonly containers: ContainerRecord[];
  /** Runs ctr in namespace moby. */
  ctr(...args: string[]): Promise<string>;
}

export async function run(argv: readonly string[]): Promise<string> {
  const child = Bun.spawn([...argv], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, problem] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")}: ${problem}`);
  return out;
}

function opened(channel: Channel, dir: string) {
  const events: TestEvent[] = [];
  const containers: ContainerRecord[] = [];
  const options = { snapshotter: "overlayfs", hostsDir: `${dir}/hosts`, insecureRegistries: [], mirrors: [] };
  const images = openImages(options, {
    channel,
    containers: {
      all: () => containers,
      get: (id) => containers.find((container) => container.id === id)!,
      pause: async () => {},
      unpause: async () => {},
    },
    events: {
      publish: (type, action, id, attributes) => void events.push({ type, action, id, attributes }),
    },
    tracer: createTracer({ layer: "skiffd", nowNs: systemClock.nowNs, hex: randomIds.hex }),
    clock: systemClock,
    ids: randomIds,
    log: () => {},
  });
  return { ...images, events, containers };
}

export async function startImages(): Promise<TestImages> {
  const dir = mkdtempSync("/tmp/skiff-images-");
  const socket = `${dir}/c.sock`;
  mkdirSync(`${dir}/state`);
  const disabled = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs"];
  writeFileSync(
    `${dir}/config.toml`,
    [
      "version = 2",
      `root = "${dir}/root"`,
      `state = "${dir}/state"`,
      `disabled_plugins = ${JSON.stringify(disabled)}`,
      "[grpc]",
      `  address = "${socket}"`,
      "",
    ].join("\n"),
  );
  const child = Bun.spawn(["containerd", "--config", `${dir}/config.toml`], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  const ctr = (...args: string[]) => run(["ctr", "-a", socket, "-n", "moby", ...args]);
  for (let tries = 0; tries < 400; tries++) {
    const ready = await ctr("version").then(
      () => true,
      () => false,
    );
    if (ready) break;
    await Bun.sleep(25);
  }
  const channel = createChannel({ path: socket, metadata: { "containerd-namespace": "moby" } });
  return {
    ...opened(channel, dir),
    ...{ dir, channel, ctr },
    async [Symbol.asyncDispose]() {
      channel.close();
      child.kill();
      await child.exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
