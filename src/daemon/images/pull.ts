/** `docker pull`: containerd's transfer does the work; here is Docker's way to tell about it. */
import type { Progress } from "../../contracts/containerd/gen/transfer_pb.ts";
import { canonicalString, familiarName, familiarString, type Reference } from "../../lib/reference.ts";
import type { TraceContext } from "../../lib/trace.ts";
import { formatTraceparent } from "../../lib/trace.ts";
import { type Credentials, openAuthStream } from "./credentials.ts";
import { keepDangling } from "./dangling.ts";
import { publishImage } from "./image-events.ts";
import { withLease } from "./leases.ts";
import { type LineSink, status } from "./lines.ts";
import { danglingName } from "./names.ts";
import type { ImageParts } from "./parts.ts";
import type { Platform } from "./platform.ts";
import { createPullProgress } from "./pull-progress.ts";
import { accessTo } from "./registries.ts";
import { pullError } from "./registry-errors.ts";
import { deleteImage, getImage, type StoredImage } from "./store.ts";
import { imageStoreAny, platformMessage, registryAny, transfer } from "./transfer.ts";

export interface PullOptions {
  /** Has a tag or a digest. */
  readonly reference: Reference;
  readonly platform: Platform | undefined;
  readonly credentials: Credentials | undefined;
  readonly signal: AbortSignal;
  readonly trace?: TraceContext | undefined;
}

async function transferImage(
  parts: ImageParts,
  { reference, platform, credentials, signal, trace }: PullOptions,
  onProgress: (progress: Progress) => void,
): Promise<void> {
  const auth = await openAuthStream(parts, credentials);
  const name = canonicalString(reference);
  const wanted = platformMessage(platform ?? parts.platform);
  const source = registryAny({ reference: name, authStream: auth?.id ?? "", ...accessTo(reference, parts) });
  const destination = imageStoreAny({
    name,
    platforms: [wanted],
    unpacks: [{ platform: wanted, snapshotter: parts.snapshotter }],
  });
  try {
    const metadata = trace === undefined ? {} : { metadata: { traceparent: formatTraceparent(trace) } };
    await transfer(parts, source, destination, onProgress, { signal, ...metadata });
  } catch (error) {
    throw pullError(error, reference, platform ?? parts.platform);
  } finally {
    auth?.close();
  }
}

/** What the name meant before keeps a name of its own; what it means now needs none. */
async function settle(parts: ImageParts, old: StoredImage | undefined, now: StoredImage): Promise<void> {
  if (old !== undefined && old.target.digest !== now.target.digest) await keepDangling(parts, old);
  await deleteImage(parts, danglingName(now.target.digest));
}

/** @throws not_found, in Docker's words */
export async function pullImage(parts: ImageParts, options: PullOptions, sink: LineSink): Promise<void> {
  const { reference } = options;
  const name = canonicalString(reference);
  const old = await getImage(parts, name);
  const progress = createPullProgress(reference, sink);
  await withLease(parts, old === undefined ? [] : [old.target.digest], async () => {
    await transferImage(parts, options, progress.tell);
    const now = (await getImage(parts, name))!;
    await settle(parts, old, now);
    const best = await parts.manifests.best(now.target, parts.platform, options.platform);
    // With nothing new there is nothing to complete: layers whose turn never came had no need to come.
    progress.complete(old?.target.digest === now.target.digest ? [] : (best?.layers ?? []));
    sink.line(status(`Digest: ${now.target.digest}`));
    const words =
      old?.target.digest === now.target.digest ? "Image is up to date for" : "Downloaded newer image for";
    sink.line(status(`Status: ${words} ${familiarString(reference)}`));
  });
  await publishImage(parts, "pull", familiarString(reference), familiarName(reference));
}
