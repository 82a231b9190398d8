/** `docker diff`: the writable layer's upper directory against the layers below it. */
import { AT, AT_FDCWD, O, RESOLVE, S } from "../../../kernel/constants.ts";
import { unless } from "../../../kernel/errno.ts";
import type { FileStatus, Kernel } from "../../../kernel/kernel.ts";
import { namesIn } from "../../../kernel/tree/remove.ts";
import { SkiffError } from "../../../lib/errors.ts";
import type { Parts } from "../parts.ts";

export interface Change {
  readonly Path: string;
  /** 0 modified, 1 added, 2 deleted. */
  readonly Kind: 0 | 1 | 2;
}

const [MODIFIED, ADDED, DELETED] = [0, 1, 2] as const;
const OPAQUE = "trusted.overlay.opaque";
const BELOW = RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_MAGICLINKS;
const DEPTH_MAX = 512;

/** What a runtime makes as places to mount on; dockerd hides them in a layer of their own. */
const STUBS = new Set(["/dev", "/proc", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"]);

const typeOf = ({ mode }: FileStatus) => mode & S.IFMT;
const isWhiteout = (status: FileStatus) =>
  typeOf(status) === S.IFCHR && status.rdevMajor === 0 && status.rdevMinor === 0;

/** Whether the layers below have the path; nearest layer first. */
function isBelow(kernel: Kernel, lowers: readonly number[], path: string): boolean {
  const names = path.split("/").filter((name) => name !== "");
  for (const lower of lowers) {
    for (let depth = 1; depth <= names.length; depth += 1) {
      const part = names.slice(0, depth).join("/");
      const fd = unless(["ENOENT", "ENOTDIR", "ELOOP"], () =>
        kernel.openat2(lower, part, { flags: O.PATH | O.NOFOLLOW, resolve: BELOW }),
      );
      if (fd === undefined) break;
      try {
        const status = kernel.statx(fd, "", AT.EMPTY_PATH);
        if (isWhiteout(status)) return false;
        if (depth === names.length) return true;
        if (typeOf(status) !== S.IFDIR) break;
        // An O_PATH descriptor has no attributes; the directory it stands for has.
        const opaque = kernel.getxattr(`/proc/self/fd/${fd}/.`, OPAQUE)?.[0] === 0x79;
        if (opaque && !has(kernel, fd, names[depth]!)) return false;
      } finally {
        kernel.close(fd);
      }
    }
  }
  return false;
}

function has(kernel: Kernel, fd: number, name: string): boolean {
  return unless(["ENOENT"], () => kernel.statx(fd, name, AT.SYMLINK_NOFOLLOW)) !== undefined;
}

interface Walk {
  readonly kernel: Kernel;
  readonly lowers: readonly number[];
  /** Mount points of the container. */
  readonly mounted: ReadonlySet<string>;
}

/** What changed at `path`, which is `name` in the upper directory `parent`. Empty: it is there only because something is mounted on it. */
function changesAt(walk: Walk, parent: number, name: string, path: string, depth: number): Change[] {
  const { kernel, lowers } = walk;
  const status = unless(["ENOENT"], () => kernel.statx(parent, name, AT.SYMLINK_NOFOLLOW));
  if (status === undefined || depth > DEPTH_MAX) return [];
  if (isWhiteout(status)) return [{ Path: path, Kind: DELETED }];
  const Kind = isBelow(kernel, lowers, path) ? MODIFIED : ADDED;
  const stub = Kind === ADDED && (STUBS.has(path) || walk.mounted.has(path));
  if (typeOf(status) !== S.IFDIR) return stub ? [] : [{ Path: path, Kind }];
  const fd = kernel.openat(parent, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW, 0);
  try {
    const names = namesIn(fd).sort();
    const inside = names.flatMap((child) => changesAt(walk, fd, child, `${path}/${child}`, depth + 1));
    const onlyStubs = names.length > 0 && inside.length === 0;
    return (stub || onlyStubs) && inside.length === 0 ? [] : [{ Path: path, Kind }, ...inside];
  } finally {
    kernel.close(fd);
  }
}

export async function containerChanges(parts: Parts, reference: string): Promise<readonly Change[] | null> {
  const { kernel } = parts;
  const container = parts.registry.get(reference);
  const layers = await parts.roots.layers(container.id);
  if (layers === undefined)
    throw new SkiffError("unimplemented", "changes of a container: its snapshotter is not overlayfs");
  const open = (path: string) => kernel.openat(AT_FDCWD, path, O.RDONLY | O.DIRECTORY, 0);
  const fds: number[] = [];
  try {
    const upper = open(layers.upper);
    fds.push(upper);
    const lowers: number[] = [];
    for (const path of layers.lowers) {
      lowers.push(open(path));
      fds.push(lowers.at(-1)!);
    }
    const mounted = new Set([
      ...container.mounts.map(({ destination }) => destination),
      ...Object.keys(container.hostConfig.Tmpfs ?? {}),
    ]);
    const walk = { kernel, lowers, mounted };
    const changes = namesIn(upper)
      .sort()
      .flatMap((name) => changesAt(walk, upper, name, `/${name}`, 1));
    return changes.length === 0 ? null : changes;
  } finally {
    for (const fd of fds) kernel.close(fd);
  }
}
