/** COPY and ADD: files of the context, of a stage or of an image, in a layer of their own. */
import { posix } from "node:path";
import { AT, AT_FDCWD, O, S } from "../../kernel/constants.ts";
import { unless } from "../../kernel/errno.ts";
import { Extractor } from "../../kernel/tree/extract.ts";
import { cleanName, openParent } from "../../kernel/tree/paths.ts";
import { SkiffError, wrap } from "../../lib/errors.ts";
import type { TarEntry } from "../../lib/tar/entry.ts";
import { type TarHandler, TarReader } from "../../lib/tar/reader.ts";
import { decompress, detect } from "../images/compression.ts";
import type { PlatformImage } from "../images/manifests.ts";
import { commit, probe, type Step } from "./commit.ts";
import { shellOf } from "./config.ts";
import { openInside } from "./context.ts";
import { expandWord } from "./dockerfile/expand.ts";
import type { Line } from "./dockerfile/lines.ts";
import { flagOf, sourcesOf } from "./dockerfile/stages.ts";
import { findBase } from "./from.ts";
import { type Owner, ownerOf } from "./owner.ts";
import type { Build, StageState } from "./parts.ts";
import { changing, reading, type Tree } from "./rootfs.ts";
import { type Source, SourceTree } from "./sources.ts";

interface Copy {
  readonly line: Line;
  readonly sources: readonly string[];
  /** Absolute; a slash at the end means a directory. */
  readonly target: string;
  /** As written. */
  readonly requested: string;
  readonly chown: string;
  /** undefined: as they are. */
  readonly mode: number | undefined;
  readonly from: string;
}

export interface CopyInput {
  readonly line: Line;
  readonly esc: string;
  readonly variables: ReadonlyMap<string, string>;
}

function modeOf(text: string): number | undefined {
  if (text === "") return undefined;
  if (!/^[0-7]{1,4}$/.test(text))
    throw new SkiffError(
      "invalid_argument",
      `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`,
    );
  return Number.parseInt(text, 8);
}

function parseCopy({ line, esc, variables }: CopyInput, stage: StageState): Copy {
  const expand = (text: string) => expandWord(text, esc, variables);
  const words = sourcesOf(line, esc).map(expand);
  const requested = words.at(-1)!;
  const joined = posix.join("/", requested.startsWith("/") ? "" : (stage.config.WorkingDir ?? ""), requested);
  return {
    line,
    sources: words.slice(0, -1),
    ...{ target: joined, requested },
    chown: expand(flagOf(line, "chown")),
    mode: modeOf(expand(flagOf(line, "chmod"))),
    from: flagOf(line, "from"),
  };
}

function findSources(tree: SourceTree, copy: Copy): Source[] {
  const NAME = copy.line.name.toUpperCase();
  let found: Source[];
  try {
    found = copy.sources.flatMap((source) => {
      if (/^(https?|git|ssh):\/\/|^git@/.test(source) && NAME === "ADD")
        throw new SkiffError("unimplemented", "sources that are URLs are not implemented by skiffd");
      return tree.find(source, true);
    });
    if (found.length === 0) throw new SkiffError("invalid_argument", "no source files were specified");
  } catch (error) {
    throw wrap(error, `${NAME} failed`);
  }
  if (found.length > 1 && !copy.target.endsWith("/"))
    throw new SkiffError(
      "invalid_argument",
      `When using ${NAME} with more than one source file, the destination must be a directory and end with a /`,
    );
  return found;
}

/** For the history, and for the cache. */
function digestOf(sources: readonly Source[]): string {
  const [first] = sources;
  if (sources.length === 1) return `${first!.directory ? "dir" : "file"}:${first!.digest}`;
  const hash = new Bun.CryptoHasher("sha256").update(sources.map(({ digest }) => digest).join(","));
  return `multi:${hash.digest("hex")}`;
}

/** Puts an owner and a mode on what goes by. */
function dressed(handler: TarHandler, mode: number | undefined): TarHandler {
  if (mode === undefined) return handler;
  return {
    entry: (entry) => handler.entry(entry.type === "symlink" ? entry : { ...entry, mode }),
    data: (bytes) => handler.data(bytes),
    end: () => handler.end(),
  };
}

/** Below a directory of the tree. */
function moved(handler: TarHandler, directory: string): TarHandler {
  const at = (name: string) => {
    const clean = cleanName(name);
    return clean === "." ? directory || "." : `${directory}/${clean}`;
  };
  return {
    entry: (entry: TarEntry) =>
      handler.entry({
        ...entry,
        name: at(entry.name),
        linkName: entry.type === "link" ? at(entry.linkName) : entry.linkName,
      }),
    data: (bytes) => handler.data(bytes),
    end: () => handler.end(),
  };
}

/** Whether it begins as a tar archive, however compressed. */
async function isArchive(tree: SourceTree, source: Source): Promise<boolean> {
  let found = false;
  try {
    const { compression, stream } = await detect(asyncOf(tree.bytes(source)));
    if (compression === "xz" || compression === "bzip2")
      throw new SkiffError(
        "unimplemented",
        `${source.name}: archives with ${compression} are not implemented by skiffd`,
      );
    const reader = new TarReader({ entry: () => (found = true), data() {}, end() {} });
    for await (const bytes of decompress(compression, stream)) {
      reader.push(bytes.subarray(0, 512));
      break;
    }
  } catch (error) {
    if (error instanceof SkiffError && error.code === "unimplemented" && !found) throw error;
    return found;
  }
  return found;
}

async function* asyncOf(bytes: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* bytes;
}

async function unpackArchive(build: Build, tree: SourceTree, source: Source, into: Tree, directory: string) {
  const { compression, stream } = await detect(asyncOf(tree.bytes(source)));
  using extractor = new Extractor(build.parts.kernel, into.fd, { whiteouts: false });
  const reader = new TarReader(moved(extractor, directory));
  for await (const bytes of decompress(compression, stream)) reader.push(bytes);
  reader.finish();
  extractor.finish();
}

function isExistingDirectory(build: Build, into: Tree, name: string): boolean {
  const { kernel } = build.parts;
  const fd = unless(["ENOENT", "ENOTDIR"], () => openInside(kernel, into.fd, name, O.PATH));
  if (fd === undefined) return false;
  const { mode } = kernel.statx(fd, "", AT.EMPTY_PATH);
  kernel.close(fd);
  return (mode & S.IFMT) === S.IFDIR;
}

const LINKS_MAX = 40;

/** Where a file goes whose name is a link in the tree, even one to nothing: the name it leads to, below the root. */
function throughLinks({ parts: { kernel } }: Build, into: Tree, asked: string): string {
  let name = asked;
  for (let count = 0; count < LINKS_MAX; count++) {
    using place = openParent(kernel, into.fd, name);
    if (place === undefined) return name;
    const status = unless(["ENOENT"], () => kernel.statx(place.directory, place.base, AT.SYMLINK_NOFOLLOW));
    if (status === undefined || (status.mode & S.IFMT) !== S.IFLNK) return name;
    // The parent's name without links, so that `..` in the target means what the kernel would take it for.
    const parent = kernel.readlinkat(AT_FDCWD, `/proc/self/fd/${place.directory}`).slice(into.path.length);
    const target = kernel.readlinkat(place.directory, place.base);
    name = posix.resolve("/", parent, target).slice(1);
  }
  throw new SkiffError("invalid_argument", `${asked}: too many levels of symbolic links`);
}

const FRESH_DIRECTORY: Omit<TarEntry, "name" | "modifiedNs"> = {
  ...{
    type: "dir",
    mode: 0o755,
    uid: 0,
    gid: 0,
    size: 0,
    linkName: "",
    major: 0,
    minor: 0,
    xattrs: new Map(),
  },
};

async function copyOne(
  build: Build,
  copy: Copy,
  tree: SourceTree,
  source: Source,
  into: Tree,
  owner: Owner | undefined,
) {
  const target = copy.target.replace(/^\/+|\/+$/g, "");
  const isDirectory = isExistingDirectory(build, into, target);
  if (!source.directory && copy.line.name === "add" && (await isArchive(tree, source)))
    return unpackArchive(build, tree, source, into, target);
  using extractor = new Extractor(build.parts.kernel, into.fd, {
    whiteouts: false,
    ...(owner === undefined ? {} : { owner }),
  });
  if (source.directory) {
    const modifiedNs = build.parts.images.clock.nowNs();
    if (!isDirectory) extractor.entry({ ...FRESH_DIRECTORY, name: target, modifiedNs });
    tree.give(source, target, dressed(extractor, copy.mode));
  } else {
    const name =
      isDirectory || copy.target.endsWith("/") ? `${target}/${posix.basename(source.name)}` : target;
    tree.give(source, throughLinks(build, into, name), dressed(extractor, copy.mode));
  }
  extractor.finish();
}

/** Out of another image files keep their owners. */
function ownerFor(build: Build, copy: Copy, into: Tree): Owner | undefined {
  if (copy.chown !== "") return ownerOf(build.parts.files, into.path, copy.chown);
  return copy.from === "" ? { uid: 0, gid: 0 } : undefined;
}

async function copyFrom(build: Build, stage: StageState, copy: Copy, tree: SourceTree): Promise<void> {
  const sources = findSources(tree, copy);
  const chown = copy.chown === "" ? "" : `--chown=${copy.chown}`;
  const NAME = copy.line.name.toUpperCase();
  const digest = digestOf(sources);
  const step: Step = {
    createdBy: [...shellOf(stage.config), `#(nop) ${NAME} ${chown}${digest} in ${copy.requested} `].join(" "),
    config: stage.config,
    inputs: [NAME, copy.chown, String(copy.mode), copy.target, ...sources.map(({ name }) => name), digest],
  };
  if (await probe(build, stage, step)) return;
  const layer = await changing(build, stage.image, async (into) => {
    const owner = ownerFor(build, copy, into);
    for (const source of sources) await copyOne(build, copy, tree, source, into, owner);
  });
  await commit(build, stage, step, layer);
}

async function imageFor(build: Build, stage: StageState, from: string): Promise<PlatformImage | undefined> {
  const named = build.stages.find(({ name }) => name !== "" && name === from.toLowerCase());
  const byNumber = /^[0-9]+$/.test(from) ? build.stages[Number(from)] : undefined;
  const found = named ?? byNumber;
  if (found === stage || (byNumber === undefined && /^[0-9]+$/.test(from)))
    throw new SkiffError(
      "invalid_argument",
      `invalid from flag value ${from}: ${found === stage ? "refers to current build stage" : "index out of range"}`,
    );
  return found === undefined ? (await findBase(build, from, "")).image : found.image;
}

export async function copy(build: Build, stage: StageState, input: CopyInput): Promise<void> {
  const asked = parseCopy(input, stage);
  const { kernel } = build.parts;
  if (asked.from === "") {
    await copyFrom(build, stage, asked, new SourceTree(kernel, build.context.root, true));
    return;
  }
  const image = await imageFor(build, stage, asked.from);
  await reading(build, image, (tree) =>
    copyFrom(build, stage, asked, new SourceTree(kernel, tree.fd, false)),
  );
}
