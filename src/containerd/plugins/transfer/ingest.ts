/** One blob into the content store: not at all when it is there, resumed where an earlier attempt ended, by one writer at a time. */
import { codeOf, SkiffError } from "../../../lib/errors.ts";
import type { ContentStore, Descriptor, Ingest } from "../../core/content.ts";
import type { Job } from "./job.ts";
import { refKey } from "./progress.ts";

type Labels = Readonly<Record<string, string>>;

export interface Rules {
  readonly labels: Labels;
  /** Whether to go on where an earlier attempt ended. */
  readonly resume: boolean;
}

/** Bytes from an offset on. */
export type ByteSource = (
  descriptor: Descriptor,
  offset: number,
  signal: AbortSignal,
) => AsyncIterable<Uint8Array>;

const BUSY_PAUSE_MS = 200;
/** A writer outside this process (a client's own Content.Write) may hold the ref so long. */
const BUSY_MS_MAX = 30 * 60_000;

/** True when the namespace has the blob; then the lease holds it, too. */
export function holdBlob({ parts, namespace, lease }: Job, digest: string): boolean {
  try {
    parts.content.info(namespace, digest);
  } catch (error) {
    if (codeOf(error) === "not_found") return false;
    throw error;
  }
  parts.leases.add(namespace, lease, { type: "content", id: digest });
  return true;
}

/** Bytes that may come right the next time are kept; what is wrong, or does not fit, goes. */
const isWorthKeeping = (error: unknown) => ["unavailable", "canceled"].includes(codeOf(error));

/** @throws already_exists */
async function openWhenFree({ parts, namespace, signal }: Job, descriptor: Descriptor): Promise<Ingest> {
  const request = { ref: refKey(descriptor), total: descriptor.size, expected: descriptor.digest };
  const until = parts.clock.now() + BUSY_MS_MAX;
  for (;;) {
    try {
      return await parts.content.open(namespace, request);
    } catch (error) {
      if (codeOf(error) !== "unavailable" || parts.clock.now() >= until) throw error;
    }
    if (signal.aborted) throw new SkiffError("canceled", "context canceled");
    await parts.sleep(BUSY_PAUSE_MS);
  }
}

async function fill(job: Job, ingest: Ingest, descriptor: Descriptor, source: ByteSource): Promise<void> {
  const { digest, size } = descriptor;
  let { offset } = ingest.status();
  for await (const piece of offset < size ? source(descriptor, offset, job.signal) : []) {
    if (job.signal.aborted) throw new SkiffError("canceled", "context canceled");
    offset += piece.length;
    if (offset > size)
      throw new SkiffError("failed_precondition", `${digest}: more than its ${size} bytes: size mismatch`);
    await ingest.write(piece);
    job.progress.moving(descriptor, offset);
  }
}

async function transferBlob(
  job: Job,
  descriptor: Descriptor,
  source: ByteSource,
  rules: Rules,
): Promise<void> {
  const { parts, namespace, lease } = job;
  const { digest, size } = descriptor;
  let failure: unknown;
  let kept = 0;
  {
    using ingest = await openWhenFree(job, descriptor);
    try {
      kept = ingest.status().offset;
      if (kept > size || (kept > 0 && !rules.resume)) {
        await ingest.truncate(0);
        kept = 0;
      }
      await fill(job, ingest, descriptor, source);
      await ingest.commit({ size, expected: digest, labels: rules.labels, lease });
      return;
    } catch (error) {
      failure = error;
    }
  }
  if (isWorthKeeping(failure)) throw failure;
  drop(parts.content, namespace, refKey(descriptor));
  // What an earlier attempt left may have been wrong: once more, from the beginning.
  if (codeOf(failure) !== "failed_precondition" || kept === 0) throw failure;
  await transferBlob(job, descriptor, source, { ...rules, resume: false });
}

function drop(content: ContentStore, namespace: string, ref: string): void {
  try {
    content.abort(namespace, ref);
  } catch (error) {
    if (codeOf(error) !== "not_found") throw error;
  }
}

/**
 * The blob is in the store afterwards, held by the job's lease.
 * @throws failed_precondition for wrong bytes, resource_exhausted without space, and what `source` throws
 */
export async function ensureBlob(
  job: Job,
  descriptor: Descriptor,
  source: ByteSource,
  rules: Rules,
): Promise<void> {
  const { namespace, signal, progress } = job;
  await job.shared.blobs.run(`${namespace}/${descriptor.digest}`, async () => {
    if (signal.aborted) throw new SkiffError("canceled", "context canceled");
    if (holdBlob(job, descriptor.digest)) return progress.exists(descriptor);
    try {
      await transferBlob(job, descriptor, source, rules);
    } catch (error) {
      // Committed meanwhile by somebody outside of this process.
      if (codeOf(error) !== "already_exists" || !holdBlob(job, descriptor.digest)) throw error;
    }
    progress.complete(descriptor);
  });
}
