/** The services through gRPC, by genuine ctr and by our own client, over a Task service that only remembers. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { create, fromBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema, StringValueSchema } from "@bufbuild/protobuf/wkt";
import { packAny } from "../../contracts/containerd/any.ts";
import { Containers } from "../../contracts/containerd/gen/containers_pb.ts";
import { TaskExitSchema } from "../../contracts/containerd/gen/events_pb.ts";
import { Events } from "../../contracts/containerd/gen/events_service_pb.ts";
import { Introspection } from "../../contracts/containerd/gen/introspection_pb.ts";
import { Leases } from "../../contracts/containerd/gen/leases_pb.ts";
import { OptionsSchema } from "../../contracts/containerd/gen/runc_options_pb.ts";
import { StreamInitSchema, Streaming } from "../../contracts/containerd/gen/streaming_pb.ts";
import { Tasks } from "../../contracts/containerd/gen/tasks_pb.ts";
import type { CreateTask, TaskEvent, TaskService } from "../../contracts/shim/task.ts";
import { systemClock } from "../../lib/clock.ts";
import { codeOf, SkiffError } from "../../lib/errors.ts";
import { randomIds } from "../../lib/ids.ts";
import { createTracer } from "../../lib/trace.ts";
import { createChannel, createClient } from "../../wire/h2/client.ts";
import { createGrpcServer } from "../../wire/h2/server.ts";
import { createEventBus } from "../core/events.ts";
import { forwardTaskEvents } from "../core/task-events.ts";
import { openDatabase } from "../metadata/database.ts";
import { ForeignTasks } from "../plugins/runtimes/foreign.ts";
import { createRuntimes } from "../plugins/runtimes/runtimes.ts";
import { assemble } from "../plugins.ts";
import { createStreaming } from "./streaming.ts";

const directory = mkdtempSync("/tmp/skiff-services-");
const address = `${directory}/grpc.sock`;
const created: CreateTask[] = [];
const listeners = new Set<(event: TaskEvent) => void>();

const tasks = {
  async create(request) {
    if (request.id === "broken") throw new SkiffError("internal", "runtime says no");
    created.push(request);
    return { pid: 42 };
  },
  async state({ id }) {
    if (!created.some((request) => request.id === id))
      throw new SkiffError("not_found", `task ${id}: not found`);
    throw new SkiffError("internal", "not asked for");
  },
  async delete({ id }) {
    created.splice(0, created.length, ...created.filter((request) => request.id !== id));
    return { pid: 42, exitStatus: 3, exitedAtNs: 7_000_000_001n };
  },
  onEvent(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
} as Partial<TaskService> as TaskService;

const events = createEventBus(systemClock);
const foreign = new ForeignTasks({ stateDir: `${directory}/tasks`, address, log() {}, onDead() {} });
const streaming = createStreaming();
const tracer = createTracer({ layer: "skiff-containerd", nowNs: systemClock.nowNs, hex: randomIds.hex });
const parts = {
  root: directory,
  state: `${directory}/tasks`,
  database: openDatabase(":memory:"),
  events,
  streams: streaming.registry,
  tasks: createRuntimes(tasks, foreign),
  clock: systemClock,
  ids: randomIds,
  tracer,
  log() {},
};
const server = createGrpcServer({ services: assemble(parts, streaming.service).services, tracer });
const channel = createChannel({ path: address, metadata: { "containerd-namespace": "moby" } });

beforeAll(() => {
  forwardTaskEvents(tasks, events);
  server.listen(address);
});

afterAll(async () => {
  channel.close();
  await server.close(0);
  rmSync(directory, { recursive: true });
});

async function ctr(...args: string[]): Promise<string> {
  const run = Bun.spawn(["ctr", "-a", address, "-n", "moby", ...args], { stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ]);
  return code === 0 ? out : `failed: ${err}`;
}

async function codeOfCall(promise: Promise<unknown>): Promise<string> {
  return promise.then(() => "ok", codeOf);
}

/** What is published until `count` events have come. */
async function follow(filters: string[], count: number, act: () => Promise<unknown>) {
  const accepted = Promise.withResolvers<void>();
  const stream = createClient(Events, channel).subscribe({ filters }, { onAccepted: accepted.resolve });
  await accepted.promise;
  await act();
  const seen: { topic: string; event?: Any | undefined }[] = [];
  for await (const envelope of stream) {
    if (seen.push(envelope) === count) break;
  }
  return seen;
}

const spec = create(AnySchema, {
  typeUrl: "types.containerd.io/opencontainers/runtime-spec/1/Spec",
  value: Buffer.from("{}"),
});

function newContainer(id: string) {
  const options = packAny(OptionsSchema, { binaryName: "/usr/sbin/crun", root: "/run/x" });
  return { container: { id, image: "img", spec, runtime: { name: "io.containerd.runc.v2", options } } };
}

describe("genuine ctr", () => {
  test("namespaces, containers, leases, plugins", async () => {
    expect(await ctr("namespaces", "create", "blue", "a=b")).toBe("");
    expect(await ctr("namespaces", "ls")).toMatch(/blue\s+a=b/);
    expect(await ctr("namespaces", "label", "blue", "a=c")).toBe("");
    expect(await ctr("namespaces", "ls")).toMatch(/blue\s+a=c/);
    expect(await ctr("namespaces", "rm", "blue")).toBe("blue\n");
    await createClient(Containers, channel).create(newContainer("by-ctr"));
    expect(await ctr("containers", "ls")).toMatch(/by-ctr\s+img\s+io.containerd.runc.v2/);
    expect(await ctr("containers", "label", "by-ctr", "x=y")).toBe("x=y\n");
    expect(await ctr("containers", "info", "by-ctr")).toContain('"x": "y"');
    await createClient(Containers, channel).delete({ id: "by-ctr" });
    expect(await ctr("leases", "create", "--id", "l1", "k=v")).toContain("l1");
    expect(await ctr("leases", "ls")).toMatch(/l1.*k=v/);
    expect(await ctr("leases", "rm", "l1")).toContain("l1");
    expect(await ctr("plugins", "ls", "type==io.containerd.runtime.v2")).toMatch(/task\s+linux/);
  });
});

describe("calls", () => {
  test("need a namespace that is an identifier", async () => {
    const bare = createChannel({ path: address });
    expect(await codeOfCall(createClient(Containers, bare).list({}))).toBe("failed_precondition");
    const wrong = { metadata: { "containerd-namespace": "a/b" } };
    expect(await codeOfCall(createClient(Leases, bare).list({}, wrong))).toBe("invalid_argument");
    bare.close();
  });

  test("introspection filters as ctr asks", async () => {
    const filters = ["type==io.containerd.grpc.v1, id==tasks"];
    const { plugins } = await createClient(Introspection, channel).plugins({ filters });
    expect(plugins.map(({ id }) => id)).toEqual(["tasks"]);
    const { uuid, pidns } = await createClient(Introspection, channel).server({});
    expect([uuid.length, pidns > 0n]).toEqual([36, true]);
  });
});

describe("containers", () => {
  test("an update changes what its mask names", async () => {
    const containers = createClient(Containers, channel);
    await containers.create(newContainer("masked"));
    const update = async (paths: string[], container: object) =>
      (await containers.update({ container: { id: "masked", ...container }, updateMask: { paths } }))
        .container!;
    expect((await update(["labels.a"], { labels: { a: "1", b: "2" }, image: "other" })).labels).toEqual({
      a: "1",
    });
    expect((await update(["image"], { image: "other" })).image).toBe("other");
    expect((await update(["labels"], { labels: { c: "3" } })).labels).toEqual({ c: "3" });
    expect(await codeOfCall(update(["runtime"], {}))).toBe("invalid_argument");
    expect(await codeOfCall(update([], { snapshotter: "native" }))).toBe("invalid_argument");
    const { containers: found } = await containers.list({ filters: ["labels.c==3"] });
    expect(found.map(({ id }) => id)).toEqual(["masked"]);
    await containers.delete({ id: "masked" });
  });

  test("their events carry containerd's topics and payloads", async () => {
    const containers = createClient(Containers, channel);
    const seen = await follow(["namespace==moby,topic~=|^/containers/|"], 2, async () => {
      await containers.create(newContainer("told"));
      await containers.delete({ id: "told" });
    });
    expect(seen.map(({ topic, event }) => [topic, event?.typeUrl])).toEqual([
      ["/containers/create", "containerd.events.ContainerCreate"],
      ["/containers/delete", "containerd.events.ContainerDelete"],
    ]);
  });
});

describe("tasks", () => {
  const client = createClient(Tasks, channel);

  test("create makes the bundle and hands the options on; delete removes it", async () => {
    await createClient(Containers, channel).create(newContainer("run"));
    expect((await client.create({ containerId: "run", stdout: "/x" })).pid).toBe(42);
    const request = created.find(({ id }) => id === "run")!;
    expect(request).toMatchObject({ namespace: "moby", stdio: { stdout: "/x" } });
    expect(request.options).toMatchObject({ binaryName: "/usr/sbin/crun", root: "/run/x" });
    expect(await Bun.file(`${request.bundle}/config.json`).text()).toBe("{}");
    expect(await codeOfCall(client.create({ containerId: "run" }))).toBe("already_exists");
    const { exitStatus, exitedAt } = await client.delete({ containerId: "run" });
    expect([exitStatus, exitedAt?.seconds, exitedAt?.nanos]).toEqual([3, 7n, 1]);
    expect(existsSync(request.bundle)).toBe(false);
  });

  test("a failed create leaves no bundle; unknown containers and runtimes are not found", async () => {
    await createClient(Containers, channel).create(newContainer("broken"));
    expect(await codeOfCall(client.create({ containerId: "broken" }))).toBe("internal");
    expect(existsSync(`${parts.state}/moby/broken`)).toBe(false);
    expect(await codeOfCall(client.create({ containerId: "none" }))).toBe("not_found");
    const kata = { container: { id: "kata", spec, runtime: { name: "io.containerd.kata.v2" } } };
    await createClient(Containers, channel).create(kata);
    expect(await codeOfCall(client.create({ containerId: "kata" }))).toBe("not_found");
  });

  test("an exit is published so that dockerd finds it, by its payload's fields too", async () => {
    const exit = { pid: 9, exitStatus: 137, exitedAtNs: 1_000_000_000n };
    const seen = await follow(['event.container_id=="c1",event.exit_status==137'], 1, async () => {
      for (const id of ["c0", "c1"]) {
        for (const listener of listeners)
          listener({ namespace: "moby", id, topic: "/tasks/exit", execId: "", exit });
      }
    });
    expect(fromBinary(TaskExitSchema, seen[0]!.event!.value)).toMatchObject({
      containerId: "c1",
      id: "c1",
      pid: 9,
    });
  });
});

test("a stream is found by its id, carries both ways, and ends when the server closes it", async () => {
  const sent = Promise.withResolvers<void>();
  async function* client() {
    yield packAny(StreamInitSchema, { id: "s1" });
    yield packAny(StringValueSchema, { value: "up" });
    await sent.promise;
  }
  const answers = createClient(Streaming, channel).stream(client())[Symbol.asyncIterator]();
  expect((await answers.next()).value?.typeUrl).toBe("google.protobuf.Empty");
  const stream = streaming.registry.get("moby", "s1");
  expect(fromBinary(StringValueSchema, (await stream.receive())!.value).value).toBe("up");
  const sending = Promise.all(["1", "2"].map((value) => stream.send(packAny(StringValueSchema, { value }))));
  const down = [await answers.next(), await answers.next()].map(
    ({ value }) => fromBinary(StringValueSchema, value!.value).value,
  );
  expect(down).toEqual(["1", "2"]);
  await sending;
  stream.close();
  expect((await answers.next()).done).toBe(true);
  sent.resolve();
  expect(() => streaming.registry.get("moby", "s1")).toThrow("not found");
});
