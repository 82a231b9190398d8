/** Docker's multiplexed stream, read: header {type, 0, 0, 0, length u32 BE}, payload. Type 1 is stdout, 2 stderr, 3 an error of the daemon. */
import { CliError } from "../errors.ts";

const HEADER_BYTES = 8;

export interface Output {
  out(bytes: Uint8Array): void;
  err(bytes: Uint8Array): void;
}

/** Passes every payload on as it comes, without waiting for a frame's end. */
export async function demultiplex(input: AsyncIterable<Uint8Array>, { out, err }: Output): Promise<void> {
  const header = Buffer.alloc(HEADER_BYTES);
  let filled = 0;
  let left = 0;
  let type = 0;
  for await (const bytes of input) {
    for (let at = 0; at < bytes.length; ) {
      if (left === 0) {
        const take = Math.min(HEADER_BYTES - filled, bytes.length - at);
        header.set(bytes.subarray(at, at + take), filled);
        filled += take;
        at += take;
        if (filled < HEADER_BYTES) continue;
        filled = 0;
        type = header[0]!;
        left = header.readUInt32BE(4);
        if (type > 3) throw new CliError(`unrecognized stream: ${type}`);
        continue;
      }
      const piece = bytes.subarray(at, at + left);
      at += piece.length;
      left -= piece.length;
      if (type === 3) throw new CliError(`error from daemon in stream: ${Buffer.from(piece).toString()}`);
      if (type === 2) err(piece);
      else out(piece);
    }
  }
}
