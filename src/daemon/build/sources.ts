/** Sources of COPY and ADD: found below a root by descriptors, digested by content, and handed to an extractor. */
import { posix } from "node:path";
import { AT, O, RESOLVE, S } from "../../kernel/constants.ts";
import { errnoOf } from "../../kernel/errno.ts";
import type { FileStatus, Kernel } from "../../kernel/kernel.ts";
import { packTree } from "../../kernel/tree/pack.ts";
import { namesIn } from "../../kernel/tree/remove.ts";
import { SkiffError } from "../../lib/errors.ts";
import type { TarEntry } from "../../lib/tar/entry.ts";
import { type TarHandler, TarReader } from "../../lib/tar/reader.ts";

export interface Source {
  /** Below the root, without slashes around it; "" is the root. */
  readonly name: string;
  readonly directory: boolean;
  readonly digest: string;
}

const PIECE_BYTES = 1024 * 1024;
const MATCHES_MAX = 100_000;
const DEPTH_MAX = 256;

const MISSING = "file not found in build context or excluded by .dockerignore: ";

const forbidden = (name: string) =>
  new SkiffError("invalid_argument", `forbidden path outside the build context: ${name} ()`);

const isDirectory = ({ mode }: FileStatus) => (mode & S.IFMT) === S.IFDIR;

/** As Go's filepath.Match has it: a star does not cross a slash. */
function patternOf(text: string): RegExp {
  let source = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "[") {
      const end = text.indexOf("]", at + 2);
      if (end < 0) throw new SkiffError("invalid_argument", "syntax error in pattern");
      source += text.slice(at, end + 1).replace(/\\/g, "\\\\");
      at = end;
    } else if (char === "\\" && at + 1 < text.length) source += text[++at]!.replace(/[^\w]/g, "\\$&");
    else source += char.replace(/[^\w]/g, "\\$&");
  }
  try {
    return new RegExp(`^${source}$`, "s");
  } catch {
    throw new SkiffError("invalid_argument", "syntax error in pattern");
  }
}

/** Hashes entries without their times, and only what belongs to the files. */
class Digester implements TarHandler {
  readonly #hash = new Bun.CryptoHasher("sha256");

  entry({ name, type, mode, uid, gid, size, linkName, major, minor, xattrs }: TarEntry): void {
    const attributes = [...xattrs].map(([key, value]) => [key, Buffer.from(value).toString("hex")]);
    this.#hash.update(JSON.stringify([name, type, mode, uid, gid, size, linkName, major, minor, attributes]));
  }

  data(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  end(): void {}

  digest(): string {
    return this.#hash.digest("hex");
  }
}

export class SourceTree {
  constructor(
    private readonly kernel: Kernel,
    private readonly root: number,
    /** The build context: nothing may lead out of it. In an image's tree its root is the root. */
    private readonly isContext: boolean,
  ) {}

  /** @throws not_found in dockerd's words */
  find(asked: string, wildcards: boolean): Source[] {
    if (this.isContext && /^\.\.(\/|$)/.test(posix.normalize(asked))) throw forbidden(asked);
    const name = posix.resolve("/", asked).slice(1);
    const names = wildcards && /[*?[]/.test(asked) ? this.#matches(name) : [name];
    return names.map((one) => this.#source(one));
  }

  #source(name: string): Source {
    const { fd, status } = this.#open(name);
    try {
      const digester = new Digester();
      this.#pack(fd, status, "", digester);
      return { name, directory: isDirectory(status), digest: digester.digest() };
    } finally {
      this.kernel.close(fd);
    }
  }

  /** Entries below `target` (no slash in front), as the handler's; a directory's contents, a file as `target` itself. */
  give({ name }: Source, target: string, handler: TarHandler): void {
    const { fd, status } = this.#open(name);
    try {
      this.#pack(fd, status, target, handler);
    } finally {
      this.kernel.close(fd);
    }
  }

  *bytes({ name }: Source): Generator<Uint8Array> {
    const { fd } = this.#open(name);
    try {
      yield* this.#read(fd);
    } finally {
      this.kernel.close(fd);
    }
  }

  #open(name: string): { readonly fd: number; readonly status: FileStatus } {
    const { kernel } = this;
    try {
      const fd = this.#look(name, O.RDONLY | O.NONBLOCK);
      const status = kernel.statx(fd, "", AT.EMPTY_PATH);
      if (isDirectory(status) || (status.mode & S.IFMT) === S.IFREG) return { fd, status };
      kernel.close(fd);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "EXDEV") throw forbidden(name);
      if (errno !== "ENOENT" && errno !== "ENOTDIR" && errno !== "ELOOP" && errno !== "ENXIO") throw error;
      throw new SkiffError("not_found", `${this.isContext ? MISSING : ""}stat ${name}: file does not exist`, {
        cause: error,
      });
    }
    throw new SkiffError("invalid_argument", `${name}: not a file and not a directory`);
  }

  #look(name: string, flags: number): number {
    const inside = this.isContext ? RESOLVE.BENEATH : RESOLVE.IN_ROOT;
    const resolve = inside | RESOLVE.NO_MAGICLINKS;
    return this.kernel.openat2(this.root, name === "" ? "." : name, { flags, resolve });
  }

  #pack(fd: number, status: FileStatus, target: string, handler: TarHandler): void {
    if (isDirectory(status)) {
      const reader = new TarReader(handler);
      for (const bytes of packTree(this.kernel, fd, { prefix: target, overlay: false, includeRoot: false }))
        reader.push(bytes);
      reader.finish();
      return;
    }
    handler.entry({
      ...{ name: target, type: "file", mode: status.mode & 0o7777, uid: status.uid, gid: status.gid },
      ...{
        size: status.size,
        modifiedNs: status.modifiedNs,
        linkName: "",
        major: 0,
        minor: 0,
        xattrs: new Map(),
      },
    });
    for (const bytes of this.#read(fd)) handler.data(bytes);
    handler.end();
  }

  *#read(fd: number): Generator<Uint8Array> {
    for (let at = 0; ; ) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      const count = this.kernel.pread(fd, piece, at);
      if (count === 0) return;
      at += count;
      yield piece.subarray(0, count);
    }
  }

  #matches(pattern: string): string[] {
    const expression = patternOf(pattern);
    const found: string[] = [];
    const depth = pattern.split("/").length;
    const walk = (directory: string, level: number): void => {
      if (level > Math.min(depth, DEPTH_MAX)) return;
      const fd = this.#look(directory, O.RDONLY | O.DIRECTORY);
      try {
        for (const base of namesIn(fd).sort()) {
          const name = directory === "" ? base : `${directory}/${base}`;
          if (expression.test(name)) found.push(name);
          if (found.length > MATCHES_MAX)
            throw new SkiffError("resource_exhausted", `more than ${MATCHES_MAX} files match ${pattern}`);
          const { mode } = this.kernel.statx(fd, base, AT.SYMLINK_NOFOLLOW);
          if ((mode & S.IFMT) === S.IFDIR) walk(name, level + 1);
        }
      } finally {
        this.kernel.close(fd);
      }
    };
    walk("", 1);
    return found;
  }
}
