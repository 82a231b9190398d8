/** Keeps a skiff-containerd running for as long as skiffd does: adopted or started, started again when it dies, stopped at the end. */
import { Version } from "../../contracts/containerd/gen/version_service_pb.ts";
import { messageOf, SkiffError } from "../../lib/errors.ts";
import { type Channel, createClient } from "../../wire/h2/client.ts";
import {
  type ContainerdPaths,
  type ContainerdProcess,
  findContainerd,
  startContainerd,
  stopContainerd,
} from "./process.ts";

export interface ManagedContainerd {
  /** Tells it to stop, and waits. Containers go on. */
  stop(): Promise<void>;
}

export interface SuperviseOptions {
  readonly paths: ContainerdPaths;
  readonly level: string;
  /** A line for the daemon's log. */
  readonly log: (message: string) => void;
}

/** One that dies at once is started again more and more slowly. */
const DELAY_MS = 50;
const DELAY_MS_MAX = 5000;
/** Ran for as long as this: no longer counted among those. */
const STABLE_MS = 5000;
const STOP_MS = 10_000;

export function superviseContainerd({ paths, level, log }: SuperviseOptions): ManagedContainerd {
  let stopping = false;
  const launch = (): ContainerdProcess => {
    const found = findContainerd(paths);
    if (found !== undefined) log(`adopted skiff-containerd, pid ${found.pid}`);
    return found ?? startContainerd(paths, level);
  };
  let current = launch();
  const keep = async (): Promise<void> => {
    let delay = DELAY_MS;
    for (;;) {
      const begunMs = Date.now();
      await current.exited;
      if (stopping) return;
      log(`skiff-containerd (pid ${current.pid}) has ended; starting it again`);
      if (Date.now() - begunMs > STABLE_MS) delay = DELAY_MS;
      else await Bun.sleep((delay = Math.min(delay * 2, DELAY_MS_MAX)) - DELAY_MS);
      if (stopping) return;
      current = launch();
    }
  };
  const kept = keep().catch((error: unknown) => log(`supervise skiff-containerd: ${messageOf(error)}`));
  return {
    async stop() {
      stopping = true;
      await stopContainerd(paths, current, STOP_MS);
      await kept;
    },
  };
}

const PAUSE_MS = 5;
const READY_MS_MAX = 30_000;

/** Until it answers. Answers its version and revision. @throws unavailable when it does not within half a minute. */
export async function whenReady(
  channel: Channel,
  address: string,
): Promise<{ readonly version: string; readonly revision: string }> {
  const client = createClient(Version, channel);
  const end = Date.now() + READY_MS_MAX;
  for (;;) {
    try {
      const { version, revision } = await client.version({});
      return { version, revision };
    } catch (error) {
      if (Date.now() > end)
        throw new SkiffError("unavailable", `connect to containerd at ${address}: ${messageOf(error)}`);
      await Bun.sleep(PAUSE_MS);
    }
  }
}
