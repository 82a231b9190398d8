/** One script of calls, at the genuine containerd and at ours: content, images, leases and what the collector leaves. The answers are the same. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Content,
  WriteAction,
  type WriteContentRequestSchema,
} from "../../contracts/containerd/gen/content_pb.ts";
import { Events } from "../../contracts/containerd/gen/events_service_pb.ts";
import { Images } from "../../contracts/containerd/gen/images_pb.ts";
import { Leases } from "../../contracts/containerd/gen/leases_pb.ts";
import { sha256Of } from "../../lib/digest.ts";
import { codeOf, messageOf } from "../../lib/errors.ts";
import { type Channel, createChannel, createClient } from "../../wire/h2/client.ts";

const directory = mkdtempSync("/tmp/skiff-peers-");
const genuine = join(directory, "genuine.sock");
const ours = join(directory, "ours.sock");
const daemons: Bun.Subprocess[] = [];

const CONFIG = `version = 2
root = "${directory}/g/root"
state = "${directory}/g/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "${genuine}"
`;

async function start(command: string[], address: string): Promise<void> {
  daemons.push(Bun.spawn(command, { stdout: "ignore", stderr: "ignore" }));
  const ask = () =>
    Bun.spawn(["ctr", "-a", address, "version"], { stdout: "ignore", stderr: "ignore" }).exited;
  for (let tries = 0; tries < 400 && (await ask()) !== 0; tries++) await Bun.sleep(25);
}

beforeAll(async () => {
  writeFileSync(join(directory, "config.toml"), CONFIG);
  const main = join(import.meta.dir, "../../main.ts");
  const flags = ["--address", ours, "--root", `${directory}/o/root`, "--state", `${directory}/o/state`];
  await Promise.all([
    start(["/usr/bin/containerd", "--config", join(directory, "config.toml")], genuine),
    start([process.execPath, main, "skiff-containerd", ...flags], ours),
  ]);
}, 60_000);

afterAll(async () => {
  for (const daemon of daemons) {
    daemon.kill("SIGTERM");
    await daemon.exited;
  }
  rmSync(directory, { recursive: true, force: true });
});

/** A lease for what the scripts make: both peers may collect at any time. */
const HOLD = "hold";

type Write = MessageInitShape<typeof WriteContentRequestSchema>;

/** Times and ids differ from run to run. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !key.startsWith("$") && !/At$|^timestamp$/.test(key))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, plain(inner)]),
  );
}

/** A connection whose calls are written down. */
function recorder(address: string, namespace: string) {
  const channel: Channel = createChannel({ path: address, metadata: { "containerd-namespace": namespace } });
  const log: unknown[] = [];
  const content = createClient(Content, channel);
  const note = async (name: string, act: () => unknown): Promise<void> => {
    try {
      log.push([name, plain(await act())]);
    } catch (error) {
      log.push([name, codeOf(error), messageOf(error).replace(/ locked.*/, " locked")]);
    }
  };
  return {
    ...{ channel, log, note, content },
    images: createClient(Images, channel),
    leases: createClient(Leases, channel),
    /** What is answered to each message, and the code it ends with. The genuine one says the last answer twice. */
    async write(name: string, messages: readonly Write[], lease = HOLD): Promise<void> {
      const answers: unknown[] = [];
      const metadata = lease === "" ? {} : { metadata: { "containerd-lease": lease } };
      async function* requests() {
        yield* messages;
      }
      await note(name, async () => {
        try {
          for await (const { action, offset, digest } of content.write(requests(), metadata))
            if (!Bun.deepEquals(answers.at(-1), { action, offset, digest }))
              answers.push({ action, offset, digest });
        } catch (error) {
          answers.push(codeOf(error), messageOf(error));
        }
        return answers;
      });
    },
    /** A blob without much ado. */
    put(text: string, labels: Record<string, string> = {}, lease = HOLD) {
      const data = Buffer.from(text);
      const message: Write = { action: WriteAction.COMMIT, ref: text, data, labels };
      return this.write(`put ${text}`, [message], lease);
    },
  };
}
type Recorder = ReturnType<typeof recorder>;

const { STAT, WRITE, COMMIT } = WriteAction;
const digestOf = (text: string): string => sha256Of(text);
const bytes = (text: string) => Buffer.from(text);

/** Runs the script at both and compares what was written down, call by call. */
async function same(namespace: string, script: (peer: Recorder) => Promise<void>): Promise<void> {
  const logs: unknown[][] = [];
  for (const address of [genuine, ours]) {
    const peer = recorder(address, namespace);
    await peer.leases.create({ id: HOLD });
    await script(peer);
    logs.push(peer.log);
    peer.channel.close();
  }
  for (const [at, entry] of logs[0]!.entries()) expect(logs[1]![at]).toEqual(entry);
}

test(
  "a write: offsets, totals, digests, and how it fails",
  () =>
    same("write", async (peer) => {
      const hello = digestOf("hello");
      await peer.write("no ref", [{ action: STAT }]);
      await peer.write("wrong offset", [
        { action: STAT, ref: "r" },
        { action: WRITE, data: bytes("hel") },
        { action: WRITE, offset: 5n, data: bytes("lo") },
      ]);
      await peer.write("from 0 again", [
        { action: STAT, ref: "r" },
        { action: WRITE, offset: 0n, data: bytes("h") },
        { action: WRITE, offset: 1n, data: bytes("ello") },
      ]);
      await peer.note("status", () => peer.content.status({ ref: "r" }));
      await peer.note("statuses", () => peer.content.listStatuses({}));
      await peer.note("statuses by ref", () => peer.content.listStatuses({ filters: ["ref==x"] }));
      await peer.write("wrong digest", [
        { action: COMMIT, ref: "r", offset: 5n, expected: digestOf("other") },
      ]);
      await peer.write("last word", [
        { action: STAT, ref: "r", total: 9n, expected: digestOf("other") },
        { action: COMMIT, offset: 5n, total: 5n, expected: hello, labels: { a: "b", empty: "" } },
      ]);
      await peer.write("exists", [{ action: STAT, ref: "r", expected: hello }]);
      await peer.write("exists by now", [
        { action: STAT, ref: "s" },
        { action: WRITE, data: bytes("hello") },
        { action: COMMIT, offset: 5n, expected: hello },
      ]);
      await peer.note("aborted by that", () => peer.content.status({ ref: "s" }).then(() => "there", codeOf));
      await peer.write("too short", [{ action: COMMIT, ref: "t", data: bytes("x"), total: 3n }]);
      await peer.note("abort", () => peer.content.abort({ ref: "never" }).then(() => "ok", codeOf));
    }),
  60_000,
);

test(
  "reading and labels",
  () =>
    same("read", async (peer) => {
      await peer.put("0123456789", { x: "y" });
      const digest = digestOf("0123456789");
      for (const [offset, size] of [
        [0n, 0n],
        [3n, 4n],
        [8n, 100n],
        [10n, 0n],
        [11n, 0n],
      ] as const)
        await peer.note(`read ${offset} ${size}`, () =>
          Array.fromAsync(peer.content.read({ digest, offset, size })),
        );
      await peer.note("info", () => peer.content.info({ digest }));
      await peer.note("info of nothing", () => peer.content.info({ digest: digestOf("nothing") }));
      await peer.note("info of no digest", () => peer.content.info({ digest: "sha256:../x" }).catch(codeOf));
      const update = (labels: Record<string, string>, paths?: string[]) =>
        peer.note(`update ${paths}`, () =>
          peer.content.update({
            info: { digest, labels },
            ...(paths === undefined ? {} : { updateMask: { paths } }),
          }),
        );
      await update({ a: "1", b: "2" }, ["labels.a"]);
      await update({ c: "3" }, ["labels"]);
      await update({ d: "4", e: "" });
      await update({ f: "5" }, []);
      await update({}, ["labels.f"]);
      await update({}, ["size"]);
      await peer.put("second", { k: "v" });
      for (const filters of [
        [],
        ["labels.k==v"],
        [`digest==${digest}`],
        ["size==6"],
        ["labels.k"],
        ["labels.x,size==6"],
      ])
        await peer.note(`list ${filters}`, () => Array.fromAsync(peer.content.list({ filters })));
      await peer.note("delete", () => peer.content.delete({ digest }));
      await peer.note("delete again", () => peer.content.delete({ digest }));
    }),
  60_000,
);

test(
  "images",
  () =>
    same("images", async (peer) => {
      const target = {
        mediaType: "a/b",
        digest: digestOf("target"),
        size: 6n,
        annotations: { n: "1", m: "2" },
      };
      const create = (name: string, image: object) =>
        peer.note(`create ${name}`, () => peer.images.create({ image: { name, target, ...image } }));
      await create("", {});
      await create("one", { labels: { a: "b", empty: "" } });
      await create("one", {});
      await create("bad", { target: { ...target, digest: "x" } });
      await create("bad", { target: { ...target, size: 0n } });
      await create("bad", { target: { ...target, mediaType: "" } });
      await create("two", { labels: { c: "d" } });
      const other = { mediaType: "c/d", digest: digestOf("other"), size: 7n };
      const update = (image: object, paths?: string[]) =>
        peer.note(`update ${paths}`, () =>
          peer.images.update({
            image: { name: "one", target, ...image },
            ...(paths === undefined ? {} : { updateMask: { paths } }),
          }),
        );
      await update({ labels: { x: "1" } }, ["labels.x"]);
      await update({ labels: { y: "2" } }, ["labels"]);
      await update({ target: other }, ["target"]);
      await update({ labels: { z: "3" } });
      await update({ target: { ...target, annotations: { o: "3" } } }, ["annotations.o"]);
      await update({}, ["annotations"]);
      await update({}, ["name"]);
      await update({ name: "none" });
      for (const filters of [
        [],
        ["name==two"],
        ["labels.z==3"],
        ["target.mediatype==a/b"],
        [`target.digest~=^sha`],
      ])
        await peer.note(`list ${filters}`, () => peer.images.list({ filters }));
      await peer.note("list by nonsense", () => peer.images.list({ filters: ["name=="] }).catch(codeOf));
      await peer.note("get", () => peer.images.get({ name: "two" }));
      await peer.note("get nothing", () => peer.images.get({ name: "three" }));
      await peer.note("delete", () => peer.images.delete({ name: "two", sync: true }));
      await peer.note("delete again", () => peer.images.delete({ name: "two" }));
    }),
  60_000,
);

test(
  "what a collection leaves",
  () =>
    same("gc", async (peer) => {
      const later = new Date(Date.now() + 3600_000).toISOString();
      const lease = (id: string, labels: Record<string, string> = {}) =>
        peer.note(id, () => peer.leases.create({ id, labels }).then(() => "made"));
      await lease("work", { "containerd.io/gc.expire": later });
      await lease("flat", { "containerd.io/gc.flat": "1" });
      await lease("old", { "containerd.io/gc.expire": "2020-01-01T00:00:00Z" });
      await lease("odd", { "containerd.io/gc.expire": "soon" });
      await lease("refers", { "containerd.io/gc.ref.content": digestOf("by-lease-label") });
      const ref = (name: string) => ({ "containerd.io/gc.ref.content.l.0": digestOf(name) });
      await peer.put("by-work", ref("below-work"), "work");
      await peer.put("by-flat", ref("below-flat"), "flat");
      await peer.put("by-old", {}, "old");
      await peer.put("by-odd", {}, "odd");
      for (const name of [
        "below-work",
        "below-flat",
        "by-lease-label",
        "alone",
        "by-image",
        "by-image-label",
      ])
        await peer.put(name, {}, name.startsWith("below") ? "" : "work");
      await peer.put("rooted", { "containerd.io/gc.root": "x", ...ref("below-root") }, "work");
      await peer.put("below-root", {}, "work");
      await peer.put(
        "manifest",
        { ...ref("by-image"), "containerd.io/gc.ref.content.config": digestOf("config") },
        "work",
      );
      await peer.put("config", {}, "work");
      // Named by its digest the blob is there already, and held all the same.
      await peer.put("again", {}, "work");
      await lease("second");
      await peer.write("hold", [{ action: STAT, ref: "q", expected: digestOf("again") }], "second");
      await peer.note("held", () => peer.leases.listResources({ id: "second" }));
      const target = { mediaType: "a/b", digest: digestOf("manifest"), size: 8n };
      const labels = { "containerd.io/gc.ref.content.extra": digestOf("by-image-label") };
      await peer.note("image", () => peer.images.create({ image: { name: "i", target, labels } }));
      const look = async (name: string) => {
        const found = await Array.fromAsync(peer.content.list({}));
        await peer.note(name, () => found.flatMap(({ info }) => info.map(({ digest }) => digest)).sort());
      };
      await peer.note("drop odd", () => peer.leases.delete({ id: "odd", sync: true }));
      await look("with work");
      await peer.note("drop work", () => peer.leases.delete({ id: "work", sync: true }));
      await look("without work");
      await peer.note("leases", async () => (await peer.leases.list({})).leases.map(({ id }) => id).sort());
      await peer.note("drop image", () => peer.images.delete({ name: "i", sync: true }));
      await look("without image");
    }),
  60_000,
);

test("another namespace gets a blob by its digest", async () => {
  await same("shared-a", (peer) => peer.put("shared", { "containerd.io/gc.root": "x" }));
  await same("shared-b", async (peer) => {
    const expected = digestOf("shared");
    await peer.write("stat", [{ action: STAT, ref: "r", total: 6n, expected }]);
    await peer.write("another size", [{ action: STAT, ref: "s", total: 7n, expected }]);
    await peer.write("another digest at the end", [
      { action: STAT, ref: "t", expected },
      { action: COMMIT, offset: 6n, expected: digestOf("x") },
    ]);
    await peer.write("started again", [
      { action: STAT, ref: "u", expected },
      { action: WRITE, offset: 0n, data: bytes("short") },
      { action: COMMIT, offset: 5n, expected: digestOf("short") },
    ]);
    await peer.note("not seen", () => peer.content.info({ digest: expected }));
    await peer.write("commit", [
      { action: STAT, ref: "r", expected },
      { action: COMMIT, offset: 6n, total: 6n, expected },
    ]);
    await peer.note("read", () => Array.fromAsync(peer.content.read({ digest: expected })));
  });
}, 60_000);

test(
  "events",
  () =>
    same("events", async (peer) => {
      const accepted = Promise.withResolvers<void>();
      const filters = ["images", "content"].map((noun) => `namespace==events,topic~=|^/${noun}/|`);
      const stream = createClient(Events, peer.channel).subscribe(
        { filters },
        { onAccepted: accepted.resolve },
      );
      // The genuine one accepts a subscription when it has something to say.
      await Promise.race([accepted.promise, Bun.sleep(300)]);
      await peer.put("told");
      const target = { mediaType: "a/b", digest: digestOf("told"), size: 4n };
      await peer.images.create({ image: { name: "i", target, labels: { a: "b" } } });
      await peer.images.update({ image: { name: "i", target, labels: { a: "c" } } });
      await peer.images.delete({ name: "i" });
      await peer.content.delete({ digest: target.digest });
      const seen: unknown[] = [];
      for await (const { topic, namespace, event } of stream)
        if (seen.push({ topic, namespace, type: event?.typeUrl, value: event?.value }) === 4) break;
      await peer.note("seen", () => seen);
    }),
  60_000,
);
