/**
 * Makes the image that is embedded in the executable: `bun scripts/hello-image.ts PROGRAM OUT.tar`.
 *
 * An archive as `docker save` writes it (manifest.json, one configuration, one layer), with times fixed at the epoch so that the
 * same program gives the same image. The system's tar packs it: the house's own writer is under test elsewhere.
 */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAME = "skiff/hello:latest";
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

function pack(directory: string, out: string): void {
  const owner = ["--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--sort=name", "--format=ustar"];
  const result = Bun.spawnSync(["tar", ...owner, "-C", directory, "-cf", out, "."]);
  if (result.exitCode !== 0) throw new Error(`pack ${directory}: ${result.stderr.toString()}`);
}

function sha256(path: string): string {
  return new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
}

function buildImage(program: string, out: string, work: string): void {
  const rootfs = join(work, "rootfs");
  const image = join(work, "image");
  for (const name of ["", "dev", "etc", "proc", "sys", "tmp"])
    mkdirSync(join(rootfs, name), { recursive: true });
  chmodSync(join(rootfs, "tmp"), 0o1777);
  copyFileSync(program, join(rootfs, "hello"));
  chmodSync(join(rootfs, "hello"), 0o755);
  mkdirSync(image);
  pack(rootfs, join(image, "layer.tar"));
  const configuration = JSON.stringify({
    architecture: ARCHITECTURES[process.arch],
    os: "linux",
    created: "1970-01-01T00:00:00Z",
    config: { Cmd: ["/hello"], Env: ["PATH=/"], WorkingDir: "/" },
    rootfs: { type: "layers", diff_ids: [`sha256:${sha256(join(image, "layer.tar"))}`] },
    history: [{ created: "1970-01-01T00:00:00Z", created_by: "native/hello.c" }],
  });
  const id = new Bun.CryptoHasher("sha256").update(configuration).digest("hex");
  writeFileSync(join(image, `${id}.json`), configuration);
  const manifest = [{ Config: `${id}.json`, RepoTags: [NAME], Layers: ["layer.tar"] }];
  writeFileSync(join(image, "manifest.json"), JSON.stringify(manifest));
  pack(image, out);
}

function main(): void {
  const [program, out] = process.argv.slice(2);
  if (program === undefined || out === undefined) throw new Error("usage: hello-image.ts PROGRAM OUT.tar");
  const work = mkdtempSync(join(tmpdir(), "skiff-hello-"));
  try {
    buildImage(program, out, work);
  } finally {
    rmSync(work, { recursive: true });
  }
}

main();
