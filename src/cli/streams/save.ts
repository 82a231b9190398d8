/** A body into a file, which appears whole or not at all; or to stdout. */
import { open, rename, rm } from "node:fs/promises";
import { writeStdout } from "../../kernel/stdout.ts";

export async function saveStream(body: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  if (path === "" || path === "-") {
    for await (const bytes of body) if (!writeStdout(bytes)) return;
    return;
  }
  const part = `${path}.part-${process.pid}`;
  const file = await open(part, "wx", 0o600);
  try {
    for await (const bytes of body) await file.write(bytes);
    await file.close();
    await rename(part, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(part, { force: true });
    throw error;
  }
}
