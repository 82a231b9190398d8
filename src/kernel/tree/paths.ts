/**
 * Names below a directory that is not trusted, by descriptors: every look-up is bounded by the root (openat2, RESOLVE_IN_ROOT), so that a symbolic
 * link on the way leads to a place inside, never out. CVE-2021-32760, CVE-2025-47290.
 */
import { SkiffError } from "../../lib/errors.ts";
import { O, RESOLVE } from "../constants.ts";
import { errnoOf, unless } from "../errno.ts";
import type { Kernel } from "../kernel.ts";

const DIRECTORY = O.PATH | O.DIRECTORY;
const INSIDE = RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS;
const PARENT_MODE = 0o755;
const DEPTH_MAX = 512;

/** A name from an archive as a relative path without `.` and `..`; "." is the root itself. @throws invalid_argument when it leads out */
export function cleanName(name: string): string {
  if (name.includes("\0")) throw new SkiffError("invalid_argument", "name contains a NUL");
  const parts: string[] = [];
  // Not by node:path, which breaks names that are no Unicode text.
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined)
      throw new SkiffError(
        "invalid_argument",
        `invalid name ${JSON.stringify(name)}: breaks out of the tree`,
      );
  }
  return parts.join("/") || ".";
}

export interface Place {
  /** Directory; belongs to the tree, not to be closed. */
  readonly directory: number;
  /** One component. */
  readonly base: string;
}

/** The directories of one tree. Archives name neighbours one after the other, so the last directory is kept open:
 * what an entry replaces lies below it, so it stays the right one. */
export class TreePaths implements Disposable {
  #name = ".";
  #fd: number;

  /** `root` stays the caller's. `made` is told of directories made on the way. */
  constructor(
    private readonly kernel: Kernel,
    private readonly root: number,
    private readonly made: (name: string, place: Place) => void = () => {},
  ) {
    this.#fd = root;
  }

  /** Where `name` (cleaned) is; missing directories on the way are made. "." has no place. */
  place(name: string): Place {
    const slash = name.lastIndexOf("/");
    return { directory: this.#open(slash < 0 ? "." : name.slice(0, slash)), base: name.slice(slash + 1) };
  }

  [Symbol.dispose](): void {
    if (this.#fd !== this.root) this.kernel.close(this.#fd);
    this.#fd = this.root;
    this.#name = ".";
  }

  #open(directory: string): number {
    if (directory === this.#name) return this.#fd;
    const fd = directory === "." ? this.root : this.#ensure(directory, 0);
    this[Symbol.dispose]();
    this.#fd = fd;
    this.#name = directory;
    return fd;
  }

  #ensure(directory: string, depth: number): number {
    if (depth > DEPTH_MAX) throw new SkiffError("invalid_argument", "directories nested too deep");
    const look = () => this.kernel.openat2(this.root, directory, { flags: DIRECTORY, resolve: INSIDE });
    const found = unless(["ENOENT"], look);
    if (found !== undefined) return found;
    const slash = directory.lastIndexOf("/");
    const parent = slash < 0 ? this.root : this.#ensure(directory.slice(0, slash), depth + 1);
    const base = directory.slice(slash + 1);
    try {
      this.kernel.mkdirat(parent, base, PARENT_MODE);
      this.made(directory, { directory: parent, base });
    } catch (error) {
      // A link to nowhere: what it names cannot be made through it.
      if (errnoOf(error) === "EEXIST")
        throw new SkiffError("invalid_argument", `${directory}: is a link to nothing`);
      throw error;
    } finally {
      if (parent !== this.root) this.kernel.close(parent);
    }
    return look();
  }
}

/** Opens the place of an existing name for reading its parent: undefined when a directory on the way is missing. The caller closes it. */
export function openParent(kernel: Kernel, root: number, name: string): (Place & Disposable) | undefined {
  const slash = name.lastIndexOf("/");
  const parent = slash < 0 ? "." : name.slice(0, slash);
  const open = () => kernel.openat2(root, parent, { flags: DIRECTORY, resolve: INSIDE });
  const directory = unless(["ENOENT", "ENOTDIR"], open);
  if (directory === undefined) return undefined;
  return { directory, base: name.slice(slash + 1), [Symbol.dispose]: () => kernel.close(directory) };
}
