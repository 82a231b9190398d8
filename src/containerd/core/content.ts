/**
 * The content store: bytes named by their digest, the only place where image data lives.
 *
 * Terms. A *blob* is complete, verified and immutable: `<root>/io.containerd.content.v1.content/blobs/sha256/<hex>`, mode 0444. A *ref* names an
 * *ingest*, a blob on its way in: `ingest/<sha256 of namespace/ref>/{data,ref,startedat,updatedat,total}`. An ingest survives SIGKILL and is resumed
 * at its offset; two writers of one ref exclude each other (`unavailable`). Blobs are shared by all namespaces, but a namespace sees a blob only
 * after it has committed it itself (policy "shared": then the bytes need not be sent again).
 *
 * Lifecycle: `open(ref)` → `write`* → `commit` (verifies size and digest, moves data into place, registers blob and labels, adds the resource to the
 * lease, in this order: a crash between leaves an unregistered file that the collector removes) or `abort`. `close` keeps the ingest for later.
 * Who cleans up: the garbage collector (core/gc.ts) removes blobs nothing refers to and ingests nobody touched for 24 hours.
 *
 * Fresh bytes are hashed on the way in; a resumed ingest hashes what is there first.
 */
export type Digest = `sha256:${string}`;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly urls?: readonly string[];
  readonly artifactType?: string;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
}

export interface BlobInfo {
  readonly digest: string;
  readonly size: number;
  readonly createdAtNs: bigint;
  readonly updatedAtNs: bigint;
  readonly labels: Readonly<Record<string, string>>;
}

export interface IngestStatus {
  readonly ref: string;
  readonly offset: number;
  /** 0: not known. */
  readonly total: number;
  readonly expected: string;
  readonly startedAtNs: bigint;
  readonly updatedAtNs: bigint;
}

export interface OpenIngest {
  readonly ref: string;
  /** 0: not known. */
  readonly total: number;
  /** "": not known. @throws already_exists at once when the namespace has that blob already. */
  readonly expected: string;
  /** Lease that keeps a blob which exists already. */
  readonly lease?: string;
}

export interface CommitRequest {
  /** 0: not checked. */
  readonly size: number;
  /** "": not checked. */
  readonly expected: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Lease that keeps the blob, "" for none. */
  readonly lease: string;
}

export interface Ingest extends Disposable {
  readonly ref: string;
  status(): IngestStatus;
  /** Digest of everything written so far. */
  digest(): string;
  /** Appends. @throws resource_exhausted (no space left on device) */
  write(data: Uint8Array): Promise<void>;
  /** Starts again at `size` bytes (only 0 is certain to be supported). */
  truncate(size: number): Promise<void>;
  /** Durable and visible afterwards; the ingest is gone. @throws failed_precondition for a wrong size or digest, already_exists */
  commit(request: CommitRequest): Promise<string>;
  /** Lets go of the ref and keeps the bytes; no effect after `commit`. `using` calls it. */
  close(): void;
}

export interface ContentStore {
  /** @throws not_found */
  info(namespace: string, digest: string): BlobInfo;
  list(namespace: string): BlobInfo[];
  /** Replaces the named labels (a value of "" removes one); `all` replaces every label. */
  update(namespace: string, digest: string, labels: Readonly<Record<string, string>>, all: boolean): BlobInfo;
  /** The namespace sees it no longer; the collector removes the bytes when no namespace does. @throws not_found */
  delete(namespace: string, digest: string): void;
  /** Of a blob the namespace sees. Host path, for readers that stream the file. @throws not_found */
  pathOf(namespace: string, digest: string): string;
  /** Small blobs whole: manifests, configurations. @throws not_found, resource_exhausted above `limit` bytes */
  readAll(namespace: string, digest: string, limit: number): Promise<Buffer>;
  /** A range of the blob in pieces of at most 1 MiB. `size` 0, or past the end: to the end. @throws out_of_range for an offset past the end */
  read(namespace: string, digest: string, offset: number, size: number): AsyncIterable<Uint8Array>;
  /** Opens or resumes. @throws unavailable when somebody else writes this ref. */
  open(namespace: string, request: OpenIngest): Promise<Ingest>;
  /** @throws not_found */
  status(namespace: string, ref: string): IngestStatus;
  statuses(namespace: string): IngestStatus[];
  /** Drops an ingest. @throws not_found */
  abort(namespace: string, ref: string): void;
  /** Convenience over open…commit for bytes at hand; a blob that exists already only gets the labels. */
  put(
    namespace: string,
    bytes: Uint8Array,
    labels: Readonly<Record<string, string>>,
    lease: string,
  ): Promise<string>;
}
