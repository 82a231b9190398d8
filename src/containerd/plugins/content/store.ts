/** The content store on the local disk: see core/content.ts for what it promises and paths.ts for its layout. */
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../lib/clock.ts";
import { codeOf, SkiffError } from "../../../lib/errors.ts";
import type {
  BlobInfo,
  CommitRequest,
  ContentStore,
  Ingest,
  IngestStatus,
  OpenIngest,
} from "../../core/content.ts";
import type { ContentRecords } from "../../metadata/content.ts";
import { openIngest, readIngest } from "./ingest.ts";
import { type ContentPaths, contentPaths } from "./paths.ts";
import { openShared } from "./shared.ts";

const PIECE_BYTES = 1024 * 1024;
/** An ingest nobody has touched for so long is not resumed any more. */
const INGEST_MS_MAX = 24 * 3600 * 1000;
/** A blob's file without a row: its writer died in between, or is in between now. */
const STRAY_MS_MIN = 60_000;

export interface LocalContentStore extends ContentStore {
  /** For the collector: deletes the bytes of blobs that no namespace sees, strays and forgotten ingests. */
  sweep(): void;
}

export interface ContentParts {
  readonly root: string;
  readonly records: ContentRecords;
  readonly clock: Clock;
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

async function* readPieces(path: string, from: number, to: number): AsyncGenerator<Uint8Array> {
  await using file = await open(path, "r");
  for (let offset = from; offset < to; ) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, to - offset));
    const { bytesRead } = await file.read(piece, 0, piece.length, offset);
    if (bytesRead === 0) throw new SkiffError("data_loss", `read ${path}: ends at ${offset} of ${to}`);
    offset += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

class Store implements LocalContentStore {
  readonly #paths: ContentPaths;
  /** `<namespace>/<ref>` of ingests that somebody writes. */
  readonly #writing = new Set<string>();
  /** Digests of other namespaces' blobs that somebody is about to commit, as often as somebody is. */
  readonly #sharing: string[] = [];

  constructor(private readonly parts: ContentParts) {
    this.#paths = contentPaths(parts.root);
    mkdirSync(this.#paths.blobs, { recursive: true, mode: 0o711 });
    mkdirSync(this.#paths.ingests, { recursive: true, mode: 0o700 });
  }

  info(namespace: string, digest: string): BlobInfo {
    this.#paths.blob(digest);
    const info = this.parts.records.find(namespace, digest);
    if (info === undefined) throw new SkiffError("not_found", `content digest ${digest}: not found`);
    return info;
  }

  list(namespace: string): BlobInfo[] {
    return this.parts.records.list(namespace);
  }

  update(
    namespace: string,
    digest: string,
    labels: Readonly<Record<string, string>>,
    all: boolean,
  ): BlobInfo {
    const before = this.info(namespace, digest).labels;
    this.parts.records.setLabels(namespace, digest, all ? labels : { ...before, ...labels });
    return this.info(namespace, digest);
  }

  delete(namespace: string, digest: string): void {
    this.#paths.blob(digest);
    if (!this.parts.records.remove(namespace, digest))
      throw new SkiffError("not_found", `content digest ${digest}: not found`);
  }

  pathOf(namespace: string, digest: string): string {
    this.info(namespace, digest);
    return this.#paths.blob(digest);
  }

  async readAll(namespace: string, digest: string, limit: number): Promise<Buffer> {
    const { size } = this.info(namespace, digest);
    if (size > limit)
      throw new SkiffError("resource_exhausted", `read ${digest}: ${size} bytes, at most ${limit}`);
    return readFile(this.#paths.blob(digest));
  }

  async *read(namespace: string, digest: string, offset: number, size: number): AsyncGenerator<Uint8Array> {
    const { size: whole } = this.info(namespace, digest);
    const from = Math.max(offset, 0);
    if (from > whole) throw new SkiffError("out_of_range", `read past object length ${whole} bytes`);
    const to = size <= 0 ? whole : Math.min(from + size, whole);
    yield* readPieces(this.#paths.blob(digest), from, to);
  }

  async open(namespace: string, request: OpenIngest): Promise<Ingest> {
    const { ref, total, expected, lease = "" } = request;
    if (ref === "") throw new SkiffError("invalid_argument", "ref must not be empty");
    const { records } = this.parts;
    if (expected !== "") {
      this.#paths.blob(expected);
      if (records.find(namespace, expected) !== undefined) {
        if (lease !== "") records.hold(namespace, lease, expected);
        throw new SkiffError("already_exists", `content ${expected}: already exists`);
      }
    }
    const key = `${namespace}/${ref}`;
    if (this.#writing.has(key)) throw new SkiffError("unavailable", `ref ${key} locked: unavailable`);
    this.#writing.add(key);
    const known = expected === "" ? undefined : records.size(expected);
    // Of another size it is not the blob that the client means: let it send that one and be told.
    if (known !== undefined && (total === 0 || total === known))
      return this.#openShared(namespace, request, known);
    return this.#openOwn(namespace, request);
  }

  /** The ref is ours; let go if it cannot be opened. */
  async #openOwn(namespace: string, request: OpenIngest): Promise<Ingest> {
    const directory = this.#paths.ingest(namespace, request.ref);
    const key = `${namespace}/${request.ref}`;
    const release = () => void this.#writing.delete(key);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writeFileSync(join(directory, "ref"), key);
      const blobPath = (digest: string) => this.#paths.blob(digest);
      const parts = { directory, clock: this.parts.clock, blobPath, register: this.#register(namespace) };
      return await openIngest({ ...parts, release }, request);
    } catch (error) {
      release();
      throw error;
    }
  }

  #openShared(namespace: string, request: OpenIngest, size: number): Ingest {
    const { expected } = request;
    const path = this.#paths.blob(expected);
    this.#sharing.push(expected);
    const release = (own: boolean): void => {
      this.#sharing.splice(this.#sharing.indexOf(expected), 1);
      if (!own) this.#writing.delete(`${namespace}/${request.ref}`);
    };
    const openOwn = () => this.#openOwn(namespace, request);
    const read = () => readPieces(path, 0, size);
    const register = this.#register(namespace);
    return openShared({ size, clock: this.parts.clock, register, release, openOwn, read }, request);
  }

  #register(namespace: string) {
    return (digest: string, size: number, { labels, lease }: CommitRequest): void =>
      this.parts.records.add(namespace, { digest, size, labels, lease });
  }

  status(namespace: string, ref: string): IngestStatus {
    const directory = this.#paths.ingest(namespace, ref);
    const found = readIngest(directory, sizeOf(join(directory, "data")) ?? 0);
    if (found === undefined) throw new SkiffError("not_found", `reference ${ref}: not found`);
    return found;
  }

  statuses(namespace: string): IngestStatus[] {
    return entries(this.#paths.ingests).flatMap((name) => {
      const directory = join(this.#paths.ingests, name);
      const found = readIngest(directory, sizeOf(join(directory, "data")) ?? 0);
      return found?.key.startsWith(`${namespace}/`) === true ? [found] : [];
    });
  }

  abort(namespace: string, ref: string): void {
    this.status(namespace, ref);
    rmSync(this.#paths.ingest(namespace, ref), { recursive: true, force: true });
  }

  async put(
    namespace: string,
    bytes: Uint8Array,
    labels: Readonly<Record<string, string>>,
    lease: string,
  ): Promise<string> {
    const digest = `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
    const ref = `put-${digest}-${crypto.randomUUID()}`;
    const request = { size: bytes.length, expected: digest, labels, lease };
    try {
      using ingest = await this.open(namespace, { ref, total: bytes.length, expected: digest });
      if (ingest.status().offset === 0) await ingest.write(bytes);
      await ingest.commit(request);
    } catch (error) {
      if (codeOf(error) !== "already_exists") throw error;
      if (lease !== "") this.parts.records.hold(namespace, lease, digest);
      if (Object.keys(labels).length > 0) this.update(namespace, digest, labels, false);
    }
    return digest;
  }

  sweep(): void {
    const { records, clock } = this.parts;
    for (const digest of records.takeUnseen(new Set(this.#sharing)))
      rmSync(this.#paths.blob(digest), { force: true });
    for (const hex of entries(this.#paths.blobs)) {
      const path = join(this.#paths.blobs, hex);
      if (records.size(`sha256:${hex}`) !== undefined) continue;
      const changed = statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? clock.now();
      if (clock.now() - changed > STRAY_MS_MIN) rmSync(path, { force: true });
    }
    for (const name of entries(this.#paths.ingests)) {
      const directory = join(this.#paths.ingests, name);
      const data = statSync(join(directory, "data"), { throwIfNoEntry: false });
      const touched = (data ?? statSync(directory, { throwIfNoEntry: false }))?.mtimeMs ?? 0;
      const key = readIngest(directory, 0)?.key;
      if (clock.now() - touched > INGEST_MS_MAX && !(key !== undefined && this.#writing.has(key)))
        rmSync(directory, { recursive: true, force: true });
    }
  }
}

export function createContentStore(parts: ContentParts): LocalContentStore {
  return new Store(parts);
}
