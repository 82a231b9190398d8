/** Volumes. */
import type { StringMap } from "./container.ts";

export interface Volume {
  /** RFC 3339 in whole seconds. */
  readonly CreatedAt: string;
  readonly Driver: string;
  /** null: none were given at create by `run -v`. */
  readonly Labels: StringMap | null;
  readonly Mountpoint: string;
  readonly Name: string;
  readonly Options: StringMap | null;
  readonly Scope: "local";
}

export interface VolumeCreateRequest {
  /** "" or absent: an anonymous one. */
  readonly Name?: string;
  readonly Driver?: string;
  readonly DriverOpts?: StringMap | null;
  readonly Labels?: StringMap | null;
}

export interface VolumeList {
  readonly Volumes: readonly Volume[];
  readonly Warnings: readonly string[] | null;
}
