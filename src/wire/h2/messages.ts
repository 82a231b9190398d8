/** gRPC messages inside a stream: one byte "compressed", four bytes length, the message. */
import { SkiffError } from "../../lib/errors.ts";

const PREFIX_BYTES = 5;
/** Longest message either way, as containerd's default. */
export const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

export function messagePrefix(length: number): Uint8Array {
  if (length > MESSAGE_BYTES_MAX) throw tooLong(length);
  return Uint8Array.of(0, length >>> 24, length >>> 16, length >>> 8, length);
}

function tooLong(length: number): SkiffError {
  return new SkiffError("resource_exhausted", `message of ${length} bytes, at most ${MESSAGE_BYTES_MAX}`);
}

/** Puts messages together again. A message that came in one piece is not copied. */
export class MessageReader {
  private readonly prefix = new Uint8Array(PREFIX_BYTES);
  private prefixFill = 0;
  /** Bytes of the current message still missing; -1 while its prefix is being read. */
  private missing = -1;
  private length = 0;
  private whole: Uint8Array | undefined;

  /** True between two messages. */
  get atBoundary(): boolean {
    return this.missing < 0 && this.prefixFill === 0;
  }

  /** Calls `emit` for each message completed by this part. Throws `resource_exhausted` or `unimplemented`. */
  push(part: Uint8Array, emit: (message: Uint8Array) => void): void {
    let at = 0;
    while (at < part.length || this.missing === 0) {
      if (this.missing < 0) at = this.readPrefix(part, at);
      if (this.missing < 0) return;
      const take = Math.min(this.missing, part.length - at);
      const piece = part.subarray(at, at + take);
      at += take;
      this.missing -= take;
      if (take === this.length) emit(this.complete(piece));
      else this.gather(piece, emit);
    }
  }

  private gather(piece: Uint8Array, emit: (message: Uint8Array) => void): void {
    this.whole ??= new Uint8Array(this.length);
    this.whole.set(piece, this.length - this.missing - piece.length);
    if (this.missing === 0) emit(this.complete(this.whole));
  }

  private complete(message: Uint8Array): Uint8Array {
    this.whole = undefined;
    this.missing = -1;
    return message;
  }

  private readPrefix(part: Uint8Array, start: number): number {
    let at = start;
    while (this.prefixFill < PREFIX_BYTES) {
      if (at === part.length) return at;
      this.prefix[this.prefixFill++] = part[at++]!;
    }
    this.prefixFill = 0;
    const p = this.prefix;
    if (p[0] !== 0) throw new SkiffError("unimplemented", "compressed messages are not supported");
    this.length = p[1]! * 0x1000000 + ((p[2]! << 16) | (p[3]! << 8) | p[4]!);
    if (this.length > MESSAGE_BYTES_MAX) throw tooLong(this.length);
    this.missing = this.length;
    return at;
  }
}
