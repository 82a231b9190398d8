/** The FIFO `log` in a bundle: shims write their log there and would block without a reader. It is drained into our own log. */
import { closeSync, constants, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readFd } from "../../../kernel/fdstream.ts";
import { linuxKernel } from "../../../kernel/linux.ts";

/** Answers the end of draining. Opened for both ways: the shim may come and go. */
export function drainShimLog(bundle: string, log: (line: string) => void): () => void {
  const path = join(bundle, "log");
  rmSync(path, { force: true });
  linuxKernel.mkfifo(path, 0o600);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  let open = true;
  const read = async (): Promise<void> => {
    for await (const bytes of readFd(fd)) {
      if (!open) return;
      const text = Buffer.from(bytes).toString().trimEnd();
      if (text !== "") log(text);
    }
  };
  read().catch(() => undefined);
  return () => {
    if (!open) return;
    open = false;
    // Wakes the reader, which finds that it is over.
    linuxKernel.write(fd, Uint8Array.of(10));
    setTimeout(() => closeSync(fd), 100).unref();
  };
}
