/** One blob on its way in: appended to a file and hashed as it comes. */
import { chmodSync, type PathLike, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, rfc3339Nano } from "../../../lib/clock.ts";
import { SkiffError } from "../../../lib/errors.ts";
import type { CommitRequest, Ingest, IngestStatus, OpenIngest } from "../../core/content.ts";

const PIECE_BYTES = 1024 * 1024;
const BLOB_MODE = 0o444;

export interface IngestParts {
  readonly directory: string;
  readonly clock: Clock;
  /** Where a blob lies. @throws for what is no digest */
  readonly blobPath: (digest: string) => string;
  /** Makes the blob known. @throws already_exists */
  readonly register: (digest: string, size: number, request: CommitRequest) => void;
  /** Lets go of the ref. */
  readonly release: () => void;
}

/** ENOSPC and its kin are the caller's to understand. */
function failed(error: unknown, ref: string): SkiffError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return new SkiffError("not_found", `write ${ref}: aborted meanwhile: not found`);
  const full = code === "ENOSPC" || code === "EDQUOT";
  return new SkiffError(
    full ? "resource_exhausted" : "internal",
    `write ${ref}: ${full ? "no space left on device" : String(error)}`,
    { cause: error },
  );
}

function checkCommit(ref: string, request: CommitRequest, size: number, digest: string): void {
  if (request.size !== 0 && request.size !== size)
    throw new SkiffError(
      "failed_precondition",
      `"${ref}" failed size validation: ${size} != ${request.size}: failed precondition`,
    );
  if (request.expected !== "" && request.expected !== digest)
    throw new SkiffError(
      "failed_precondition",
      `unexpected commit digest ${digest}, expected ${request.expected}: failed precondition`,
    );
}

/** Hashes what an earlier writer left. */
async function hashFile(file: FileHandle, hasher: Bun.CryptoHasher): Promise<number> {
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  let offset = 0;
  for (;;) {
    const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, offset);
    if (bytesRead === 0) return offset;
    hasher.update(piece.subarray(0, bytesRead));
    offset += bytesRead;
  }
}

class FileIngest implements Ingest {
  #open = true;
  #updatedAtNs: bigint;

  constructor(
    private readonly parts: IngestParts,
    private readonly request: OpenIngest,
    private readonly file: FileHandle,
    private readonly startedAtNs: bigint,
    private hasher: Bun.CryptoHasher,
    private offset: number,
  ) {
    this.#updatedAtNs = parts.clock.nowNs();
  }

  get ref(): string {
    return this.request.ref;
  }

  status(): IngestStatus {
    const { ref, total, expected } = this.request;
    const { offset, startedAtNs } = this;
    return { ref, total, expected, offset, startedAtNs, updatedAtNs: this.#updatedAtNs };
  }

  digest(): string {
    return `sha256:${this.hasher.copy().digest("hex")}`;
  }

  async write(data: Uint8Array): Promise<void> {
    this.#check();
    try {
      for (let done = 0; done < data.length; ) {
        const { bytesWritten } = await this.file.write(data, done, data.length - done, this.offset + done);
        done += bytesWritten;
      }
    } catch (error) {
      throw failed(error, this.ref);
    }
    this.hasher.update(data);
    this.offset += data.length;
    this.#updatedAtNs = this.parts.clock.nowNs();
  }

  async truncate(size: number): Promise<void> {
    this.#check();
    if (size !== 0)
      throw new SkiffError("unimplemented", `truncate ${this.ref} to ${size}: only 0 is supported`);
    await this.file.truncate(0);
    this.hasher = new Bun.CryptoHasher("sha256");
    this.offset = 0;
  }

  async commit(request: CommitRequest): Promise<string> {
    this.#check();
    const digest = this.digest();
    checkCommit(this.ref, request, this.offset, digest);
    try {
      await this.file.sync();
    } catch (error) {
      throw failed(error, this.ref);
    }
    const { directory, blobPath, register, release } = this.parts;
    const data = join(directory, "data");
    try {
      chmodSync(data, BLOB_MODE);
      // From here to `register` without a pause: the collector must not find the file unregistered.
      renameSync(data, blobPath(digest));
    } catch (error) {
      throw failed(error, this.ref);
    }
    this.#open = false;
    try {
      register(digest, this.offset, request);
    } finally {
      rmSync(directory, { recursive: true, force: true });
      release();
      await this.file.close();
    }
    return digest;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      writeTime(this.parts.directory, "updatedat", this.#updatedAtNs);
    } catch {
      // Aborted meanwhile: the directory has gone.
    }
    this.parts.release();
    void this.file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #check(): void {
    if (!this.#open) throw new SkiffError("failed_precondition", `write ${this.ref}: closed`);
  }
}

function writeTime(directory: string, name: string, ns: bigint): void {
  writeFileSync(join(directory, name), rfc3339Nano(ns));
}

function readNs(path: PathLike): bigint {
  try {
    return BigInt(Date.parse(readFileSync(path, "utf8"))) * 1_000_000n;
  } catch {
    return 0n;
  }
}

/** The directory exists, with its `ref`. */
export async function openIngest(parts: IngestParts, request: OpenIngest): Promise<Ingest> {
  const { directory, clock } = parts;
  let startedAtNs = readNs(join(directory, "startedat"));
  if (startedAtNs === 0n) {
    startedAtNs = clock.nowNs();
    writeTime(directory, "startedat", startedAtNs);
  }
  if (request.total > 0) writeFileSync(join(directory, "total"), String(request.total));
  const file = await open(join(directory, "data"), "a+", 0o600).then(async (made) => {
    await made.close();
    // "a+" makes the file; writes are at given offsets.
    return open(join(directory, "data"), "r+");
  });
  const hasher = new Bun.CryptoHasher("sha256");
  try {
    return new FileIngest(parts, request, file, startedAtNs, hasher, await hashFile(file, hasher));
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** What lies in an ingest's directory; undefined for a broken one. */
export function readIngest(
  directory: string,
  size: number,
): (IngestStatus & { readonly key: string }) | undefined {
  let key: string;
  let total = 0;
  try {
    key = readFileSync(join(directory, "ref"), "utf8");
  } catch {
    return undefined;
  }
  try {
    total = Number(readFileSync(join(directory, "total"), "utf8")) || 0;
  } catch {
    // Not known.
  }
  const startedAtNs = readNs(join(directory, "startedat"));
  const updatedAtNs = readNs(join(directory, "updatedat")) || startedAtNs;
  const ref = key.slice(key.indexOf("/") + 1);
  return { key, ref, offset: size, total, expected: "", startedAtNs, updatedAtNs };
}
