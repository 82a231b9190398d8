/** The build context: an archive unpacked into a directory of its own. Everything in it is looked up by descriptors, never by a path's string. */
import { mkdirSync, readFileSync } from "node:fs";
import { AT, AT_FDCWD, O, RESOLVE } from "../../kernel/constants.ts";
import { errnoOf } from "../../kernel/errno.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { removeBeside } from "../../kernel/tree/beside.ts";
import { Extractor } from "../../kernel/tree/extract.ts";
import { SkiffError } from "../../lib/errors.ts";
import { TarReader } from "../../lib/tar/reader.ts";
import { decompress, detect } from "../images/compression.ts";

export interface BuildContext extends AsyncDisposable {
  /** An open directory. */
  readonly root: number;
}

/** More than any disk a context comes from; stops what never ends. */
const CONTEXT_BYTES_MAX = 256 * 1024 ** 3;
const DOCKERFILE_BYTES_MAX = 16 * 1024 * 1024;

/** The name as if the tree were the root directory, links on the way followed. */
export function openInside(kernel: Kernel, root: number, name: string, flags: number): number {
  return kernel.openat2(root, name === "" ? "." : name, {
    flags,
    resolve: RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS,
  });
}

async function unpackInto(kernel: Kernel, root: number, body: AsyncIterable<Uint8Array>): Promise<void> {
  const { compression, stream } = await detect(body);
  using extractor = new Extractor(kernel, root, { whiteouts: false });
  const reader = new TarReader(extractor);
  let bytes = 0;
  for await (const piece of decompress(compression, stream)) {
    bytes += piece.length;
    if (bytes > CONTEXT_BYTES_MAX)
      throw new SkiffError("resource_exhausted", `build context larger than ${CONTEXT_BYTES_MAX} bytes`);
    reader.push(piece);
  }
  reader.finish();
  extractor.finish();
}

/** @param parent ours alone */
export async function openContext(
  kernel: Kernel,
  parent: string,
  name: string,
  body: AsyncIterable<Uint8Array>,
): Promise<BuildContext> {
  mkdirSync(`${parent}/${name}`, { recursive: true, mode: 0o700 });
  const root = kernel.openat(AT_FDCWD, `${parent}/${name}`, O.RDONLY | O.DIRECTORY | O.NOFOLLOW, 0);
  const remove = async () => {
    kernel.close(root);
    await removeBeside(kernel, parent, name);
  };
  try {
    await unpackInto(kernel, root, body);
  } catch (error) {
    await remove();
    throw new SkiffError(
      "invalid_argument",
      `Error processing tar file(exit status 1): ${(error as Error).message}`,
      { cause: error },
    );
  }
  return { root, [Symbol.asyncDispose]: remove };
}

function readInside(kernel: Kernel, root: number, name: string): string | undefined {
  let fd: number;
  try {
    fd = openInside(kernel, root, name, O.RDONLY | O.NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
  try {
    const { size } = kernel.statx(fd, "", AT.EMPTY_PATH);
    if (size > DOCKERFILE_BYTES_MAX)
      throw new SkiffError("invalid_argument", `${name} is larger than ${DOCKERFILE_BYTES_MAX} bytes`);
    return readFileSync(`/proc/self/fd/${fd}`, "utf8");
  } finally {
    kernel.close(fd);
  }
}

/** Text of the Dockerfile. @throws in dockerd's words */
export function readDockerfile(kernel: Kernel, { root }: BuildContext, asked: string): string {
  const name = asked === "" ? "Dockerfile" : asked;
  const text =
    readInside(kernel, root, name) ??
    (name === "Dockerfile" ? readInside(kernel, root, "dockerfile") : undefined);
  if (text === undefined) throw new SkiffError("unknown", `Cannot locate specified Dockerfile: ${name}`);
  if (text === "") throw new SkiffError("invalid_argument", `the Dockerfile (${name}) cannot be empty`);
  dropUnsent(kernel, root, name);
  return text;
}

/** What `.dockerignore` names is not sent; only the Dockerfile and that list itself come nevertheless, for us alone. */
function dropUnsent(kernel: Kernel, root: number, dockerfile: string): void {
  const lines = (readInside(kernel, root, ".dockerignore") ?? "").split("\n").map((line) => line.trim());
  for (const name of [dockerfile, ".dockerignore"]) {
    if (name.includes("/")) continue;
    let ignored = false;
    for (const line of lines) {
      if (line.replace(/^!/, "").replace(/^\.?\//, "") === name || line.replace(/^!/, "") === "*")
        ignored = !line.startsWith("!");
    }
    if (ignored) kernel.unlinkat(root, name, 0);
  }
}
