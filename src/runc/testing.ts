/** What the runtime's tests share: a busybox bundle, and ways to run it with skiff-runc or a genuine runtime. */
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Spec } from "../contracts/oci/spec.ts";
import { defaultSpec } from "./spec/default.ts";

const MAIN = resolve(import.meta.dir, "../main.ts");
const SKIFF = [process.execPath, MAIN, "skiff-runc"];
const APPLETS = [
  "sh",
  "true",
  "cat",
  "ls",
  "mount",
  "id",
  "sleep",
  "grep",
  "stat",
  "tty",
  "touch",
  "stty",
  "mkdir",
  "env",
  "mv",
];

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  /** Without the log line's time. */
  readonly stderr: string;
}

export interface Bundle {
  readonly directory: string;
  readonly rootfs: string;
  /** `--root` of skiff-runc. */
  readonly state: string;
  /** Writes config.json: runc's default spec that runs `args`, changed by `change`. */
  configure(args: readonly string[], change?: (spec: Spec) => Spec): void;
  skiff(...words: string[]): Outcome;
  runc(...words: string[]): Outcome;
  /** `run` by both. */
  both(
    args: readonly string[],
    change?: (spec: Spec) => Spec,
  ): { readonly ours: Outcome; readonly theirs: Outcome };
  id(): string;
  close(): void;
}

function spawn(argv: readonly string[], cwd: string): Outcome {
  /* Files, not pipes: a created container keeps them open. */
  const [out, error] = [join(cwd, "stdout"), join(cwd, "stderr")];
  const fds = [openSync(out, "w"), openSync(error, "w")] as const;
  const child = Bun.spawnSync([...argv], { cwd, stdio: ["ignore", ...fds], timeout: 30_000 });
  for (const fd of fds) closeSync(fd);
  const stderr = readFileSync(error, "utf8").replace(/time="[^"]*" /g, "");
  return { code: child.exitCode, stdout: readFileSync(out, "utf8"), stderr };
}

/** The spec with plain stdio, no rlimits (this machine may not raise any) and a PATH. */
function baseSpec(args: readonly string[]): Spec {
  const spec = defaultSpec(undefined);
  const { rlimits: _rlimits, ...process } = spec.process!;
  return { ...spec, process: { ...process, args, terminal: false, env: ["PATH=/bin", "HOME=/"] } };
}

export function createBundle(): Bundle {
  const directory = mkdtempSync(join(tmpdir(), "skiff-runc-"));
  const rootfs = join(directory, "rootfs");
  for (const name of ["bin", "proc", "sys", "dev", "etc", "tmp"])
    mkdirSync(join(rootfs, name), { recursive: true });
  copyFileSync("/usr/bin/busybox", join(rootfs, "bin/busybox"));
  for (const name of APPLETS) symlinkSync("busybox", join(rootfs, "bin", name));
  writeFileSync(
    join(rootfs, "etc/passwd"),
    "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n",
  );
  writeFileSync(join(rootfs, "bin/garbage"), "garbage\n\u0001", { mode: 0o755 });
  const state = join(directory, "state");
  let count = 0;
  const id = (): string => `skiff-test-${process.pid}-${count++}`;
  const bundle: Bundle = {
    ...{ directory, rootfs, state, id },
    configure(args, change = (spec) => spec) {
      writeFileSync(join(directory, "config.json"), JSON.stringify(change(baseSpec(args))));
    },
    skiff: (...words) => spawn([...SKIFF, "--root", state, ...words], directory),
    runc: (...words) => spawn(["runc", "--root", join(directory, "runc"), ...words], directory),
    both(args, change) {
      bundle.configure(args, change);
      return { ours: bundle.skiff("run", id()), theirs: bundle.runc("run", id()) };
    },
    close() {
      for (const name of readdirSync(directory).includes("state") ? readdirSync(state) : []) {
        bundle.skiff("delete", "--force", name);
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return bundle;
}
