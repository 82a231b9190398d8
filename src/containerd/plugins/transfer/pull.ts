/** Registry → image store. */
import type { ImageStore, OCIRegistry } from "../../../contracts/containerd/gen/transfer_pb.ts";
import { codeOf, wrap } from "../../../lib/errors.ts";
import type { Reference } from "../../../lib/reference.ts";
import type { Descriptor } from "../../core/content.ts";
import type { RegistryClient } from "../registry/client.ts";
import { type Completion, completeImage } from "./complete.ts";
import { noName, ownNames, storeNames } from "./image-store.ts";
import type { Job } from "./job.ts";
import { sourceLabel } from "./labels.ts";

export interface Pull {
  readonly registry: OCIRegistry;
  readonly reference: Reference;
  readonly client: RegistryClient;
  readonly store: ImageStore;
  readonly selection: Pick<Completion, "platforms" | "allMetadata" | "limit" | "unpacks">;
}

async function resolve({ client, registry }: Pull): Promise<Descriptor> {
  try {
    return await client.resolve();
  } catch (error) {
    const denied = codeOf(error) === "unauthenticated" || codeOf(error) === "permission_denied";
    const reason = "pull access denied, repository does not exist or may require authorization";
    throw wrap(denied ? wrap(error, reason) : error, `failed to resolve reference "${registry.reference}"`);
  }
}

export async function pull(job: Job, request: Pull): Promise<void> {
  const { parts, namespace, progress } = job;
  const { client, registry, reference, store, selection } = request;
  const where = `OCI Registry (${registry.reference})`;
  progress.tell(`Resolving from ${where}`);
  const root = await resolve(request);
  const names = ownNames(store, root);
  if (names.length === 0) throw noName();
  progress.tell(`Pulling from ${where}`);
  progress.tell("fetching image content", registry.reference, root);
  await completeImage(job, root, {
    ...selection,
    source: (descriptor, offset, signal) => client.fetch(descriptor, offset, signal),
    labelsOf: (digest) => sourceLabel(parts.content.info(namespace, digest).labels, reference),
    mayLack: false,
  });
  storeNames(job, store, names, root);
  progress.tell(`Completed pull from ${where}`);
}
