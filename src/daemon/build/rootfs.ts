/** An image's tree, mounted while a step reads or writes it. */
import { mkdirSync, rmdirSync } from "node:fs";
import { AT_FDCWD, O } from "../../kernel/constants.ts";
import { mountSnapshot, unmount } from "../../kernel/tree/mount.ts";
import { diffOf, type Layer } from "../images/commit.ts";
import type { PlatformImage } from "../images/manifests.ts";
import type { Build } from "./parts.ts";

export interface Tree {
  /** Host path. */
  readonly path: string;
  /** Open directory. */
  readonly fd: number;
}

interface Asked {
  readonly image: PlatformImage | undefined;
  readonly writable: boolean;
}

async function mounted<T>(
  build: Build,
  key: string,
  asked: Asked,
  body: (tree: Tree) => Promise<T>,
): Promise<T> {
  const { kernel, directory, images } = build.parts;
  const { clients, snapshotter } = images;
  const parent = asked.image?.chains.at(-1) ?? "";
  const make = asked.writable ? clients.snapshots.prepare : clients.snapshots.view;
  const { mounts } = await make({ snapshotter, key, parent }, build.lease);
  const path = `${directory}/${key}`;
  mkdirSync(path, { recursive: true, mode: 0o700 });
  try {
    for (const mount of mounts) mountSnapshot(kernel, mount, path);
    const fd = kernel.openat(AT_FDCWD, path, O.RDONLY | O.DIRECTORY | O.NOFOLLOW, 0);
    try {
      return await body({ path, fd });
    } finally {
      kernel.close(fd);
    }
  } finally {
    unmount(kernel, path);
    rmdirSync(path);
  }
}

const keyFor = (build: Build) => `build-${build.parts.images.ids.hex(12)}`;

async function forget(build: Build, key: string): Promise<void> {
  const { clients, snapshotter } = build.parts.images;
  await clients.snapshots.remove({ snapshotter, key }).catch(() => {});
}

export async function reading<T>(
  build: Build,
  image: PlatformImage | undefined,
  body: (tree: Tree) => Promise<T>,
): Promise<T> {
  const key = keyFor(build);
  if (image !== undefined) await build.parts.images.unpack(image, build.lease);
  try {
    return await mounted(build, key, { image, writable: false }, body);
  } finally {
    await forget(build, key);
  }
}

/** What `body` changes, as a layer. */
export async function changing(
  build: Build,
  image: PlatformImage | undefined,
  body: (tree: Tree) => Promise<void>,
): Promise<Layer> {
  const key = keyFor(build);
  if (image !== undefined) await build.parts.images.unpack(image, build.lease);
  try {
    await mounted(build, key, { image, writable: true }, body);
    return await diffOf(build.parts.images, key, build.lease);
  } finally {
    await forget(build, key);
  }
}
