/**
 * Against genuine Go peers, whose gRPC grows its windows while data flows: the fault of Bun's node:http2 (BUN.md, finding 1) never
 * shows between two programs of one house. SKIFF_H2_MB sets the size of the streams (default 96).
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from "node:fs";
import { Containers } from "../../contracts/containerd/gen/containers_pb.ts";
import { Content, WriteAction } from "../../contracts/containerd/gen/content_pb.ts";
import { Events } from "../../contracts/containerd/gen/events_service_pb.ts";
import { Introspection } from "../../contracts/containerd/gen/introspection_pb.ts";
import { Namespaces } from "../../contracts/containerd/gen/namespaces_pb.ts";
import { Version } from "../../contracts/containerd/gen/version_service_pb.ts";
import { SkiffError } from "../../lib/errors.ts";
import { createChannel, createClient } from "../../wire/h2/client.ts";
import { createGrpcServer, implement } from "../../wire/h2/server.ts";

const MB = 1024 * 1024;
const TOTAL = Number(process.env["SKIFF_H2_MB"] ?? 96) * MB;
const TIMEOUT_MS = 60_000 + TOTAL / 10_000;
const directory = mkdtempSync("/tmp/skiff-h2-go-");

/** The pattern's n-th MB differs from its neighbours, so that a lost or doubled frame shows in the digest. */
function chunkAt(index: number): Uint8Array {
  const chunk = new Uint8Array(MB).fill(index);
  new DataView(chunk.buffer).setUint32(0, index);
  return chunk;
}

function digestOfPattern(): string {
  const hasher = new Bun.CryptoHasher("sha256");
  for (let index = 0; index < TOTAL / MB; index++) hasher.update(chunkAt(index));
  return `sha256:${hasher.digest("hex")}`;
}

const digest = digestOfPattern();

describe("client of the genuine containerd", () => {
  const address = `${directory}/containerd.sock`;
  const channel = createChannel({ path: address, metadata: { "containerd-namespace": "default" } });
  let daemon: Bun.Subprocess;

  beforeAll(async () => {
    const config = `${directory}/config.toml`;
    await Bun.write(
      config,
      `version = 2
       root = "${directory}/root"
       state = "${directory}/state"
       disabled_plugins = ["io.containerd.grpc.v1.cri"]
       [grpc]
       address = "${address}"
       [ttrpc]
       address = "${address}.ttrpc"`,
    );
    daemon = Bun.spawn(["containerd", "-c", config], { stdout: "ignore", stderr: "ignore" });
    for (let tries = 0; tries < 200; tries++) {
      if (
        await createClient(Version, channel)
          .version({})
          .then(
            () => true,
            () => false,
          )
      )
        return;
      await Bun.sleep(50);
    }
    throw new Error("containerd does not answer");
  });

  afterAll(async () => {
    channel.close();
    daemon.kill();
    await daemon.exited;
  });

  test(
    "a long stream each way, and a quiet one on the same connection",
    async () => {
      const topics: string[] = [];
      const left = new AbortController();
      const accepted = Promise.withResolvers<void>();
      const events = createClient(Events, channel);
      const following = (async () => {
        const options = { signal: left.signal, onAccepted: accepted.resolve };
        for await (const event of events.subscribe({ filters: [] }, options)) topics.push(event.topic);
      })().catch(() => {});
      // Go sends its headers with the first message; what is published is seen all the same.
      await Bun.sleep(50);
      const content = createClient(Content, channel);
      async function* requests() {
        const common = { ref: "long", total: BigInt(TOTAL), expected: digest };
        for (let index = 0; index < TOTAL / MB; index++) {
          yield { ...common, action: WriteAction.WRITE, offset: BigInt(index * MB), data: chunkAt(index) };
        }
        yield { ...common, action: WriteAction.COMMIT, offset: BigInt(TOTAL) };
      }
      let written = "";
      for await (const answer of content.write(requests())) written = answer.digest;
      expect(written).toBe(digest);

      const hasher = new Bun.CryptoHasher("sha256");
      for await (const { data } of content.read({ digest })) hasher.update(data);
      expect(`sha256:${hasher.digest("hex")}`).toBe(digest);

      const namespaces = createClient(Namespaces, channel);
      for (const name of ["one", "two", "three"]) await namespaces.create({ namespace: { name } });
      while (topics.length < 3) await Bun.sleep(5);
      expect(topics.slice(0, 3)).toEqual(Array(3).fill("/namespaces/create"));
      left.abort();
      await following;
    },
    TIMEOUT_MS,
  );

  test("errors and metadata as Go writes them", async () => {
    const containers = createClient(Containers, channel);
    expect(await containers.get({ id: "none" }).catch((error: unknown) => error)).toMatchObject({
      code: "not_found",
    });
    const bare = createChannel({ path: address });
    const list = createClient(Containers, bare).list({});
    expect(await list.catch((error: unknown) => error)).toMatchObject({ code: "failed_precondition" });
    bare.close();
  });

  test("a thousand unary calls in a row", async () => {
    const version = createClient(Version, channel);
    for (let i = 0; i < 1000; i++) await version.version({});
  });
});

/** Content on a file: as much of the service as `ctr content` asks for. */
function fileContent(file: string) {
  const state = { size: 0, committed: "" };
  const info = () => ({ info: { digest: state.committed, size: BigInt(state.size) } });
  return implement(Content, {
    info(request) {
      if (request.digest !== state.committed)
        throw new SkiffError("not_found", `content ${request.digest}: not found`);
      return info();
    },
    status: () => {
      throw new SkiffError("not_found", "ingest: not found");
    },
    listStatuses: () => ({}),
    abort: () => ({}),
    async *read(request) {
      const fd = openSync(file, "r");
      const end = request.size === 0n ? state.size : Number(request.offset + request.size);
      try {
        for (let at = Number(request.offset); at < end; ) {
          const data = new Uint8Array(Math.min(MB, end - at));
          readSync(fd, data, 0, data.length, at);
          yield { offset: BigInt(at), data };
          at += data.length;
        }
      } finally {
        closeSync(fd);
      }
    },
    async *write(requests) {
      const fd = openSync(file, "w");
      try {
        for await (const request of requests) {
          const { action, offset, data } = request;
          if (data.length > 0) writeSync(fd, data, 0, data.length, Number(offset));
          state.size = Math.max(state.size, Number(offset) + data.length);
          if (action === WriteAction.COMMIT) state.committed = request.expected;
          yield { action, offset: BigInt(state.size), total: request.total, digest: request.expected };
          if (action === WriteAction.COMMIT) return;
        }
      } finally {
        closeSync(fd);
      }
    },
  });
}

describe("server for the genuine ctr", () => {
  const address = `${directory}/own.sock`;
  const wake: (() => void)[] = [];
  const server = createGrpcServer({
    services: [
      fileContent(`${directory}/blob`),
      implement(Version, { version: () => ({ version: "1.7.24" }) }),
      implement(Introspection, { server: () => ({ uuid: "u" }) }),
      implement(Events, {
        async *subscribe(_request, context) {
          for (let count = 0; !context.signal.aborted; count++) {
            yield { topic: `/test/${count}`, namespace: "default", timestamp: { seconds: 1n, nanos: 0 } };
            await new Promise<void>((resolve) => wake.push(resolve));
          }
        },
      }),
    ],
  });

  beforeAll(() => server.listen(address));
  afterAll(async () => {
    await server.close(0);
    rmSync(directory, { recursive: true, force: true });
  });

  async function ctr(...args: string[]): Promise<string> {
    const run = Bun.spawn(["ctr", "-a", address, ...args], { stdout: "pipe", stderr: "pipe" });
    const [out, err, code] = await Promise.all([
      new Response(run.stdout).text(),
      new Response(run.stderr).text(),
      run.exited,
    ]);
    if (code !== 0) throw new Error(err);
    return out;
  }

  test(
    "content in and out",
    async () => {
      const source = `${directory}/source`;
      const fd = openSync(source, "w");
      for (let index = 0; index < TOTAL / MB; index++) writeSync(fd, chunkAt(index));
      closeSync(fd);
      const ingest = ["ctr", "-a", address, "content", "ingest", "--expected-digest", digest];
      const run = Bun.spawn([...ingest, "--expected-size", String(TOTAL), "long"], {
        stdin: Bun.file(source),
        stderr: "pipe",
      });
      expect([await run.exited, await new Response(run.stderr).text()]).toEqual([0, ""]);
      expect(statSync(`${directory}/blob`).size).toBe(TOTAL);

      const get = Bun.spawn(["ctr", "-a", address, "content", "get", digest], { stdout: "pipe" });
      const hasher = new Bun.CryptoHasher("sha256");
      for await (const part of get.stdout) hasher.update(part);
      expect(`sha256:${hasher.digest("hex")}`).toBe(digest);
    },
    TIMEOUT_MS,
  );

  test("a subscription at a low rate", async () => {
    const run = Bun.spawn(["ctr", "-a", address, "events"], { stdout: "pipe" });
    let seen = "";
    for await (const part of run.stdout) {
      seen += Buffer.from(part).toString();
      if (seen.includes("/test/9")) break;
      await Bun.sleep(5);
      for (const resolve of wake.splice(0)) resolve();
    }
    run.kill();
    await run.exited;
    expect(seen.split("\n").length).toBeGreaterThanOrEqual(10);
  });

  test("what is not served is refused by name", async () => {
    expect(await ctr("version")).toContain("1.7.24");
    expect(await ctr("containers", "ls").catch(String)).toContain(
      "unknown service containerd.services.containers.v1",
    );
  });
});
