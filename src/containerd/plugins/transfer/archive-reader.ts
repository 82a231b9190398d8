/** An archive's entries one after the other, each with its body: lib/tar's reader, pulled instead of pushed. Bodies are bytes of the source, not copies. */
import { SkiffError } from "../../../lib/errors.ts";
import type { TarEntry } from "../../../lib/tar/entry.ts";
import { TarReader } from "../../../lib/tar/reader.ts";

export interface ArchiveEntry {
  readonly name: string;
  readonly kind: "file" | "symlink" | "other";
  readonly linkName: string;
  readonly size: number;
  /** To be read once, before the next entry; what is not read is skipped. */
  readonly body: AsyncIterable<Uint8Array>;
}

type Event =
  | { readonly kind: "entry"; readonly entry: TarEntry }
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "end" };

const NAME_LENGTH_MAX = 4096;

/** What the reader found in the pieces so far; a piece is asked for when all of that is used. */
class Events {
  readonly #found: Event[] = [];
  readonly #reader = new TarReader({
    entry: (entry) => void this.#found.push({ kind: "entry", entry }),
    data: (bytes) => void this.#found.push({ kind: "data", bytes }),
    end: () => void this.#found.push({ kind: "end" }),
  });

  constructor(private readonly source: AsyncIterator<Uint8Array>) {}

  async next(): Promise<Event | undefined> {
    while (this.#found.length === 0) {
      const { done, value } = await this.source.next();
      if (done === true) {
        this.#reader.finish();
        return undefined;
      }
      this.#reader.push(value);
    }
    return this.#found.shift();
  }

  /** The current entry's data; ends by itself if that has been read. */
  async *body(state: { open: boolean }): AsyncGenerator<Uint8Array> {
    while (state.open) {
      const event = await this.next();
      if (event?.kind === "data") yield event.bytes;
      else state.open = false;
    }
  }
}

function kindOf({ type }: TarEntry): ArchiveEntry["kind"] {
  return type === "file" || type === "symlink" ? type : "other";
}

/** @throws invalid_argument, data_loss for an archive that is not whole */
export async function* archiveEntries(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveEntry> {
  const source = bytes[Symbol.asyncIterator]();
  const events = new Events(source);
  try {
    for (let event = await events.next(); event !== undefined; event = await events.next()) {
      if (event.kind !== "entry") continue;
      const { name, linkName, size } = event.entry;
      if (name.length > NAME_LENGTH_MAX || linkName.length > NAME_LENGTH_MAX)
        throw new SkiffError("invalid_argument", "archive/tar: name is too long");
      const state = { open: true };
      yield { ...{ name, linkName, size }, kind: kindOf(event.entry), body: events.body(state) };
      for await (const _skipped of events.body(state));
    }
  } finally {
    await source.return?.();
  }
}
