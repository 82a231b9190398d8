/** Transfers through gRPC: with Debian's docker-registry and skopeo, and with a registry that misbehaves. */
import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { busyboxLayout, push as skopeoPush } from "../../../../test/harness/images.ts";
import { startRegistry } from "../../../../test/harness/registry.ts";
import { must } from "../../../../test/harness/shell.ts";
import { sha256Of } from "../../../lib/digest.ts";
import { messageOf } from "../../../lib/errors.ts";
import { addImage, type Double, startDouble } from "../registry/testing.ts";
import { OCI_INDEX, OCI_MANIFEST } from "./media-types.ts";
import { createTestBed, NAMESPACE } from "./testing.ts";
import { chainIds } from "./unpack.ts";

const HOST = { os: "linux", architecture: "amd64" };
const UNPACK = [{ platform: HOST, snapshotter: "overlayfs" }];

/** A layer of random bytes. */
function layer(size = 40_000) {
  const plain = randomBytes(size);
  return { bytes: gzipSync(plain), diffId: sha256Of(plain) };
}

type Bed = ReturnType<typeof createTestBed>;

function pull(bed: Bed, reference: string, signal?: AbortSignal) {
  const store = bed.store({ name: reference, platforms: [HOST], unpacks: UNPACK });
  return bed.run(bed.registry(reference), store, signal);
}

async function nothingIsLeft(bed: Bed): Promise<void> {
  await bed.collector.collect();
  expect(bed.images.list(NAMESPACE)).toEqual([]);
  expect(bed.content.list(NAMESPACE)).toEqual([]);
  expect(bed.leases.list(NAMESPACE)).toEqual([]);
  expect(bed.snapshotter.list(NAMESPACE).filter(({ kind }) => kind === "active")).toEqual([]);
}

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(() => "no error", messageOf);
}

describe("pull", () => {
  test("brings, labels and unpacks, and names the image last", async () => {
    await using bed = createTestBed();
    using double = await startDouble();
    const layers = [layer(), layer(), layer(), layer(), layer()];
    const image = addImage(double, "one", layers);
    const name = `${double.name}/a/b:one`;
    const told = await pull(bed, name);
    expect(bed.images.get(NAMESPACE, name).target).toEqual(image);
    const chain = chainIds(layers.map(({ diffId }) => diffId));
    expect(bed.snapshotter.steps).toEqual(
      chain.flatMap((id, i) => [`prepare extract ${id} over ${chain[i - 1] ?? ""}`, `commit ${id}`]),
    );
    const manifest = bed.content.info(NAMESPACE, image.digest).labels;
    const config = manifest["containerd.io/gc.ref.content.config"]!;
    expect(manifest["containerd.io/gc.ref.content.l.4"]).toBe(sha256Of(layers[4]!.bytes));
    expect(manifest[`containerd.io/distribution.source.${double.name}`]).toBe("a/b");
    expect(bed.content.info(NAMESPACE, config).labels["containerd.io/gc.ref.snapshot.overlayfs"]).toBe(
      chain.at(-1)!,
    );
    const first = bed.content.info(NAMESPACE, sha256Of(layers[0]!.bytes)).labels;
    expect(first["containerd.io/uncompressed"]).toBe(layers[0]!.diffId);
    const events = told.map(({ event }) => event);
    expect(events[0]).toBe(`Resolving from OCI Registry (${name})`);
    expect(events.slice(-2)).toEqual(["saved", `Completed pull from OCI Registry (${name})`]);
    expect(events.filter((event) => event === "extracted").length).toBe(5);
    expect(events.filter((event) => event === "complete").length).toBe(7);
    const waiting = told.find(({ event, name }) => event === "waiting" && name.startsWith("layer-"));
    expect(waiting?.parents).toEqual([`manifest-${image.digest}`]);
    // All of it is held by the name, and by nothing else.
    await bed.collector.collect();
    expect(bed.content.list(NAMESPACE).length).toBe(7);
    expect(bed.leases.list(NAMESPACE)).toEqual([]);
    double.log.length = 0;
    await pull(bed, name);
    expect(double.log.map(({ line }) => line)).toEqual(["HEAD /v2/a/b/manifests/one"]);
  });

  test("twice at once fetches once", async () => {
    await using bed = createTestBed();
    using double = await startDouble();
    addImage(double, "one", [layer(), layer()]);
    await Promise.all([1, 2, 3].map(() => pull(bed, `${double.name}/a:one`)));
    const gets = double.log.map(({ line }) => line).filter((line) => line.startsWith("GET"));
    expect(gets.length).toBe(new Set(gets).size);
    expect(bed.snapshotter.steps.length).toBe(4);
  });

  test("of an index takes the platform asked for", async () => {
    await using bed = createTestBed();
    using double = await startDouble();
    const [v6, v5, amd] = ["v6", "v5", "amd"].map((tag) => addImage(double, tag, [layer()]));
    const index = {
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [
        { ...v5, platform: { os: "linux", architecture: "arm", variant: "v5" } },
        { ...v6, platform: { os: "linux", architecture: "arm", variant: "v6" } },
        { ...amd, platform: HOST },
        { ...v6, digest: sha256Of("none"), platform: { os: "unknown", architecture: "unknown" } },
      ],
    };
    const bytes = Buffer.from(JSON.stringify(index));
    double.manifests.set("all", { type: OCI_INDEX, bytes }).set(sha256Of(bytes), { type: OCI_INDEX, bytes });
    const reference = `${double.name}/a:all`;
    const at = (architecture: string, variant = "") =>
      bed.run(
        bed.registry(reference),
        bed.store({ name: reference, platforms: [{ os: "linux", architecture, variant }] }),
      );
    const has = (digest: string) => bed.content.list(NAMESPACE).some((blob) => blob.digest === digest);
    await at("arm", "v7");
    expect([v5, v6, amd].map((one) => has(one!.digest))).toEqual([false, true, false]);
    await at("x86_64");
    expect(has(amd!.digest)).toBe(true);
    expect(await failure(at("s390x"))).toContain("no match for platform linux/s390x in manifest");
    await bed.collector.collect();
    expect(has(v6!.digest)).toBe(true);
  });

  test("what skopeo pushed; pushed on, skopeo reads it again", async () => {
    await using bed = createTestBed();
    await using registry = await startRegistry();
    const name = await skopeoPush(await busyboxLayout(), `${registry.name}/team/busybox:1`);
    await pull(bed, name);
    const { digest } = bed.images.get(NAMESPACE, name).target;
    const other = `${registry.name}/other/copy:2`;
    const told = await bed.run(bed.store({ name }), bed.registry(other));
    expect(told.at(-1)!.event).toBe(`Completed push to OCI Registry (${other})`);
    const stdout = await must(["skopeo", "inspect", "--tls-verify=false", `docker://${other}`]);
    expect((JSON.parse(stdout) as { Digest: string }).Digest).toBe(digest);
    const again = await bed.run(bed.store({ name }), bed.registry(other));
    expect(again.filter(({ event }) => event === "already exists").length).toBe(3);
    await bed.run(bed.store({ name }), bed.store({ name: "renamed" }));
    expect(bed.images.get(NAMESPACE, "renamed").target.digest).toBe(digest);
  });

  test("with the registry gone", async () => {
    await using bed = createTestBed();
    await using registry = await startRegistry();
    await registry.stop();
    const message = await failure(pull(bed, `${registry.name}/a:b`));
    expect(message).toContain(
      `failed to resolve reference "${registry.name}/a:b": failed to do request: Head`,
    );
    expect(message).toContain(`dial tcp ${registry.name}: connect: connection refused`);
    await nothingIsLeft(bed);
  });
});

describe("a hostile registry", () => {
  const spoil = async (change: (double: Double, bed: Bed, blob: string) => void, message: string) => {
    await using bed = createTestBed();
    using double = await startDouble();
    const [one, two] = [layer(200_000), layer(200_000)];
    addImage(double, "x", [one, two]);
    change(double, bed, sha256Of(two.bytes));
    const name = `${double.name}/a:x`;
    expect(await failure(pull(bed, name))).toContain(message);
    await nothingIsLeft(bed);
    double.mischief = () => false;
    double.blobs.set(sha256Of(two.bytes), two.bytes);
    addImage(double, "x", [one, two]);
    await pull(bed, name);
    expect(bed.images.list(NAMESPACE).length).toBe(1);
  };

  test("corrupt bytes", () =>
    spoil((double, _, blob) => {
      const bytes = Buffer.from(double.blobs.get(blob)!);
      bytes[1000]! ^= 1;
      double.blobs.set(blob, bytes);
    }, "unexpected commit digest sha256:"));

  test("more bytes than announced", () =>
    spoil((double, _, blob) => {
      double.blobs.set(blob, Buffer.concat([double.blobs.get(blob)!, randomBytes(10)]));
    }, "size mismatch"));

  test("connections that always break", () =>
    spoil((double, _, blob) => {
      double.mischief = (request, response) => {
        if (!request.url!.includes(blob)) return false;
        response.writeHead(200, { "Content-Length": 200_000 });
        response.write("x", () => response.destroy());
        return true;
      };
    }, "unexpected"));

  test("a server error in the middle", () =>
    spoil((double, _, blob) => {
      double.mischief = (request, response) => {
        if (!request.url!.includes(blob)) return false;
        response.writeHead(500).end('{"errors":[{"code":"UNKNOWN","message":"disk on fire"}]}');
        return true;
      };
    }, "500 Internal Server Error: unknown: disk on fire"));

  test("a blob that is missing", () =>
    spoil((double, _, blob) => void double.blobs.delete(blob), "could not fetch content descriptor"));

  test("a document of two kinds", () =>
    spoil((double) => {
      addImage(double, "x", [layer()], (manifest) => {
        manifest["manifests"] = [];
      });
    }, "expected manifest but found index"));

  test("a document that calls itself another", () =>
    spoil((double) => {
      addImage(double, "x", [layer()], (manifest) => {
        manifest["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json";
      });
    }, "media-type: document says"));

  test("a descriptor that is a path", () =>
    spoil((double) => {
      addImage(double, "x", [layer()], (manifest) => {
        (manifest["layers"] as { digest: string }[])[0]!.digest = "sha256:../../etc/passwd";
      });
    }, "invalid checksum digest format"));

  test("a layer that is not the configuration's", () =>
    spoil(
      (double) => void addImage(double, "x", [layer(), { ...layer(), diffId: sha256Of("no") }]),
      "wrong diff id",
    ));

  test("fewer layers than diff ids", () =>
    spoil((double) => {
      addImage(double, "x", [layer(), layer()], (manifest) => {
        (manifest["layers"] as unknown[]).pop();
      });
    }, "number of layers and diffIDs don't match: 1 != 2"));

  test("a client that goes away", async () => {
    await using bed = createTestBed();
    using double = await startDouble();
    addImage(double, "x", [layer()]);
    const stop = new AbortController();
    double.mischief = (request) => {
      if (!request.url!.includes("/blobs/")) return false;
      stop.abort();
      return true;
    };
    expect(await failure(pull(bed, `${double.name}/a:x`, stop.signal))).toContain("cancel");
    double[Symbol.dispose]();
    while (bed.leases.list(NAMESPACE).length > 0) await Bun.sleep(5);
    await nothingIsLeft(bed);
  });
});

describe("archives", () => {
  const NAMES = {
    extraReferences: [
      { name: "import", isPrefix: true, allowOverwrite: true, addDigest: true, skipNamedDigest: true },
    ],
    unpacks: UNPACK,
  };

  for (const [format, expected] of [
    ["docker-archive", "docker.io/library/busybox:1"],
    ["oci-archive", "import:busybox:1"],
  ] as const)
    test(`${format} by skopeo`, async () => {
      await using bed = createTestBed();
      const dir = mkdtempSync("/tmp/skiff-transfer-");
      try {
        const file = `${dir}/image.tar`;
        const source = `oci:${await busyboxLayout()}:latest`;
        await must(["skopeo", "copy", "-q", source, `${format}:${file}:busybox:1`]);
        const plain = readFileSync(file);
        for (const bytes of [plain, gzipSync(plain)]) {
          const told = await bed.import(bytes, bed.store({ ...NAMES, unpacks: [] }));
          const saved = told.filter(({ event }) => event === "saved").map(({ name }) => name);
          expect(saved).toEqual([format === "oci-archive" ? "busybox:1" : expected]);
          expect(told.at(-1)!.event).toBe("Completed import");
        }
      } finally {
        rmSync(dir, { recursive: true });
      }
    });

  test("out and in again, and skopeo reads it both ways", async () => {
    await using bed = createTestBed();
    using double = await startDouble();
    const image = addImage(double, "x", [layer(), layer()]);
    await pull(bed, `${double.name}/a:x`);
    const name = "docker.io/library/kept:1";
    await bed.run(bed.store({ name: `${double.name}/a:x` }), bed.store({ name }));
    const tar = await bed.export(bed.store({ name }));
    const dir = mkdtempSync("/tmp/skiff-transfer-");
    try {
      writeFileSync(`${dir}/image.tar`, tar);
      for (const source of [`docker-archive:${dir}/image.tar:kept:1`, `oci-archive:${dir}/image.tar:1`]) {
        const stdout = await must(["skopeo", "inspect", "--config", source]);
        expect(stdout).toContain('"Cmd"');
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
    await using second = createTestBed();
    const told = await second.import(tar, second.store(NAMES));
    expect(told.filter(({ event }) => event === "saved").map(({ name }) => name)).toEqual([name]);
    expect(second.images.get(NAMESPACE, name).target).toMatchObject({ ...image, mediaType: OCI_MANIFEST });
    expect(second.snapshotter.steps.length).toBe(4);
    await second.collector.collect();
    // Manifest, configuration, two layers; the archive's own index had no name.
    expect(second.content.list(NAMESPACE).length).toBe(4);
  });

  test("what is no image", async () => {
    await using bed = createTestBed();
    const dir = mkdtempSync("/tmp/skiff-transfer-");
    try {
      writeFileSync(`${dir}/file`, "no image");
      const tar = Bun.spawnSync(["tar", "-C", dir, "-cf", "-", "file"]).stdout;
      expect(await failure(bed.import(tar, bed.store(NAMES)))).toBe("unrecognized image format");
      expect(await failure(bed.import(Buffer.from("text"), bed.store(NAMES)))).toContain("unexpected EOF");
      await nothingIsLeft(bed);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
