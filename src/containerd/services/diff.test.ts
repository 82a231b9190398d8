/** Layers applied and made by the genuine containerd and by ours: the same trees, upper directories and contents. Needs root. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { Content, WriteAction } from "../../contracts/containerd/gen/content_pb.ts";
import { Diff } from "../../contracts/containerd/gen/diff_pb.ts";
import { Snapshots } from "../../contracts/containerd/gen/snapshots_pb.ts";
import type { Descriptor, Mount } from "../../contracts/containerd/gen/types_pb.ts";
import { linuxKernel } from "../../kernel/linux.ts";
import { mountSnapshot, unmount } from "../../kernel/tree/mount.ts";
import { sha256Of } from "../../lib/digest.ts";
import type { TarEntry } from "../../lib/tar/entry.ts";
import { TarReader } from "../../lib/tar/reader.ts";
import { encodeEntry, paddingOf, TRAILER } from "../../lib/tar/writer.ts";
import { createClient } from "../../wire/h2/client.ts";
import { atBoth, type Peers, type Recorder, startPeers } from "./testing-peers.ts";

/** The machine may be busy. */
setDefaultTimeout(60_000);

let peers: Peers;
beforeAll(async () => {
  peers = await startPeers();
}, 30_000);
afterAll(() => peers[Symbol.asyncDispose]());

const STORE_BYTES = 1024 * 1024;
const OCI = "application/vnd.oci.image.layer.v1.tar";
const KEEP = { "containerd.io/gc.root": "x" };
const PLAIN: TarEntry = {
  ...{ name: "a", type: "file", mode: 0o644, uid: 0, gid: 0, size: 0, linkName: "" },
  ...{ major: 0, minor: 0, xattrs: new Map(), modifiedNs: 1_600_000_000_000_000_000n },
};
type Line = Partial<TarEntry> & { readonly name: string; readonly text?: string };

function archive(...lines: readonly Line[]): Buffer {
  const parts = lines.flatMap(({ text = "", ...entry }) => [
    encodeEntry({ ...PLAIN, ...entry, size: text.length }),
    Buffer.from(text),
    paddingOf(text.length),
  ]);
  return Buffer.concat([...parts, TRAILER]);
}

const dir = (name: string, mode = 0o755): Line => ({ name: `${name}/`, type: "dir", mode });

/** With its label from the beginning: neither's collector may take it. */
async function store({ channel }: Recorder, bytes: Uint8Array, ref: string): Promise<void> {
  const content = createClient(Content, channel);
  const total = BigInt(bytes.length);
  async function* messages() {
    for (let at = 0; at < bytes.length; at += STORE_BYTES) {
      const data = bytes.subarray(at, at + STORE_BYTES);
      yield { action: WriteAction.WRITE, ref, total, offset: BigInt(at), data };
    }
    const expected = sha256Of(bytes);
    yield { action: WriteAction.COMMIT, ref, total, offset: total, expected, labels: KEEP };
  }
  for await (const _answer of content.write(messages()));
}

const CENSUS = `find . -printf '%p %y %m %U %G %T@ %n %l ' -a \\( -type d -printf '\\n' -o -printf '%s\\n' \\) | sort
  find . -type c -exec stat -c '%n %t:%T' {} + | sort; getfattr -R -h -d -m '.' . 2>/dev/null; find . -type f | sort | xargs -r -d '\\n' md5sum`;
/** Everything of a tree; times only of what the layer sets, links not of directories, whose number depends on how they are stored. */
function census(path: string): string[] {
  const { stdout } = Bun.spawnSync(["sh", "-c", CENSUS], { cwd: path, env: { ...process.env, LC_ALL: "C" } });
  return (
    stdout
      .toString()
      .split("\n")
      .filter((line) => !/trusted.overlay.(origin|impure|uuid)/.test(line))
      .map((line) => line.replace(/ \d{10}\.\d+ /, (time) => (time.startsWith(" 1600") ? time : " now ")))
      .map((line) => line.replace(/^(\. .*) \S+ \d+ {2}$/, "$1").replace(/^(\S+ d .*) \d+ {2}$/, "$1"))
      // Directories that the second layer does not describe: ours keep their times.
      .map((line) => line.replace(/^(\.\/(etc|home|usr) .*) \S+$/, "$1"))
  );
}

async function applied(
  recorder: Recorder,
  namespace: string,
  layers: readonly Uint8Array[],
): Promise<Mount[]> {
  const snapshots = createClient(Snapshots, recorder.channel);
  const diff = createClient(Diff, recorder.channel);
  const at = { snapshotter: "overlayfs", labels: KEEP };
  let mounts: Mount[] = [];
  for (const [index, bytes] of layers.entries()) {
    await store(recorder, bytes, `${namespace}-${index}`);
    const mediaType = bytes[0] === 0x1f ? `${OCI}+gzip` : bytes[0] === 0x28 ? `${OCI}+zstd` : OCI;
    const parent = index === 0 ? "" : `layer${index - 1}`;
    ({ mounts } = await snapshots.prepare({ ...at, key: `a${index}`, parent }));
    const layer = { mediaType, digest: sha256Of(bytes), size: BigInt(bytes.length) };
    await recorder.note(`apply ${index}`, async () => (await diff.apply({ mounts, diff: layer })).applied);
    const upper = mounts[0]!.options.find((option) => option.startsWith("upperdir="))?.slice(9);
    await recorder.note(`tree ${index}`, () => census(upper ?? mounts[0]!.source));
    await snapshots.commit({ ...at, key: `a${index}`, name: `layer${index}` });
  }
  ({ mounts } = await snapshots.prepare({ ...at, key: "top", parent: `layer${layers.length - 1}` }));
  return mounts;
}

function mounted<T>(mounts: readonly Mount[], use: (path: string) => T): T {
  const path = join(peers.directory, `mnt-${crypto.randomUUID()}`);
  mkdirSync(path);
  for (const mount of mounts) mountSnapshot(linuxKernel, mount, path);
  try {
    return use(path);
  } finally {
    unmount(linuxKernel, path);
  }
}

const CAPABILITY = Buffer.from("0100000200200000000000000000000000000000", "hex");
const BASE = archive(
  dir(".", 0o755),
  dir("etc"),
  { name: "etc/passwd", text: "root\n", mode: 0o644 },
  { name: "etc/shadow", text: "secret\n", mode: 0o640, gid: 42 },
  { ...dir("home", 0o700), uid: 1000, gid: 1000 },
  { name: "home/file", text: "mine", uid: 1000, gid: 1000 },
  dir("usr"),
  dir("usr/lib"),
  { name: "lib", type: "symlink", linkName: "usr/lib", mode: 0o777 },
  { name: "usr/su", text: "#!", mode: 0o4755 },
  { name: "usr/ping", text: "#!", mode: 0o755, xattrs: new Map([["security.capability", CAPABILITY]]) },
  { name: "usr/hard", type: "link", linkName: "usr/su" },
  { name: "dev/null", type: "char", major: 1, minor: 3, mode: 0o666 },
  { name: "dev/sda", type: "block", major: 8, minor: 0, mode: 0o660 },
  { name: "run/fifo", type: "fifo", mode: 0o600 },
  { name: `${"long".repeat(30)}/${"name".repeat(40)}`, text: "x" },
  dir("opq"),
  { name: "opq/old", text: "old" },
  dir("replaced"),
  { name: "replaced/by-file", text: "x" },
  { name: "will-be-dir", text: "x" },
  dir("gone"),
  { name: "gone/too", text: "x" },
);
const SECOND = archive(
  { name: "etc/.wh.shadow" },
  { name: "home/new", text: "implicit parent", uid: 1000 },
  { name: ".wh.gone" },
  dir("opq", 0o711),
  { name: "opq/.wh..wh..opq" },
  { name: "opq/new", text: "new" },
  { name: "replaced", text: "now a file" },
  dir("will-be-dir"),
  { name: "will-be-dir/x", text: "x" },
  { name: "usr/su", text: "changed", mode: 0o755 },
  { name: "dangling", type: "symlink", linkName: "/nowhere", mode: 0o777 },
);

describe("apply", () => {
  test("two layers become the same upper directories and the same whole", async () => {
    const { genuine, ours } = await atBoth(peers, "apply", async (recorder) => {
      const mounts = await applied(recorder, "apply", [BASE, gzipSync(SECOND)]);
      await recorder.note("whole", () => mounted(mounts, census));
    });
    expect(ours).toEqual(genuine);
  });

  test("what is refused", async () => {
    const bytes = archive({ name: "a", text: "x".repeat(3000) });
    const { genuine, ours } = await atBoth(peers, "refused", async (recorder) => {
      const diff = createClient(Diff, recorder.channel);
      const snapshots = createClient(Snapshots, recorder.channel);
      const { mounts } = await snapshots.prepare({ snapshotter: "overlayfs", key: "k", labels: KEEP });
      const codes = async (name: string, layer: Uint8Array, mediaType = OCI) => {
        if (layer.length > 0) await store(recorder, layer, `refused-${name}`);
        const descriptor = { mediaType, digest: sha256Of(layer), size: BigInt(layer.length) };
        await recorder.note(name, async () => {
          const failed = await diff.apply({ mounts, diff: descriptor }).then(
            () => false,
            () => true,
          );
          return failed;
        });
      };
      await codes("missing", new Uint8Array());
      await codes("no tar", Buffer.alloc(2000, "x"));
      await codes("cut", bytes.subarray(0, 1500));
      await codes("cut gzip", gzipSync(bytes).subarray(0, 40), `${OCI}+gzip`);
      await codes("no layer", bytes, "application/vnd.oci.image.config.v1+json");
      await codes("up", archive({ name: "../up", text: "x" }));
    });
    // The genuine one strips leading dots; we refuse.
    expect(ours.slice(0, -1)).toEqual(genuine.slice(0, -1));
    expect(ours.at(-1)).toEqual(["up", true]);
  });

  test.each(["gzip", "zstd"])("a big layer is inflated apart: %s", async (kind) => {
    const noise = crypto.getRandomValues(new Uint8Array(60_000));
    const text = Buffer.concat(
      Array.from({ length: 180 }, () => crypto.getRandomValues(new Uint8Array(60_000))),
    ).toString("latin1");
    const tar = archive(
      { name: "big", text: text.replace(/[^\x01-\x7f]/g, "?") },
      { name: "noise", text: noise.toString() },
    );
    const bytes = kind === "gzip" ? gzipSync(tar, { level: 0 }) : zstdCompressSync(tar);
    const { ours } = await atBoth(peers, `big-${kind}`, async (recorder) => {
      if (recorder.peer === peers.ours) await applied(recorder, `big-${kind}`, [bytes]);
    });
    expect(ours[0]).toMatchObject(["apply 0", { digest: sha256Of(tar), size: tar.length }]);
  });

  test("a blob that is not what it is called", async () => {
    const bytes = archive({ name: "a", text: "hello" });
    await atBoth(peers, "tampered", async (recorder) => {
      if (recorder.peer !== peers.ours) return;
      await store(recorder, bytes, "tampered");
      const digest = sha256Of(bytes);
      const blob = join(recorder.peer.root, "io.containerd.content.v1.content/blobs/sha256", digest.slice(7));
      writeFileSync(blob, archive({ name: "a", text: "HELLO" }));
      const { mounts } = await createClient(Snapshots, recorder.channel).prepare({
        snapshotter: "overlayfs",
        key: "k",
        labels: KEEP,
      });
      const layer = { mediaType: OCI, digest, size: BigInt(bytes.length) };
      await recorder.note("apply", () => createClient(Diff, recorder.channel).apply({ mounts, diff: layer }));
      expect(recorder.log[0]).toMatchObject([
        "apply",
        "data_loss",
        expect.stringContaining(`layer ${digest}`),
      ]);
    });
  });
});

describe("layers that want out, over an overlay and as the lowest", () => {
  /** A host directory that must not change, and what must not appear in it. */
  const host = () => {
    const path = join(peers.directory, `host-${crypto.randomUUID()}`);
    mkdirSync(path);
    writeFileSync(join(path, "secret"), "kept", { mode: 0o600 });
    return path;
  };
  const inside = (path: string) => path.slice(1);

  const traps: readonly (readonly [
    string,
    (outside: string) => readonly Line[][],
    (tree: string) => string,
  ])[] = [
    [
      "a link of the layer below leads out (CVE-2025-47290)",
      (outside) => [
        [{ name: "link", type: "symlink", linkName: outside }],
        [
          { name: "link/planted", text: "x" },
          { name: "link/secret", text: "overwritten" },
        ],
      ],
      (tree) => readFileSync(join(tree, "link/planted"), "utf8"),
    ],
    [
      "a link of the same layer leads out",
      (outside) => [
        [
          dir(inside(outside)),
          { name: "link", type: "symlink", linkName: outside },
          { name: "link/planted", text: "x" },
        ],
      ],
      () => "x",
    ],
    [
      "the way up through a link",
      (outside) => [
        [dir("a"), { name: "a/up", type: "symlink", linkName: "../../../../../.." }, dir(inside(outside))],
        [{ name: `a/up${outside}/planted`, text: "x" }],
      ],
      () => "x",
    ],
    [
      "modes through a link to a link (CVE-2021-32760)",
      (outside) => [
        [{ name: "s", type: "symlink", linkName: `${outside}/secret`, mode: 0o777 }],
        [
          { name: "s2", type: "symlink", linkName: `${outside}/secret`, mode: 0o777, uid: 7 },
          { name: "h", type: "link", linkName: "s2", mode: 0o4777, uid: 7 },
          { name: "f", text: "x" },
        ],
      ],
      (tree) => readFileSync(join(tree, "f"), "utf8"),
    ],
    [
      "whiteouts through a link",
      (outside) => [
        [
          { name: "link", type: "symlink", linkName: outside },
          { name: "real/gone", text: "y" },
          { name: "real/x", text: "x" },
        ],
        [{ name: "link/.wh.secret" }, { name: "link/.wh..wh..opq" }, { name: "real/.wh.gone" }],
      ],
      (tree) => readFileSync(join(tree, "real/x"), "utf8"),
    ],
  ];

  test.each(traps)("%s", async (name, layers, read) => {
    const outside = host();
    const before = census(outside);
    const namespace = `trap-${traps.findIndex(([known]) => known === name)}`;
    await atBoth(peers, namespace, async (recorder) => {
      if (recorder.peer !== peers.ours) return;
      const archives = layers(outside).map((lines) => archive(...lines));
      const mounts = await applied(recorder, namespace, archives);
      for (const [action, answer] of recorder.log as [string, unknown][])
        if (action.startsWith("apply")) expect(answer).toHaveProperty("digest");
      // What is innocent in it has arrived.
      expect(mounted(mounts, read)).toBe("x");
      expect(readFileSync(join(outside, "secret"), "utf8")).toBe("kept");
      expect(census(outside)).toEqual(before);
    });
  });
});

const CHANGE = `echo more >>etc/passwd; rm usr/hard; rm -r home; mkdir home; echo n >home/n; mv opq/new opq/moved; rm -r run
  mkdir -p new/deep; echo x >new/deep/x; ln new/deep/x new/y; ln -s x new/soft; mknod new/dev c 5 1; chmod 700 usr; setcap cap_net_raw+ep usr/su
  touch -d @1600000000 etc/passwd new/deep/x home/n new/deep new home etc opq usr .; touch -h -d @1600000000 new/soft new/dev usr/su`;

/** What a layer says, name by name, whichever of a file's names comes first; without times. */
function entriesOf(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  const names = new Map<string, string[]>();
  const files: TarEntry[] = [];
  const reader = new TarReader({
    entry(entry) {
      const { name, type, linkName } = entry;
      if (name.includes(".wh.")) lines.push(name);
      else if (type === "link") names.get(linkName)!.push(name);
      else {
        names.set(name, [name]);
        files.push(entry);
      }
    },
    data: () => {},
    end: () => {},
  });
  reader.push(bytes);
  reader.finish();
  for (const { name, type, mode, uid, gid, size, linkName, major, minor, xattrs } of files) {
    const called = names.get(name)!.sort().join("=");
    const numbers = [mode.toString(8), uid, gid, size, major, minor];
    lines.push([called, type, ...numbers, linkName, ...xattrs.keys()].join(" "));
  }
  return lines.sort();
}

describe("diff", () => {
  const blobOf = async ({ peer }: Recorder, namespace: string, { digest }: Descriptor): Promise<Uint8Array> =>
    await Bun.spawn(["ctr", "-a", peer.address, "-n", namespace, "content", "get", digest]).stdout.bytes();

  test.each([OCI, `${OCI}+gzip`])("what changed, as %s", async (mediaType) => {
    const namespace = `diff-${mediaType.length}`;
    const trees: string[][] = [];
    const { genuine, ours } = await atBoth(peers, namespace, async (recorder) => {
      const snapshots = createClient(Snapshots, recorder.channel);
      const diff = createClient(Diff, recorder.channel);
      const mounts = await applied(recorder, namespace, [BASE, SECOND]);
      recorder.log.length = 0;
      const whole = mounted(mounts, (path) => {
        expect(Bun.spawnSync(["sh", "-ec", CHANGE], { cwd: path }).exitCode).toBe(0);
        return census(path);
      });
      const { mounts: lower } = await snapshots.view({
        snapshotter: "overlayfs",
        key: "lower",
        parent: "layer1",
        labels: KEEP,
      });
      const made = (await diff.diff({ left: lower, right: mounts, mediaType, ref: "r", labels: KEEP })).diff!;
      const bytes = await blobOf(recorder, namespace, made);
      await recorder.note("descriptor", () => [
        made.mediaType,
        made.digest === sha256Of(bytes),
        made.size === BigInt(bytes.length),
      ]);
      const plain = mediaType === OCI ? bytes : Bun.gunzipSync(Buffer.from(bytes));
      await recorder.note("entries", () => entriesOf(plain));
      const { mounts: again } = await snapshots.prepare({
        snapshotter: "overlayfs",
        key: "again",
        parent: "layer1",
        labels: KEEP,
      });
      await diff.apply({ mounts: again, diff: made });
      trees.push(whole, mounted(again, census));
    });
    // Names that an opaque directory hides need no whiteouts of their own.
    const modest = (log: unknown[]) =>
      JSON.stringify(log, undefined, 1).replaceAll(/ +"home\/\.wh\.[^\n]*\n/g, "");
    expect(modest(ours)).toBe(modest(genuine));
    for (const tree of trees) expect(tree).toEqual(trees[0]!);
  });

  test("of snapshots that are not one over the other, and of a whole", async () => {
    const { genuine, ours } = await atBoth(peers, "unrelated", async (recorder) => {
      const snapshots = createClient(Snapshots, recorder.channel);
      const diff = createClient(Diff, recorder.channel);
      const mounts = await applied(recorder, "unrelated", [BASE, SECOND]);
      recorder.log.length = 0;
      const { mounts: base } = await snapshots.view({
        snapshotter: "overlayfs",
        key: "v",
        parent: "layer0",
        labels: KEEP,
      });
      for (const [name, left, right] of [
        ["two layers up", base, mounts],
        ["backwards", mounts, base],
        ["whole", [], mounts],
        ["nothing", mounts, mounts],
      ] as const) {
        const made = (
          await diff.diff({ left: [...left], right: [...right], mediaType: OCI, ref: name, labels: KEEP })
        ).diff!;
        const bytes = await blobOf(recorder, "unrelated", made);
        await recorder.note(name, () => entriesOf(bytes));
      }
    });
    expect(ours).toEqual(genuine);
  });

  test("umoci unpacks what we pack, and packs what we unpack", async () => {
    const umoci = (...args: string[]) => {
      const { exitCode, stderr } = Bun.spawnSync(["umoci", ...args], { cwd: peers.directory });
      if (exitCode !== 0) throw new Error(`umoci ${args}: ${stderr}`);
    };
    await atBoth(peers, "umoci", async (recorder) => {
      if (recorder.peer !== peers.ours) return;
      const snapshots = createClient(Snapshots, recorder.channel);
      const diff = createClient(Diff, recorder.channel);
      const mounts = await applied(recorder, "umoci", [BASE, SECOND]);
      const made = (await diff.diff({ left: [], right: mounts, mediaType: OCI, ref: "u", labels: KEEP }))
        .diff!;
      writeFileSync(join(peers.directory, "layer.tar"), await blobOf(recorder, "umoci", made));
      umoci("init", "--layout", "layout");
      umoci("new", "--image", "layout:x");
      umoci("raw", "add-layer", "--image", "layout:x", "layer.tar");
      umoci("unpack", "--image", "layout:x", "bundle");
      const rootfs = join(peers.directory, "bundle/rootfs");
      // Its other name is hidden by the second layer, which only the overlay's own inode does not know.
      const modest = (lines: string[]) =>
        lines.map((line) => line.replace(/^(\.\/usr\/hard .*) \d {2}2$/, "$1"));
      expect(modest(census(rootfs))).toEqual(modest(mounted(mounts, census)));

      expect(Bun.spawnSync(["sh", "-ec", CHANGE], { cwd: rootfs }).exitCode).toBe(0);
      umoci("repack", "--image", "layout:x", "bundle");
      const read = (digest: string) =>
        readFileSync(join(peers.directory, "layout/blobs/sha256", digest.slice(7)));
      const index = JSON.parse(readFileSync(join(peers.directory, "layout/index.json"), "utf8"));
      const manifest = JSON.parse(read(index.manifests[0].digest).toString());
      const theirs = read(manifest.layers[1].digest);
      await store(recorder, theirs, "theirs");
      const at = { snapshotter: "overlayfs", labels: KEEP };
      const { mounts: again } = await snapshots.prepare({ ...at, key: "again", parent: "layer1" });
      await diff.apply({ mounts: again, diff: { ...manifest.layers[1], size: BigInt(theirs.length) } });
      expect(mounted(again, census)).toEqual(census(rootfs));
    });
  });

  test("a type that is not made", async () => {
    const { genuine, ours } = await atBoth(peers, "types", async (recorder) => {
      const diff = createClient(Diff, recorder.channel);
      await recorder.note("diff", () =>
        diff.diff({ left: [], right: [], mediaType: "text/plain", ref: "x" }),
      );
    });
    expect(ours).toEqual(genuine);
  });
});

test("no mount and no directory to mount on is left", () => {
  expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain(peers.directory);
  expect(Bun.spawnSync(["ls", join(peers.ours.root, "tmpmounts")]).stdout.toString()).toBe("");
});
