/** `docker cp` and `docker export`: parts of a container's tree as archives, and archives into it. */
import { basename, dirname } from "node:path";
import { O } from "../../../kernel/constants.ts";
import { Extractor } from "../../../kernel/tree/extract.ts";
import { packOne, packTree } from "../../../kernel/tree/pack.ts";
import { namesIn } from "../../../kernel/tree/remove.ts";
import { codeOf, SkiffError } from "../../../lib/errors.ts";
import { TarReader } from "../../../lib/tar/reader.ts";
import { TRAILER } from "../../../lib/tar/writer.ts";
import { decompress, detect } from "../../images/compression.ts";
import { type Parts, publish } from "../parts.ts";
import { lookUpUser } from "../prepare.ts";
import { type OpenTree, withTree } from "./open.ts";
import { type Found, isDirectory, isLink, linkTarget, openDirectory, resolveInside } from "./resolve.ts";
import { type PathStat, pathStat } from "./stat.ts";

export interface PutOptions {
  readonly keepKinds: boolean;
  /** Files become the container's user's. */
  readonly copyUidGid: boolean;
}

export type Sink = (bytes: Uint8Array) => Promise<void>;

/** What dockerd calls its base: `.` for a path that ends in `/.`. */
const nameOf = (path: string): string => (path.endsWith("/.") ? "." : basename(path) || "/");

/** A slash at the end asks for what a link leads to, and for a directory. */
const wantsDirectory = (path: string): boolean => path.endsWith("/") || path.endsWith("/.");

function find(parts: Parts, tree: OpenTree, reference: string, path: string, follow: boolean): Found {
  const absolute = path.startsWith("/") ? path : `/${path}`;
  let found: Found;
  try {
    found = resolveInside(parts.kernel, tree.root, tree.mounts, absolute, follow);
  } catch (error) {
    if (codeOf(error) !== "not_found") throw error;
    throw new SkiffError("not_found", `Could not find the file ${path} in container ${reference}`);
  }
  if (!wantsDirectory(path) || isDirectory(found.status)) return found;
  found[Symbol.dispose]();
  throw new SkiffError("invalid_argument", `${path}: not a directory`);
}

function statOf(parts: Parts, tree: OpenTree, path: string, { status, path: real }: Found): PathStat {
  const target = isLink(status) ? linkTarget(parts.kernel, tree.root, tree.mounts, real) : "";
  return pathStat(nameOf(path), status, target);
}

export function statPath(parts: Parts, reference: string, path: string): Promise<PathStat> {
  return withTree(parts, reference, async (tree) => {
    using found = find(parts, tree, reference, path, wantsDirectory(path));
    return statOf(parts, tree, path, found);
  });
}

/** The root's entries are named from the root, so that what the client puts in front fits. */
function* packRoot(parts: Parts, fd: number): Generator<Uint8Array> {
  for (const name of namesIn(fd).sort())
    for (const bytes of packOne(parts.kernel, fd, name, `/${name}`)) if (bytes !== TRAILER) yield bytes;
  yield TRAILER;
}

function* packFound(parts: Parts, tree: OpenTree, path: string, found: Found): Generator<Uint8Array> {
  const { kernel } = parts;
  const name = nameOf(path);
  if (isDirectory(found.status)) {
    const fd = openDirectory(kernel, found);
    try {
      if (name === "/") yield* packRoot(parts, fd);
      else yield* packTree(kernel, fd, { prefix: name, overlay: false, includeRoot: true });
    } finally {
      kernel.close(fd);
    }
    return;
  }
  const source = tree.mounts.get(found.path);
  if (source !== undefined) {
    const fd = kernel.openat(-100, dirname(source), O.PATH | O.DIRECTORY, 0);
    try {
      yield* packOne(kernel, fd, basename(source), name);
    } finally {
      kernel.close(fd);
    }
    return;
  }
  using parent = resolveInside(kernel, tree.root, tree.mounts, dirname(found.path), false);
  yield* packOne(kernel, parent.fd, basename(found.path), name);
}

/** @param begin is told the status before the first byte, and answers where the bytes go */
export function readArchive(
  parts: Parts,
  reference: string,
  path: string,
  begin: (stat: PathStat) => Sink,
): Promise<void> {
  return withTree(parts, reference, async (tree) => {
    using found = find(parts, tree, reference, path, wantsDirectory(path));
    const sink = begin(statOf(parts, tree, path, found));
    for (const bytes of packFound(parts, tree, path, found)) await sink(bytes);
    publish(parts, tree.container, "archive-path");
  });
}

function checkWritable({ container }: OpenTree, path: string): void {
  const inside = container.mounts
    .filter(({ destination }) => path === destination || path.startsWith(`${destination}/`))
    .sort((a, b) => b.destination.length - a.destination.length)[0];
  if (inside !== undefined && !inside.rw)
    throw new SkiffError("permission_denied", "mounted volume is marked read-only");
  if (inside === undefined && container.hostConfig.ReadonlyRootfs)
    throw new SkiffError("permission_denied", "container rootfs is marked read-only");
}

async function extract(
  parts: Parts,
  fd: number,
  body: AsyncIterable<Uint8Array>,
  owner: { readonly uid: number; readonly gid: number } | undefined,
  options: PutOptions,
): Promise<void> {
  const { compression, stream } = await detect(body);
  using extractor = new Extractor(parts.kernel, fd, {
    ...{ whiteouts: false, keepKinds: options.keepKinds },
    ...(owner === undefined ? {} : { owner }),
  });
  const reader = new TarReader(extractor);
  for await (const bytes of decompress(compression, stream)) reader.push(bytes);
  extractor.finish();
}

export function writeArchive(
  parts: Parts,
  reference: string,
  path: string,
  body: AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<void> {
  return withTree(parts, reference, async (tree) => {
    using found = find(parts, tree, reference, path, true);
    if (!isDirectory(found.status))
      throw new SkiffError("invalid_argument", "extraction point is not a directory");
    checkWritable(tree, found.path);
    const { config, hostConfig } = tree.container;
    const user = options.copyUidGid
      ? lookUpUser(parts, tree.root, config.User, hostConfig.GroupAdd ?? [])
      : undefined;
    const fd = openDirectory(parts.kernel, found);
    try {
      await extract(parts, fd, body, user, options);
    } finally {
      parts.kernel.close(fd);
    }
    publish(parts, tree.container, "extract-to-dir");
  });
}

/** The root file system without volumes. */
export function exportContainer(parts: Parts, reference: string, begin: () => Sink): Promise<void> {
  return withTree(parts, reference, async ({ container, root }) => {
    const fd = parts.kernel.openat(-100, root, O.RDONLY | O.DIRECTORY, 0);
    try {
      const sink = begin();
      const options = { prefix: "", overlay: false, includeRoot: false };
      for (const bytes of packTree(parts.kernel, fd, options)) await sink(bytes);
    } finally {
      parts.kernel.close(fd);
    }
    publish(parts, container, "export");
  });
}
