/** Garbage collection as the services see it; core/gc implements it. */
export interface Collector {
  /** Something became unreachable; a collection follows soon. */
  schedule(): void;
  /** Collects now; resolves when done (deletes with `sync`). */
  collect(): Promise<void>;
}
