/**
 * The ingest of a blob that another namespace has already: nothing needs to be sent, `commit` makes it visible. A writer that sends it all the same,
 * or starts again, gets an ingest of its own: what it sends is checked as always.
 */
import type { Clock } from "../../../lib/clock.ts";
import { SkiffError } from "../../../lib/errors.ts";
import type { CommitRequest, Ingest, IngestStatus, OpenIngest } from "../../core/content.ts";

export interface SharedParts {
  readonly size: number;
  readonly clock: Clock;
  readonly register: (digest: string, size: number, request: CommitRequest) => void;
  /** Lets go of the blob; of the ref, too, unless `own` has taken it over. */
  readonly release: (own: boolean) => void;
  /** The ref's own ingest. */
  readonly openOwn: () => Promise<Ingest>;
  readonly read: () => AsyncIterable<Uint8Array>;
}

class SharedIngest implements Ingest {
  readonly #startedAtNs: bigint;
  #own: Ingest | undefined;
  #open = true;

  constructor(
    private readonly parts: SharedParts,
    private readonly request: OpenIngest,
  ) {
    this.#startedAtNs = parts.clock.nowNs();
  }

  get ref(): string {
    return this.request.ref;
  }

  status(): IngestStatus {
    if (this.#own !== undefined) return this.#own.status();
    const { size } = this.parts;
    const { ref, expected } = this.request;
    const times = { startedAtNs: this.#startedAtNs, updatedAtNs: this.#startedAtNs };
    return { ref, expected, offset: size, total: size, ...times };
  }

  digest(): string {
    return this.#own?.digest() ?? this.request.expected;
  }

  async write(data: Uint8Array): Promise<void> {
    if (data.length === 0) return;
    if (this.#own === undefined) {
      await this.truncate(0);
      for await (const piece of this.parts.read()) await this.#own!.write(piece);
    }
    await this.#own!.write(data);
  }

  async truncate(size: number): Promise<void> {
    this.#own ??= await this.parts.openOwn();
    // An earlier writer of the ref may have left something.
    await this.#own.truncate(size);
  }

  async commit(asked: CommitRequest): Promise<string> {
    if (this.#own !== undefined) {
      const digest = await this.#own.commit(asked);
      this.close();
      return digest;
    }
    const { size, register } = this.parts;
    const { ref, expected } = this.request;
    const wrong = (what: string) =>
      new SkiffError("failed_precondition", `"${ref}" ${what}: failed precondition`);
    if (asked.size !== 0 && asked.size !== size)
      throw wrong(`failed size validation: ${size} != ${asked.size}`);
    if (asked.expected !== "" && asked.expected !== expected) throw wrong("unexpected digest");
    try {
      register(expected, size, asked);
    } finally {
      this.close();
    }
    return expected;
  }

  close(): void {
    this.#own?.close();
    if (!this.#open) return;
    this.#open = false;
    this.parts.release(this.#own !== undefined);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

export function openShared(parts: SharedParts, request: OpenIngest): Ingest {
  return new SharedIngest(parts, request);
}
