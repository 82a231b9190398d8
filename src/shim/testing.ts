/** What the shim's tests share: bundles with a busybox rootfs, a service on directories of its own, and its leak check. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { OciRuntime, RuntimeFactory } from "../contracts/oci/runtime.ts";
import type { NamespaceType, Spec } from "../contracts/oci/spec.ts";
import { FRAME } from "../contracts/shim/stdio.ts";
import type { CreateTask, Stdio, TaskEvent, TaskService } from "../contracts/shim/task.ts";
import { systemClock } from "../lib/clock.ts";
import { SkiffError } from "../lib/errors.ts";
import { randomIds } from "../lib/ids.ts";
import { createTracer } from "../lib/trace.ts";
import { createFrameReader, encodeFrame, type Frame } from "./frames.ts";
import { createTaskService } from "./main.ts";

export const INIT_PATH = resolve(import.meta.dir, "../../native/build/skiff-init");
export const NO_STDIO: Stdio = { terminal: false, stdin: "", stdout: "", stderr: "" };

export interface Bench {
  readonly directory: string;
  readonly service: TaskService;
  readonly events: TaskEvent[];
  /** Another service on the same records, as after a restart. */
  reopen(): TaskService;
  /** A bundle that runs `sh -c script`, and the request for it. */
  task(id: string, script: string, change?: Partial<BundleOptions>): CreateTask;
  /** Stdio through the supervisor's socket, with a log. */
  supervised(id: string, terminal?: boolean, query?: string): Stdio;
  log(id: string): string;
  close(): void;
}

export interface BundleOptions {
  readonly stdio: Stdio;
  readonly binaryName: string;
  readonly hostPid: boolean;
  readonly memoryLimit: number;
}

function noRuntime(): OciRuntime {
  throw new SkiffError("unimplemented", "this test names its runtime");
}

export function createService(directory: string, createRuntime: RuntimeFactory = noRuntime): TaskService {
  return createTaskService({
    stateDir: join(directory, "state"),
    initPath: INIT_PATH,
    tracer: createTracer({ layer: "shim", nowNs: systemClock.nowNs, hex: randomIds.hex }),
    clock: systemClock,
    createRuntime,
  });
}

function spec(rootfs: string, script: string, options: BundleOptions): Spec {
  const shared = ["mount", "uts", "ipc", "network"] as const;
  const namespaces: readonly NamespaceType[] = options.hostPid ? shared : [...shared, "pid"];
  return {
    ociVersion: "1.0.2",
    root: { path: rootfs },
    process: {
      terminal: options.stdio.terminal,
      user: { uid: 0, gid: 0 },
      args: ["/bin/sh", "-c", script],
      env: ["PATH=/bin"],
      cwd: "/",
      noNewPrivileges: true,
      capabilities: { bounding: [], effective: [], permitted: [] },
    },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["mode=755"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["newinstance", "ptmxmode=0666"],
      },
    ],
    linux: {
      namespaces: namespaces.map((type) => ({ type })),
      cgroupsPath: `/skiff-shim-test/${crypto.randomUUID()}`,
      resources: { memory: { limit: options.memoryLimit } },
    },
  };
}

/** Debian's crun refuses a v1 hybrid machine while it sees the v2 mount; it gets a view without it. */
function wrapCrun(directory: string): string {
  const wrapper = join(directory, "rootfs/tmp/crun");
  if (!existsSync("/sys/fs/cgroup/unified")) return "/usr/bin/crun";
  const script =
    '#!/bin/sh\nexec unshare -m sh -c \'umount -l /sys/fs/cgroup/unified; exec /usr/bin/crun "$@"\' crun "$@"\n';
  writeFileSync(wrapper, script, { mode: 0o755 });
  return wrapper;
}

/** `runtime`: a genuine one, or the factory of the one in process. */
export function createBench(runtime: "runc" | "crun" | RuntimeFactory = "runc"): Bench {
  const directory = mkdtempSync(join(tmpdir(), "skiff-shim-"));
  const rootfs = join(directory, "rootfs");
  for (const name of ["bin", "proc", "dev", "tmp"]) mkdirSync(join(rootfs, name), { recursive: true });
  copyFileSync("/usr/bin/busybox", join(rootfs, "bin/busybox"));
  Bun.spawnSync([join(rootfs, "bin/busybox"), "--install", "-s", join(rootfs, "bin")]);
  for (const link of new Bun.Glob("*").scanSync({ cwd: join(rootfs, "bin"), onlyFiles: false })) {
    if (link !== "busybox") Bun.spawnSync(["ln", "-sf", "busybox", join(rootfs, "bin", link)]);
  }
  const inProcess = typeof runtime === "string" ? undefined : runtime;
  const service = createService(directory, inProcess);
  const events: TaskEvent[] = [];
  service.onEvent((event) => void events.push(event));
  const genuine = runtime === "crun" ? wrapCrun(directory) : "/usr/sbin/runc";
  const binary = inProcess === undefined ? genuine : "";
  return {
    ...{ directory, service, events },
    reopen: () => createService(directory, inProcess),
    task(id, script, change = {}) {
      const options = { stdio: NO_STDIO, binaryName: binary, hostPid: false, memoryLimit: -1, ...change };
      const bundle = join(directory, "bundles", id);
      mkdirSync(bundle, { recursive: true, mode: 0o700 });
      writeFileSync(join(bundle, "config.json"), JSON.stringify(spec(rootfs, script, options)));
      const runtimeOptions = {
        binaryName: options.binaryName,
        root: "",
        systemdCgroup: false,
        noPivotRoot: false,
      };
      return {
        ...{ namespace: "test", id, bundle, rootfs: [], stdio: options.stdio, traceparent: "" },
        options: runtimeOptions,
      };
    },
    supervised(id, terminal = false, query = "") {
      const log = `log=json-file&path=${directory}/${id}.log${query}`;
      const url = `supervisor://${directory}/${id}.sock?${log}`;
      return { terminal, stdin: url, stdout: url, stderr: terminal ? "" : url };
    },
    log: (id) => readFileSync(join(directory, `${id}.log`), "utf8"),
    close() {
      rmSync(directory, { recursive: true, force: true });
      for (const parent of new Bun.Glob("*/skiff-shim-test").scanSync({
        cwd: "/sys/fs/cgroup",
        onlyFiles: false,
      })) {
        Bun.spawnSync(["rmdir", "--ignore-fail-on-non-empty", join("/sys/fs/cgroup", parent)]);
      }
    },
  };
}

/** Log lines as [stream, text]. */
export function logEntries(log: string): [string, string][] {
  return log
    .trimEnd()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const entry = JSON.parse(line) as { log: string; stream: string };
      return [entry.stream, entry.log];
    });
}

export interface AttachClient {
  readonly frames: Frame[];
  /** What arrived on a stream so far. */
  output(type?: number): string;
  /** Resolves when output contains `text`, or the connection ended. */
  seen(text: string): Promise<void>;
  readonly hello: Promise<void>;
  readonly ended: Promise<void>;
  send(type: number, payload?: string | Uint8Array): void;
  pause(): void;
  resume(): void;
  kill(): void;
}

/** An attach client of the supervisor's stdio socket. */
export async function attach(path: string): Promise<AttachClient> {
  const frames: Frame[] = [];
  const read = createFrameReader();
  const ended = Promise.withResolvers<void>();
  const hello = Promise.withResolvers<void>();
  let wake = Promise.withResolvers<void>();
  let over = false;
  const output = (type: number = FRAME.stdout): string =>
    Buffer.concat(frames.filter((frame) => frame.type === type).map((frame) => frame.payload)).toString();
  const finish = (): void => {
    over = true;
    wake.resolve();
    ended.resolve();
  };
  const socket = await Bun.connect({
    unix: path,
    socket: {
      data(_, bytes) {
        frames.push(...read(bytes));
        if (frames.some((frame) => frame.type === FRAME.hello)) hello.resolve();
        wake.resolve();
        wake = Promise.withResolvers();
      },
      close: finish,
      error: finish,
    },
  });
  return {
    ...{ frames, output, hello: hello.promise, ended: ended.promise },
    async seen(text) {
      while (!over && !output().includes(text)) await wake.promise;
    },
    send: (type, payload = "") => void socket.write(encodeFrame(type, Buffer.from(payload as string))),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    kill: () => void socket.terminate(),
  };
}
