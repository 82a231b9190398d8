/**
 * The first half of an import: every regular file of the archive becomes a blob, its small documents are kept at hand.
 *
 * The archive is a stranger's: number of entries, sizes of documents and names are bounded (CVE-2023-25153), names are keys and never paths, and a blob
 * whose name is a digest must have it.
 */
import { posix } from "node:path";
import { isDigest } from "../../../lib/digest.ts";
import { codeOf, SkiffError } from "../../../lib/errors.ts";
import { type ArchiveEntry, archiveEntries } from "./archive-reader.ts";
import { ensureBlob, holdBlob } from "./ingest.ts";
import type { Job } from "./job.ts";
import { parseJson } from "./manifests.ts";

const ENTRIES_MAX = 100_000;
const DOCUMENT_BYTES_MAX = 20 * 1024 * 1024;

export interface Blob {
  readonly digest: string;
  readonly size: number;
}

export interface Archive {
  /** By cleaned name. */
  readonly blobs: ReadonlyMap<string, Blob>;
  /** `oci-layout`, undefined without. */
  readonly layout: unknown;
  /** `manifest.json`, undefined without. */
  readonly manifest: unknown;
}

async function document(entry: ArchiveEntry): Promise<unknown> {
  if (entry.size > DOCUMENT_BYTES_MAX)
    throw new SkiffError(
      "invalid_argument",
      `archive: ${entry.name} is longer than ${DOCUMENT_BYTES_MAX} bytes`,
    );
  const pieces: Uint8Array[] = [];
  for await (const piece of entry.body) pieces.push(piece);
  return parseJson(Buffer.concat(pieces));
}

async function drain(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _piece of bytes);
}

/** `blobs/sha256/<hex>` */
function digestOf(name: string): string | undefined {
  const [folder, algorithm, hex, ...rest] = name.split("/");
  const digest = `${algorithm}:${hex}`;
  return folder === "blobs" && algorithm === "sha256" && rest.length === 0 && isDigest(digest)
    ? digest
    : undefined;
}

/** The digest is known only afterwards. */
async function storeUnnamed(job: Job, entry: ArchiveEntry): Promise<string> {
  const { parts, namespace, lease } = job;
  const ref = `import-${parts.ids.hex(16)}`;
  let digest = "";
  let failure: unknown;
  {
    using ingest = await parts.content.open(namespace, { ref, total: entry.size, expected: "" });
    try {
      for await (const piece of entry.body) await ingest.write(piece);
      digest = ingest.digest();
      await ingest.commit({ size: entry.size, expected: digest, labels: {}, lease });
      return digest;
    } catch (error) {
      failure = error;
    }
  }
  const exists = codeOf(failure) === "already_exists" && holdBlob(job, digest);
  try {
    parts.content.abort(namespace, ref);
  } catch (error) {
    if (codeOf(error) !== "not_found") throw error;
  }
  if (exists) return digest;
  throw failure;
}

async function store(job: Job, entry: ArchiveEntry, name: string): Promise<string> {
  const digest = digestOf(name);
  if (digest === undefined) return storeUnnamed(job, entry);
  const descriptor = { mediaType: "", digest, size: entry.size };
  let read = false;
  const source = () => {
    read = true;
    return entry.body;
  };
  await ensureBlob(job, descriptor, source, { labels: {}, resume: false });
  if (!read) await drain(entry.body);
  return digest;
}

/** @throws invalid_argument for what is no archive, and what the content store throws */
export async function collectArchive(job: Job, bytes: AsyncIterable<Uint8Array>): Promise<Archive> {
  const blobs = new Map<string, Blob>();
  const links = new Map<string, string>();
  let layout: unknown;
  let manifest: unknown;
  let count = 0;
  for await (const entry of archiveEntries(bytes)) {
    if (job.signal.aborted) throw new SkiffError("canceled", "context canceled");
    if (++count > ENTRIES_MAX)
      throw new SkiffError("invalid_argument", `archive: more than ${ENTRIES_MAX} entries`);
    const name = posix.normalize(entry.name).replace(/^\/+/, "");
    if (entry.kind === "symlink") links.set(name, posix.join(posix.dirname(name), entry.linkName));
    if (entry.kind !== "file") continue;
    if (name === "oci-layout") layout = await document(entry);
    else if (name === "manifest.json") manifest = await document(entry);
    else blobs.set(name, { digest: await store(job, entry, name), size: entry.size });
  }
  for (const [name, target] of links) {
    const blob = blobs.get(target);
    if (blob !== undefined) blobs.set(name, blob);
  }
  return { blobs, layout, manifest };
}
