/** Images. With containerd's image store an image's id is the digest of its target descriptor (index or manifest). */
import type { StringMap, StringSet } from "./container.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string; readonly os: string; readonly variant?: string };
  readonly annotations?: StringMap;
}

/** An element of `GET /images/json`. */
export interface ImageSummary {
  /** -1: not counted. */
  readonly Containers: number;
  /** Seconds since the epoch. */
  readonly Created: number;
  readonly Id: string;
  readonly Labels: StringMap | null;
  readonly ParentId: string;
  readonly Descriptor?: Descriptor;
  readonly RepoDigests: readonly string[];
  readonly RepoTags: readonly string[];
  /** -1: not computed. */
  readonly SharedSize: number;
  /** Bytes: blobs and unpacked snapshots. */
  readonly Size: number;
}

/** The `config` of an OCI image configuration. */
export interface ImageConfig {
  readonly User?: string;
  readonly ExposedPorts?: StringSet;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: StringSet;
  readonly WorkingDir?: string;
  readonly Labels?: StringMap;
  readonly StopSignal?: string;
  readonly [other: string]: unknown;
}

export interface ImageInspect {
  readonly Id: string;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  readonly Parent: string;
  readonly Comment: string;
  /** Absent when the image's configuration does not say. */
  readonly Created?: string;
  readonly DockerVersion: string;
  readonly Author: string;
  readonly Config: ImageConfig | null;
  readonly Architecture: string;
  readonly Variant?: string;
  readonly Os: string;
  readonly Size: number;
  readonly GraphDriver: { readonly Name: string; readonly Data: StringMap | null };
  readonly RootFS: { readonly Type: string; readonly Layers?: readonly string[] };
  readonly Metadata: { readonly LastTagTime: string };
  readonly Descriptor?: Descriptor;
}

/** An element of `GET /images/{name}/history`, newest first. */
export interface ImageHistory {
  readonly Comment: string;
  readonly Created: number;
  readonly CreatedBy: string;
  /** `<missing>` but for the newest. */
  readonly Id: string;
  readonly Size: number;
  readonly Tags: readonly string[] | null;
}

/** An element of `DELETE /images/{name}`'s answer: one of the two. */
export interface ImageDeleted {
  readonly Untagged?: string;
  readonly Deleted?: string;
}

/** One line of the progress of pull, push, load and build. */
export interface ProgressLine {
  readonly id?: string;
  readonly status?: string;
  readonly progress?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly stream?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message: string };
  readonly aux?: unknown;
}
