/** Diff over gRPC. */
import { Diff } from "../../contracts/containerd/gen/diff_pb.ts";
import type { Mount } from "../../contracts/containerd/gen/types_pb.ts";
import { SkiffError } from "../../lib/errors.ts";
import { implement } from "../../wire/h2/server.ts";
import { leaseOf, namespaceOf } from "../core/context.ts";
import type { Differ } from "../core/diff.ts";
import type { SnapshotMount } from "../core/snapshots.ts";
import { descriptorOf, toDescriptor } from "./descriptors.ts";

const DEFAULT_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip";

function mountsOf(mounts: readonly Mount[]): SnapshotMount[] {
  return mounts.map(({ type, source, target, options }) => ({ type, source, target, options }));
}

export function diffService(differ: Differ) {
  return implement(Diff, {
    async apply(request, context) {
      if (request.diff === undefined) throw new SkiffError("invalid_argument", "diff: required");
      const layer = descriptorOf(request.diff);
      const { descriptor } = await differ.apply(namespaceOf(context), layer, mountsOf(request.mounts));
      return { applied: toDescriptor(descriptor) };
    },
    async diff(request, context) {
      const { ref, labels, sourceDateEpoch } = request;
      const descriptor = await differ.diff(namespaceOf(context), {
        ...{ ref, labels, lease: leaseOf(context), mediaType: request.mediaType || DEFAULT_TYPE },
        ...{ lower: mountsOf(request.left), upper: mountsOf(request.right) },
        ...(sourceDateEpoch === undefined ? {} : { sourceDateEpochSeconds: Number(sourceDateEpoch.seconds) }),
      });
      return { diff: toDescriptor(descriptor) };
    },
  });
}
