/**
 * Tasks of foreign shims (`containerd-shim-*-v2`), found again after a restart by what lies in their bundles:
 *
 *     <bundle>/shim-binary-path   the shim's program
 *     <bundle>/bootstrap.json     {"version":2,"address":"unix://…","protocol":"ttrpc"}
 *     <bundle>/log                FIFO, the shim's own log
 *
 * Their events come by themselves (events.ts). A shim whose connection ends without our asking is dead, and so is its container: its program is
 * run once more with `delete`, and the exit it answers is told to `onDead`, as containerd does.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { DeleteResponseSchema } from "../../../contracts/containerd/gen/shim_task_pb.ts";
import type { CreateTask, Exit } from "../../../contracts/shim/task.ts";
import { SkiffError } from "../../../lib/errors.ts";
import { connectTtrpc } from "../../../wire/ttrpc/client.ts";
import { type Bootstrap, deleteShim, parseBootstrap, type ShimHome, startShim } from "./command.ts";
import { clientOf, exitOf, type ForeignTask } from "./foreign-task.ts";
import { drainShimLog } from "./shim-log.ts";

export interface ForeignParts {
  /** `<state>/io.containerd.runtime.v2.task` */
  readonly stateDir: string;
  /** Of our gRPC socket. */
  readonly address: string;
  readonly log: (line: string) => void;
  readonly onDead: (task: Pick<ForeignTask, "namespace" | "id">, exit: Exit) => void;
}

const SHUTDOWN_MS_MAX = 3000;
const PROGRAM_FILE = "shim-binary-path";
const BOOTSTRAP_FILE = "bootstrap.json";

export class ForeignTasks {
  readonly #tasks = new Map<string, ForeignTask>();
  readonly #logs = new Map<string, () => void>();

  constructor(private readonly parts: ForeignParts) {}

  has(namespace: string, id: string): boolean {
    return this.#tasks.has(`${namespace}/${id}`);
  }

  /** @throws not_found */
  get(namespace: string, id: string): ForeignTask {
    const task = this.#tasks.get(`${namespace}/${id}`);
    if (task === undefined) throw new SkiffError("not_found", `task ${id}: not found`);
    return task;
  }

  all(namespace: string): ForeignTask[] {
    return [...this.#tasks.values()].filter((task) => task.namespace === namespace);
  }

  async create(program: string, request: CreateTask, options: Any | undefined): Promise<{ pid: number }> {
    const home = this.#homeOf(request);
    writeFileSync(join(home.bundle, PROGRAM_FILE), program);
    this.#drain(home);
    try {
      const bytes = options === undefined ? new Uint8Array() : toBinary(AnySchema, options);
      const bootstrap = await startShim(program, home, bytes);
      const task = await this.#connect(program, home, bootstrap);
      const { socket, version } = bootstrap;
      const kept = { version, address: `unix://${socket}`, protocol: "ttrpc" };
      writeFileSync(join(home.bundle, BOOTSTRAP_FILE), JSON.stringify(kept), { mode: 0o600 });
      const { id, bundle, stdio } = request;
      const rootfs = [...request.rootfs].map((mount) => ({ ...mount, options: [...mount.options] }));
      const { pid } = await task.client.create({
        ...{ id, bundle, rootfs, ...stdio },
        ...(options === undefined ? {} : { options }),
      });
      task.pid = pid;
      return { pid };
    } catch (error) {
      await this.#abandon(program, home);
      throw error;
    }
  }

  /** After the task's `Delete`: the shim is asked to leave, and goes by itself when no other task is its. */
  async forget(task: ForeignTask): Promise<void> {
    this.#drop(task);
    await task.client.shutdown({ id: task.id }, { timeoutMs: SHUTDOWN_MS_MAX }).catch(() => undefined);
    task.channel.close();
  }

  /** Connects to every shim that a former skiff-containerd left; cleans up after those that are dead. */
  async recover(): Promise<void> {
    for (const home of this.#homes()) {
      const program = readFileSync(join(home.bundle, PROGRAM_FILE), "utf8");
      this.#drain(home);
      try {
        const bootstrap = parseBootstrap(readFileSync(join(home.bundle, BOOTSTRAP_FILE), "utf8"));
        const task = await this.#connect(program, home, bootstrap);
        task.pid = (await task.client.connect({ id: home.id })).taskPid;
      } catch (error) {
        this.parts.log(`shim of ${home.id} does not answer: ${String(error)}`);
        this.parts.onDead(home, await this.#abandon(program, home));
      }
    }
  }

  #homeOf({ namespace, id, bundle }: Omit<ShimHome, "address">): ShimHome {
    return { address: this.parts.address, namespace, id, bundle };
  }

  *#homes(): Iterable<ShimHome> {
    const { stateDir } = this.parts;
    if (!existsSync(stateDir)) return;
    for (const namespace of readdirSync(stateDir)) {
      for (const id of readdirSync(join(stateDir, namespace))) {
        const home = this.#homeOf({ namespace, id, bundle: join(stateDir, namespace, id) });
        if (existsSync(join(home.bundle, PROGRAM_FILE))) yield home;
      }
    }
  }

  #drain({ namespace, id, bundle }: ShimHome): void {
    const line = (text: string) => this.parts.log(`shim of ${id}: ${text}`);
    this.#logs.set(`${namespace}/${id}`, drainShimLog(bundle, line));
  }

  async #connect(program: string, home: ShimHome, { socket, version }: Bootstrap): Promise<ForeignTask> {
    const channel = await connectTtrpc(socket);
    const { namespace, id, bundle } = home;
    const client = clientOf(channel, version);
    const task: ForeignTask = { namespace, id, bundle, program, channel, client, pid: 0 };
    this.#tasks.set(`${namespace}/${id}`, task);
    void channel.closed.then(async () => {
      if (this.#tasks.get(`${namespace}/${id}`) !== task) return;
      this.parts.onDead(task, await this.#abandon(program, home));
    });
    return task;
  }

  #drop({ namespace, id }: Pick<ForeignTask, "namespace" | "id">): void {
    const key = `${namespace}/${id}`;
    this.#tasks.delete(key);
    this.#logs.get(key)?.();
    this.#logs.delete(key);
  }

  /** Runs the shim's `delete`; a container that nobody can ask about has ended by SIGKILL. */
  async #abandon(program: string, home: ShimHome): Promise<Exit> {
    const task = this.#tasks.get(`${home.namespace}/${home.id}`);
    this.#drop(home);
    // One that lives has no task any more, and would stay for ever; one that is dead does not mind.
    await task?.client
      .shutdown({ id: home.id, now: true }, { timeoutMs: SHUTDOWN_MS_MAX })
      .catch(() => undefined);
    task?.channel.close();
    try {
      const answer = fromBinary(DeleteResponseSchema, await deleteShim(program, home));
      return { ...exitOf(answer), pid: answer.pid || (task?.pid ?? 0) };
    } catch (error) {
      this.parts.log(`clean up after shim of ${home.id}: ${String(error)}`);
      return { pid: task?.pid ?? 0, exitStatus: 137, exitedAtNs: BigInt(Date.now()) * 1_000_000n };
    }
  }
}
