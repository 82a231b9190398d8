/**
 * Work on layers happens in a process of its own, this same program as `skiff-containerd layer`: unpacking is one long loop of system calls, which
 * would stop containerd's event loop, and a mount namespace of its own takes all mounts along when it ends, however it ends.
 *
 *     containerd ── argv: the request as JSON ──► child
 *     containerd ◄── fd 3, a line each: {"read":N} … then {"digest":…,"size":…} or {"error":…,"code":…} ── child
 *     containerd ◄── stdout: the archive (pack only) ── child
 *
 * A big compressed layer takes two: apply starts one that inflates, on its own processor, with the same fd 3.
 *
 *     apply ◄── stdout: the plain bytes ── inflate
 */
import { writeSync } from "node:fs";
import type { ErrorCode } from "../../../lib/errors.ts";
import type { SnapshotMount } from "../../core/snapshots.ts";

export interface LayerBlob {
  readonly path: string;
  /** What the bytes must be. */
  readonly digest: string;
  readonly size: number;
}

export type LayerRequest =
  | {
      readonly verb: "apply";
      readonly blob: LayerBlob;
      readonly mounts: readonly SnapshotMount[];
      /** An empty directory to mount on. */
      readonly target: string;
    }
  | { readonly verb: "inflate"; readonly blob: LayerBlob }
  | {
      readonly verb: "pack";
      readonly lower: readonly SnapshotMount[];
      readonly upper: readonly SnapshotMount[];
      /** Two empty directories to mount on. */
      readonly targets: readonly [string, string];
      readonly compression: Compression;
      readonly latestNs: string;
    };

export const COMPRESSIONS = ["none", "gzip", "zstd"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

export type LayerReport =
  /** Compressed bytes so far. */
  | { readonly read: number }
  /** Of the uncompressed bytes. */
  | { readonly digest: string; readonly size: number }
  | { readonly error: string; readonly code: ErrorCode };

export const REPORT_FD = 3;

export function report(line: LayerReport): void {
  writeSync(REPORT_FD, `${JSON.stringify(line)}\n`);
}
