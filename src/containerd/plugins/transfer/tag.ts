/** Image store → image store: another name for the same content. */
import type { ImageStore } from "../../../contracts/containerd/gen/transfer_pb.ts";
import { noName, ownNames, storeNames } from "./image-store.ts";
import type { Job } from "./job.ts";

export async function tag(job: Job, source: string, store: ImageStore): Promise<void> {
  const { target } = job.parts.images.get(job.namespace, source);
  const names = ownNames(store, target);
  if (names.length === 0) throw noName();
  storeNames(job, store, names, target);
}
