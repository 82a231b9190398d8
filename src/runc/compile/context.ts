/** What every part of the compiler gets: the spec, the machine's facts, and the plan under construction. */
import type { Linux, NamespaceType, Process, Spec } from "../../contracts/oci/spec.ts";
import type { CgroupPaths } from "../cgroups/hierarchies.ts";
import type { Facts } from "../facts.ts";
import type { PlanBuilder } from "../plan/ops.ts";
import type { FilterSource } from "../seccomp/cache.ts";

export interface Compilation {
  readonly id: string;
  readonly spec: Spec;
  readonly linux: Linux;
  readonly bundle: string;
  /** Absolute, without symbolic links. */
  readonly rootfs: string;
  readonly noPivotRoot: boolean;
  readonly facts: Facts;
  readonly cgroups: CgroupPaths;
  readonly plan: PlanBuilder;
  /** In a new or joined user namespace. */
  readonly userNamespace: boolean;
  /** Has a mount namespace of its own; without one nothing may be mounted. */
  readonly mountNamespace: boolean;
  readonly warn: (message: string) => void;
}

export interface ProcessCompilation {
  readonly process: Process;
  readonly linux: Linux;
  readonly facts: Facts;
  readonly plan: PlanBuilder;
  readonly warn: (message: string) => void;
  readonly filterOf: FilterSource;
  /** Fds beside 0, 1, 2 that the process keeps. */
  readonly preserveFds: number;
}

export function namespaceOf(linux: Linux, type: NamespaceType): { readonly path?: string } | undefined {
  return linux.namespaces?.find((namespace) => namespace.type === type);
}

/** A namespace of its own, new or not the caller's. */
export function isNew(linux: Linux, type: NamespaceType): boolean {
  const namespace = namespaceOf(linux, type);
  return namespace !== undefined && !namespace.path;
}

/* fcntl.h, x86-64 and arm64 alike but for O_DIRECTORY: the kernel's own numbers of this machine. */
export const O = {
  path: 0x20_0000,
  directory: process.arch === "arm64" ? 0x4000 : 0x1_0000,
  readOnly: 0,
  writeOnly: 1,
} as const;
export const AT_RECURSIVE = 0x8000;
