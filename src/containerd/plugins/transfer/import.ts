/** Archive → image store: `docker save` of all ages and OCI layouts, as a tar stream, compressed or not. */
import type { ImageStore } from "../../../contracts/containerd/gen/transfer_pb.ts";
import { SkiffError } from "../../../lib/errors.ts";
import { collectArchive } from "./archive-blobs.ts";
import { indexOf } from "./archive-index.ts";
import { type Completion, completeImage } from "./complete.ts";
import { decompressed } from "./decompress.ts";
import { importedNames, noName, ownNames, storeNames } from "./image-store.ts";
import type { Job } from "./job.ts";
import { MANIFEST_BYTES_MAX, parseDocument } from "./manifests.ts";

export interface Import {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly store: ImageStore;
  readonly selection: Pick<Completion, "platforms" | "allMetadata" | "limit" | "unpacks">;
  /** Plain layers of docker's format are compressed. */
  readonly compress: boolean;
}

export async function importArchive(job: Job, request: Import): Promise<void> {
  const { parts, namespace, progress } = job;
  const { store, selection } = request;
  progress.tell("Importing");
  const archive = await collectArchive(job, decompressed(request.bytes));
  const index = await indexOf(job, archive, request.compress);
  const bytes = await parts.content.readAll(namespace, index.digest, MANIFEST_BYTES_MAX);
  const document = parseDocument(bytes, index);
  if (document.kind !== "index" || document.manifests.length === 0)
    throw new SkiffError("not_found", "archive: no image in it: not found");
  await completeImage(job, index, {
    ...selection,
    // biome-ignore lint/correctness/useYield: what is not in the archive comes from nowhere
    async *source({ digest }) {
      throw new SkiffError("not_found", `content digest ${digest}: not found`);
    },
    labelsOf: () => ({}),
    mayLack: true,
  });
  const named = document.manifests.map((target) => ({ target, names: importedNames(store, target) }));
  named.unshift({ target: index, names: ownNames(store, index) });
  if (named.every(({ names }) => names.length === 0)) throw noName();
  for (const { target, names } of named) storeNames(job, store, names, target);
  progress.tell("Completed import");
}
