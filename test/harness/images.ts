/**
 * Images for tests, from Debian's packages alone: `busybox` (one layer) and `debian` (a debootstrap tree in three layers, with the
 * odd entries real images have). Made once into `.cache/`, as OCI layouts that skopeo copies wherever a test wants them.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { must } from "./shell.ts";

const CACHE = resolve(".cache");

/** Makes `.cache/<name>` by `make` into a directory beside it and a rename, so that an interrupted make leaves nothing. */
async function cached(name: string, make: (dir: string) => Promise<void>): Promise<string> {
  const path = join(CACHE, name);
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, `.${name}-`));
  try {
    await make(join(work, name));
    if (!existsSync(path)) renameSync(join(work, name), path);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return path;
}

async function newLayout(dir: string, tag: string): Promise<void> {
  await must(["umoci", "init", "--layout", dir]);
  await must(["umoci", "new", "--image", `${dir}:${tag}`]);
}

/** Runs `script` in the unpacked tree (its working directory) and packs what changed as one more layer. */
async function addLayer(layout: string, tag: string, script: string): Promise<void> {
  const bundle = mkdtempSync("/tmp/skiff-layer-");
  try {
    await must(["umoci", "unpack", "--image", `${layout}:${tag}`, `${bundle}/b`]);
    await must(["sh", "-euc", script], { cwd: `${bundle}/b/rootfs`, timeoutMs: 600_000 });
    await must(["umoci", "repack", "--image", `${layout}:${tag}`, `${bundle}/b`], { timeoutMs: 300_000 });
  } finally {
    rmSync(bundle, { recursive: true, force: true });
  }
}

const BUSYBOX = `
mkdir -p bin sbin usr/bin usr/sbin etc root tmp var/www dev proc sys
chmod 1777 tmp
cp /bin/busybox bin/busybox
for name in $(bin/busybox --list); do [ "$name" = busybox ] || ln -f bin/busybox "bin/$name"; done
printf 'root:x:0:0:root:/root:/bin/sh\\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\\nnobody:x:65534:65534:nobody:/home:/bin/false\\nplain:x:1000:1000::/home/plain:/bin/sh\\n' >etc/passwd
printf 'root:x:0:\\ndaemon:x:1:\\nnogroup:x:65534:\\nplain:x:1000:\\nextra:x:2000:plain\\n' >etc/group
`;

export function busyboxLayout(): Promise<string> {
  return cached("busybox", async (dir) => {
    await newLayout(dir, "latest");
    await addLayer(dir, "latest", BUSYBOX);
    await must(["umoci", "config", "--image", `${dir}:latest`, "--config.cmd", "sh"]);
  });
}

/** What trips unpackers: whiteouts, an opaque directory, hard links, xattrs, devices, long names, owners, modes, old times. */
const ODD_FIRST = `
mkdir -p odd/opaque odd/gone odd/$(printf 'd%.0s' $(seq 1 90))/$(printf 'e%.0s' $(seq 1 120))
echo old >odd/opaque/old; echo gone >odd/gone/file; echo removed >odd/removed
echo linked >odd/link-a; ln odd/link-a odd/link-b; ln -s /etc/hostname odd/absolute; ln -s ../odd/link-a odd/relative
echo long >odd/$(printf 'd%.0s' $(seq 1 90))/$(printf 'e%.0s' $(seq 1 120))/$(printf 'f%.0s' $(seq 1 200))
mknod odd/null c 1 3; mkfifo odd/fifo; echo caps >odd/caps; setcap cap_net_raw+ep odd/caps; setfattr -n user.skiff -v boat odd/link-a
echo owned >odd/owned; chown 1234:4321 odd/owned; chmod 4755 odd/owned; touch -d @1000000000 odd/owned odd/gone
`;
const ODD_SECOND = `
rm odd/removed; rm -r odd/gone; rm -r odd/opaque; mkdir odd/opaque; echo new >odd/opaque/new; echo second >odd/second
`;

export function debianLayout(): Promise<string> {
  return cached("debian", async (dir) => {
    await newLayout(dir, "latest");
    const suite = ["--variant=minbase", "--include=libcap2-bin,attr", "bookworm"].join(" ");
    await addLayer(
      dir,
      "latest",
      `debootstrap ${suite} . >/dev/null; rm -rf var/cache/apt/* var/lib/apt/lists/*`,
    );
    await addLayer(dir, "latest", ODD_FIRST);
    await addLayer(dir, "latest", ODD_SECOND);
    await must([
      "umoci",
      "config",
      "--image",
      `${dir}:latest`,
      "--config.cmd",
      "bash",
      "--config.env",
      "DEBIAN=yes",
    ]);
  });
}

/** Copies a layout's image to `registry/name:tag` and answers that reference. */
export async function push(
  layout: string,
  reference: string,
  ...options: readonly string[]
): Promise<string> {
  await must([
    "skopeo",
    "copy",
    "--quiet",
    "--dest-tls-verify=false",
    ...options,
    `oci:${layout}:latest`,
    `docker://${reference}`,
  ]);
  return reference;
}

/** The busybox image as an archive that `docker load` takes, tagged `busybox:latest`. */
export function busyboxArchive(): Promise<string> {
  return cached("busybox-archive", async (dir) => {
    const layout = await busyboxLayout();
    mkdirSync(dir);
    await must([
      "skopeo",
      "copy",
      "--quiet",
      `oci:${layout}:latest`,
      `docker-archive:${dir}/image.tar:busybox:latest`,
    ]);
  }).then((dir) => join(dir, "image.tar"));
}
