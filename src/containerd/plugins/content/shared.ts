/**
 * The ingest of a blob that another namespace has already: nothing needs to be sent, `commit` makes it visible. A writer that sends it all the same
 * meets the size check, as with containerd.
 */
import type { Clock } from "../../../lib/clock.ts";
import { SkiffError } from "../../../lib/errors.ts";
import type { CommitRequest, Ingest, IngestStatus, OpenIngest } from "../../core/content.ts";

export interface SharedParts {
  readonly size: number;
  readonly clock: Clock;
  readonly register: (digest: string, size: number, request: CommitRequest) => void;
  readonly release: () => void;
}

export function openShared({ size, clock, register, release }: SharedParts, request: OpenIngest): Ingest {
  const startedAtNs = clock.nowNs();
  const { ref, expected } = request;
  let offset = size;
  const close = release;
  return {
    ref,
    status: (): IngestStatus => ({
      ref,
      offset,
      total: size,
      expected,
      startedAtNs,
      updatedAtNs: startedAtNs,
    }),
    digest: () => expected,
    async write(data) {
      offset += data.length;
    },
    async truncate(to) {
      offset = to;
    },
    async commit(asked) {
      if (offset !== size || (asked.size !== 0 && asked.size !== size))
        throw new SkiffError(
          "failed_precondition",
          `${ref} failed size validation: ${offset} != ${size}: failed precondition`,
        );
      try {
        register(expected, size, asked);
      } finally {
        release();
      }
      return expected;
    },
    close,
    [Symbol.dispose]: close,
  };
}
