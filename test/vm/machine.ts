/**
 * A virtual machine with Debian's own kernel: pure cgroup v2 and AppArmor, which the test machines do not have.
 *
 * qemu emulates the processor (no KVM needed) and starts the kernel with everything in one initramfs: busybox, the built executable, the docker
 * CLI, an image. `guest.sh` is its init; what it prints on the serial line is the answer.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { DIST, DOCKER } from "../harness/engine.ts";
import { busyboxArchive } from "../harness/images.ts";
import { must, shell } from "../harness/shell.ts";

const CACHE = resolve(".cache");
const KERNEL_PACKAGE = "linux-image-cloud-amd64";
const MODULES = [
  "overlay",
  "veth",
  "bridge",
  "nf_tables",
  "nft_chain_nat",
  "nft_nat",
  "nft_masq",
  "nft_fib_ipv4",
  "nft_ct",
];
const BOOT_TIMEOUT_MS = 420_000;

/** Downloads a Debian package and unpacks it into `into` without installing it. */
async function unpackPackage(name: string, into: string): Promise<void> {
  const dir = mkdtempSync("/tmp/skiff-deb-");
  try {
    await must(["apt-get", "download", "-qq", name], { cwd: dir, timeoutMs: 120_000 });
    for (const file of readdirSync(dir)) await must(["dpkg-deb", "-x", file, into], { cwd: dir });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** `.cache/vm-kernel`: the kernel, its modules with their dependency list, and apparmor_parser. */
export async function kernelTree(): Promise<string> {
  const path = join(CACHE, "vm-kernel");
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, ".vm-kernel-"));
  const depends = await must(["apt-cache", "depends", "--important", KERNEL_PACKAGE]);
  const image = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (image === undefined) throw new Error(`apt knows no kernel behind ${KERNEL_PACKAGE}`);
  await unpackPackage(image, work);
  await unpackPackage("apparmor", work);
  renameSync(work, path);
  return path;
}

/** Copies a program and the shared libraries it asks for to the same places below `root`. */
async function addProgram(root: string, path: string, as = path): Promise<void> {
  mkdirSync(join(root, dirname(as)), { recursive: true });
  cpSync(path, join(root, as), { dereference: true });
  const linked = await shell(["ldd", path]);
  for (const [, library] of linked.stdout.matchAll(/(\/\S+) \(0x/g)) {
    mkdirSync(join(root, dirname(library!)), { recursive: true });
    cpSync(library!, join(root, library!), { dereference: true });
  }
}

function addModules(root: string, kernel: string): void {
  const release = readdirSync(join(kernel, "lib/modules"))[0]!;
  const from = join(kernel, "lib/modules", release);
  const to = join(root, "lib/modules", release);
  mkdirSync(to, { recursive: true });
  const files = new Map(
    [...new Bun.Glob("kernel/**/*.ko").scanSync(from)].map((file) => [
      basename(file, ".ko").replaceAll("-", "_"),
      file,
    ]),
  );
  const taken: string[] = [];
  const take = (name: string): void => {
    const file = files.get(name);
    if (file === undefined || taken.includes(name)) return;
    const info = Bun.spawnSync(["strings", "-n", "8", join(from, file)]).stdout.toString();
    for (const dependency of (/^depends=(.*)$/m.exec(info)?.[1] ?? "").split(","))
      take(dependency.replaceAll("-", "_"));
    taken.push(name);
    cpSync(join(from, file), join(to, `${name}.ko`));
  };
  for (const name of MODULES) take(name);
  Bun.write(join(to, "order"), `${taken.join("\n")}\n`);
}

async function makeInitramfs(root: string, kernel: string): Promise<string> {
  for (const dir of ["bin", "proc", "sys", "dev", "run", "tmp", "etc", "root", "var/lib", "new"]) {
    mkdirSync(join(root, dir), { recursive: true });
  }
  await addProgram(root, "/bin/busybox");
  await addProgram(root, `${DIST}/skiff`, "/bin/skiff");
  for (const link of ["skiffd", "skiff-containerd", "skiff-runc"])
    symlinkSync("skiff", join(root, "bin", link));
  await addProgram(root, DOCKER, "/bin/docker");
  await addProgram(root, join(kernel, "sbin/apparmor_parser"), "/bin/apparmor_parser");
  cpSync(join(kernel, "etc/apparmor.d"), join(root, "etc/apparmor.d"), { recursive: true });
  cpSync(join(kernel, "etc/apparmor"), join(root, "etc/apparmor"), { recursive: true });
  // Debian's parser.conf names this file.
  const features = "usr/share/apparmor-features";
  cpSync(join(kernel, features), join(root, features), { recursive: true });
  cpSync(await busyboxArchive(), join(root, "busybox.tar"));
  cpSync(join(import.meta.dir, "guest.sh"), join(root, "init"));
  addModules(root, kernel);
  const archive = `${root}.cpio`;
  await must(["sh", "-c", `find . | cpio --quiet -o -H newc >${archive}`], { cwd: root });
  return archive;
}

/** Boots, runs guest.sh to its end and answers what it printed. */
export async function bootMachine(): Promise<string> {
  const kernel = await kernelTree();
  const work = mkdtempSync("/tmp/skiff-vm-");
  try {
    const initramfs = await makeInitramfs(join(work, "root"), kernel);
    const image = readdirSync(join(kernel, "boot")).find((name) => name.startsWith("vmlinuz-"))!;
    const machine = [
      "-machine",
      "q35",
      "-cpu",
      "max",
      "-accel",
      "tcg,thread=multi",
      "-smp",
      "2",
      "-m",
      "3072",
    ];
    const boot = ["-kernel", join(kernel, "boot", image), "-initrd", initramfs];
    const line = "console=ttyS0 quiet panic=-1 apparmor=1 security=apparmor";
    const devices = [
      "-display",
      "none",
      "-serial",
      "stdio",
      "-monitor",
      "none",
      "-nic",
      "none",
      "-no-reboot",
    ];
    const argv = ["qemu-system-x86_64", ...machine, ...boot, "-append", line, ...devices];
    return (await shell(argv, { timeoutMs: BOOT_TIMEOUT_MS })).stdout.replaceAll("\r", "");
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
