/**
 * Our stdin as pieces, whatever it is. A terminal or pipe may be shared with whoever started us, so its flags are put back in the end; until then
 * it does not block, as a blocking read would hold one of Bun's few threads (BUN.md, finding 4).
 */
import { fstatSync } from "node:fs";
import { FCNTL, O } from "../../kernel/constants.ts";
import { readFd } from "../../kernel/fdstream.ts";
import { linuxKernel } from "../../kernel/linux.ts";

const STDIN = 0;

export interface Stdin {
  readonly pieces: AsyncIterable<Uint8Array>;
  restore(): void;
}

export function openStdin(): Stdin {
  const status = fstatSync(STDIN);
  if (status.isFile()) return { pieces: Bun.file(STDIN).stream(), restore() {} };
  const flags = linuxKernel.fcntl(STDIN, FCNTL.GETFL, 0);
  return {
    pieces: readFd(STDIN),
    restore: () => {
      if ((flags & O.NONBLOCK) === 0) linuxKernel.fcntl(STDIN, FCNTL.SETFL, flags);
    },
  };
}
