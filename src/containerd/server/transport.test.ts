import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { create } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { Content, WriteAction } from "../../contracts/containerd/gen/content_pb.ts";
import { Events } from "../../contracts/containerd/gen/events_service_pb.ts";
import { Namespaces } from "../../contracts/containerd/gen/namespaces_pb.ts";
import { Streaming } from "../../contracts/containerd/gen/streaming_pb.ts";
import { Version } from "../../contracts/containerd/gen/version_service_pb.ts";
import { codeOf, SkiffError } from "../../lib/errors.ts";
import { createTracer } from "../../lib/trace.ts";
import { createChannel, createChannelOver, createClient } from "../../wire/h2/client.ts";
import { traceMetadata } from "../../wire/h2/metadata.ts";
import { createGrpcServer, type GrpcServer, implement } from "../../wire/h2/server.ts";

const directory = mkdtempSync("/tmp/skiff-h2-");
const path = `${directory}/grpc.sock`;
const faults: string[] = [];
const seen = { aborted: 0, yielded: 0, metadata: "" };
const tracer = createTracer({ layer: "test", nowNs: () => 1n, hex: (bytes) => "ab".repeat(bytes) });

const services = [
  implement(Version, {
    version: (_request, context) => {
      seen.metadata = [...context.metadata].map(([name, value]) => `${name}=${value}`).join(" ");
      return { version: "1", revision: context.trace?.traceId ?? "" };
    },
  }),
  implement(Namespaces, {
    get(request) {
      if (request.name === "fault") throw new Error("boom");
      throw new SkiffError("not_found", `namespace "${request.name}": ü 100%`);
    },
    list: () => new Promise(() => {}),
  }),
  implement(Events, {
    async *subscribe(request, context) {
      context.signal.addEventListener("abort", () => seen.aborted++);
      for (const topic of request.filters) yield { topic };
      await new Promise<void>((resolve) => context.signal.addEventListener("abort", () => resolve()));
    },
  }),
  implement(Content, {
    async *read(request) {
      const data = new Uint8Array(1024 * 1024).fill(7);
      for (let offset = 0n; offset < request.size; offset += BigInt(data.length)) {
        seen.yielded++;
        yield { offset, data };
      }
    },
    async *write(requests) {
      let total = 0;
      for await (const { data } of requests) total += data.length;
      yield { offset: BigInt(total) };
    },
  }),
  implement(Streaming, {
    async *stream(requests) {
      for await (const message of requests) yield message;
    },
  }),
];

let server: GrpcServer;
const channel = createChannel({ path, metadata: { "containerd-namespace": "moby" } });

beforeAll(() => {
  server = createGrpcServer({ services, tracer, onFault: (_path, error) => faults.push(String(error)) });
  server.listen(path);
});

afterAll(async () => {
  channel.close();
  await server.close(0);
  rmSync(directory, { recursive: true });
});

async function rejection(promise: Promise<unknown>): Promise<[string, string]> {
  try {
    await promise;
  } catch (error) {
    return [codeOf(error), (error as Error).message];
  }
  return ["", ""];
}

describe("unary", () => {
  const version = createClient(Version, channel);
  const namespaces = createClient(Namespaces, channel);

  test("metadata of channel and call arrive; a trace is continued and recorded", async () => {
    const trace = { traceId: "12".repeat(16), spanId: "34".repeat(8) };
    const answer = await version.version({}, { metadata: { ...traceMetadata(trace), "x-a": "b" } });
    expect(answer.revision).toBe(trace.traceId);
    expect(seen.metadata).toContain("containerd-namespace=moby");
    expect(seen.metadata).toContain("x-a=b");
    expect(tracer.spansOf(trace.traceId).map(({ name, parentId }) => [name, parentId])).toEqual([
      ["Version.Version", trace.spanId],
    ]);
  });

  test("many at once", async () => {
    const answers = await Promise.all(Array.from({ length: 500 }, () => version.version({})));
    expect(answers.every((answer) => answer.version === "1")).toBe(true);
  });

  test("errors keep code and message; a fault is told to its owner", async () => {
    expect(await rejection(namespaces.get({ name: "x" }))).toEqual(["not_found", 'namespace "x": ü 100%']);
    expect(await rejection(namespaces.get({ name: "fault" }))).toEqual(["unknown", "boom"]);
    expect(faults).toEqual(["Error: boom"]);
    expect((await rejection(namespaces.create({})))[0]).toBe("unimplemented");
  });

  test("deadline and cancellation end the call", async () => {
    expect((await rejection(namespaces.list({}, { timeoutMs: 20 })))[0]).toBe("deadline_exceeded");
    const controller = new AbortController();
    const call = rejection(namespaces.list({}, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 5);
    expect((await call)[0]).toBe("canceled");
    expect((await rejection(namespaces.list({}, { signal: AbortSignal.abort() })))[0]).toBe("canceled");
  });

  test("without a server: unavailable, and the path is named", async () => {
    const lost = createClient(Version, createChannel({ path: `${directory}/none` }));
    const [code, message] = await rejection(lost.version({}));
    expect([code, message.includes(`${directory}/none`)]).toEqual(["unavailable", true]);
  });
});

describe("streams", () => {
  test("a subscription stands when it is accepted, and ends when it is left", async () => {
    const events = createClient(Events, channel);
    const accepted = Promise.withResolvers<void>();
    const aborted = seen.aborted;
    const stream = events.subscribe({ filters: ["/a", "/b"] }, { onAccepted: accepted.resolve });
    await accepted.promise;
    const topics: string[] = [];
    for await (const event of stream) {
      topics.push(event.topic);
      if (topics.length === 2) break;
    }
    expect(topics).toEqual(["/a", "/b"]);
    while (seen.aborted === aborted) await Bun.sleep(1);
  });

  test("bidirectional: an echo", async () => {
    async function* numbers() {
      for (let i = 0; i < 50; i++) yield { typeUrl: `t${i}`, value: new Uint8Array(i * 1000) };
    }
    let next = 0;
    for await (const echo of createClient(Streaming, channel).stream(numbers())) {
      expect([echo.typeUrl, echo.value.length]).toEqual([`t${next}`, next * 1000]);
      next++;
    }
    expect(next).toBe(50);
  });

  test("64 MB up, and a message larger than the window", async () => {
    async function* requests() {
      const chunk = new Uint8Array(8 * 1024 * 1024);
      for (let i = 0; i < 8; i++) yield { action: WriteAction.WRITE, data: chunk };
    }
    let offset = 0n;
    for await (const answer of createClient(Content, channel).write(requests())) offset = answer.offset;
    expect(offset).toBe(64n << 20n);
  });

  test("a reader that stops holds the writer", async () => {
    seen.yielded = 0;
    const stream = createClient(Content, channel).read({ digest: "x", size: 256n << 20n });
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await Bun.sleep(100);
    expect(seen.yielded).toBeLessThan(16);
    let bytes = 1 << 20;
    for (;;) {
      const { done, value } = await iterator.next();
      if (done === true) break;
      bytes += value.data.length;
    }
    expect(bytes).toBe(256 << 20);
  });

  test("requests that fail cancel the call", async () => {
    // biome-ignore lint/correctness/useYield: it fails before
    async function* broken(): AsyncGenerator<object> {
      throw new Error("no more disk");
    }
    const iterator = createClient(Content, channel).write(broken())[Symbol.asyncIterator]();
    expect(await rejection(iterator.next())).toEqual(["canceled", "requests failed: no more disk"]);
  });
});

describe("connections", () => {
  test("a server that is closed: open calls fail, the next ones reach its successor", async () => {
    const own = `${directory}/restart.sock`;
    const start = () => {
      const made = createGrpcServer({ services });
      made.listen(own);
      return made;
    };
    const client = createChannel({ path: own });
    const first = start();
    const waiting = rejection(createClient(Namespaces, client).list({}));
    await createClient(Version, client).version({});
    await first.close(10);
    expect((await waiting)[0]).toBe("unavailable");
    rmSync(own, { force: true });
    const second = start();
    expect((await createClient(Version, client).version({})).version).toBe("1");
    client.close();
    await second.close(10);
  });

  test("over sockets of node:net that were used for something else before", async () => {
    const own = `${directory}/upgrade.sock`;
    const attached = createGrpcServer({ services });
    const front = createServer((socket) => {
      socket.once("data", (head) => {
        socket.write("UPGRADED");
        attached.attach(socket, Buffer.from(head).subarray("UPGRADE".length));
      });
    }).listen(own);
    const socket: Socket = createConnection(own);
    socket.write("UPGRADE");
    const answer = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
    const client = createChannelOver(socket, { head: answer.subarray("UPGRADED".length) });
    expect((await createClient(Version, client).version({})).version).toBe("1");
    let bytes = 0;
    for await (const { data } of createClient(Content, client).read({ size: 32n << 20n }))
      bytes += data.length;
    expect(bytes).toBe(32 << 20);
    async function* echo() {
      yield create(AnySchema, { typeUrl: "x", value: new Uint8Array(3_000_000) });
    }
    for await (const { value } of createClient(Streaming, client).stream(echo())) {
      expect(value.length).toBe(3_000_000);
    }
    client.close();
    await attached.close(10);
    front.close();
  });
});
