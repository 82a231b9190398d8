/**
 * Differs: from a layer's bytes to a tree and back.
 *
 * `apply` reads a layer blob (tar; plain, gzip or zstd), unpacks it into the mounted snapshot and answers the digest of the *uncompressed* bytes
 * (the diff id), which the caller must compare with the image's configuration. `diff` packs what `upper` changed over `lower` (whiteouts as `.wh.` names)
 * into the content store. Both mount what they are given in a mount namespace or directory of their own and unmount it again, whatever happens.
 */
import type { Descriptor } from "./content.ts";
import type { SnapshotMount } from "./snapshots.ts";

export interface AppliedLayer {
  /** `application/vnd.oci.image.layer.v1.tar`, digest and size of the uncompressed bytes. */
  readonly descriptor: Descriptor;
}

export interface DiffRequest {
  readonly lower: readonly SnapshotMount[];
  readonly upper: readonly SnapshotMount[];
  /** `…tar+gzip`, `…tar+zstd` or `…tar` */
  readonly mediaType: string;
  /** Ingest to write to; "" makes one up. */
  readonly ref: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly lease: string;
  /** Clamps all times (SOURCE_DATE_EPOCH); undefined: as they are. */
  readonly sourceDateEpochSeconds?: number;
}

export interface Differ {
  /** `onProgress`: compressed bytes read so far. @throws invalid_argument for what is no layer, data_loss for a wrong digest */
  apply(
    namespace: string,
    layer: Descriptor,
    mounts: readonly SnapshotMount[],
    onProgress?: (bytes: number) => void,
  ): Promise<AppliedLayer>;
  /** The layer's descriptor, annotated/labelled with `containerd.io/uncompressed`. */
  diff(namespace: string, request: DiffRequest): Promise<Descriptor>;
}
