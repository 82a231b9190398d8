/** The daemon's life: lock → containerd → services → recovery → sockets, and the same backwards at SIGTERM. Containers go on without it. */
import { mkdirSync, rmSync } from "node:fs";
import { linuxKernel } from "../kernel/linux.ts";
import { messageOf } from "../lib/errors.ts";
import { createChannel } from "../wire/h2/client.ts";
import { createHttpServer } from "../wire/http1/server.ts";
import { assemble } from "./assemble.ts";
import type { DaemonOptions } from "./config/options.ts";
import { superviseContainerd, whenReady } from "./containerd/supervise.ts";
import { NAMESPACE } from "./containers/open.ts";
import { openDatabase } from "./database.ts";
import { listenAll } from "./listen.ts";
import { lockDataRoot, removePidfile, writePidfile } from "./lock.ts";
import type { Logger } from "./log.ts";
import type { Containerd } from "./system/version.ts";

/** For requests at work when the daemon is told to stop. Attached clients and listeners never end by themselves. */
const GRACE_MS = 500;

/** Resolves at the first SIGTERM or SIGINT. */
function askedToStop(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGTERM", () => resolve());
    process.once("SIGINT", () => resolve());
  });
}

function ownContainerd({ dataRoot, execRoot, level }: DaemonOptions, log: Logger) {
  const directory = `${execRoot}/containerd`;
  const address = `${directory}/containerd.sock`;
  const paths = {
    root: `${dataRoot}/containerd`,
    state: `${directory}/daemon`,
    ...{ address, pidfile: `${directory}/containerd.pid` },
  };
  return { address, managed: superviseContainerd({ paths, level, log: log.info }) };
}

/** A request's promise that nobody waits for must not end the daemon; anything thrown outside of all promises does. */
function reportFaults(log: Logger): void {
  const text = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.on("unhandledRejection", (error) => log.error(`unhandled rejection: ${text(error)}`));
  process.on("uncaughtException", (error) => {
    log.error(`uncaught exception: ${text(error)}`);
    process.exit(1);
  });
}

async function run(options: DaemonOptions, log: Logger, stopping: Promise<void>): Promise<void> {
  const { address, managed } =
    options.containerd === ""
      ? ownContainerd(options, log)
      : { address: options.containerd, managed: undefined };
  const channel = createChannel({ path: address, metadata: { "containerd-namespace": NAMESPACE } });
  const database = openDatabase(`${options.dataRoot}/skiffd.db`);
  try {
    let containerd: Containerd = { version: "", revision: "" };
    const parts = {
      options,
      database,
      channel,
      containerdAddress: address,
      containerd: () => containerd,
      log,
    };
    const daemon = assemble(parts);
    const end = new AbortController();
    const sockets: string[] = [];
    const server = createHttpServer({
      handle: daemon.handle,
      onFault: (what, error) => log.error(`${what}: ${messageOf(error)}`),
    });
    try {
      containerd = await whenReady(channel, address);
      await daemon.containers.recover();
      void daemon.containers.follow(daemon.taskEvents, end.signal);
      await listenAll(server, options, log, sockets);
      log.info("Daemon has completed initialization");
      await stopping;
      log.info("Processing signal 'terminated'");
    } finally {
      await server.close(GRACE_MS);
      await daemon.containers.close();
      end.abort();
      for (const path of sockets) rmSync(path, { force: true });
      daemon.networks.close();
    }
  } finally {
    channel.close();
    await managed?.stop();
    database.close();
  }
}

/** Runs until SIGTERM or SIGINT. @throws what keeps the daemon from starting */
export async function serve(options: DaemonOptions, log: Logger): Promise<void> {
  const stopping = askedToStop();
  reportFaults(log);
  // dockerd reads its file again; without a handler we would die of it.
  process.on("SIGHUP", () => log.warn("SIGHUP: the configuration is read at the start only"));
  for (const warning of options.warnings) log.warn(warning);
  mkdirSync(options.dataRoot, { recursive: true, mode: 0o710 });
  lockDataRoot(linuxKernel, options.dataRoot);
  mkdirSync(options.execRoot, { recursive: true, mode: 0o711 });
  writePidfile(options.pidfile);
  try {
    await run(options, log, stopping);
  } finally {
    removePidfile(options.pidfile);
  }
}
